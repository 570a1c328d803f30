#include "store/memory_store.h"

namespace lamplighter::store {

void MemoryStore::State::apply(location::Change change) {
  for (auto& uri : change.remove) {
    const auto found = bindings.find({change.aor, std::move(uri)});
    if (found != bindings.end() && found->second.expires <= change.remove_if_expired_by) bindings.erase(found);
  }
  for (auto& binding : change.put) {
    Name name{change.aor, binding.uri};
    bindings.insert_or_assign(std::move(name), std::move(binding));
  }
}

void MemoryStore::State::apply(KeyChange change) {
  Name name{std::move(change.aor), std::move(change.name)};
  if (change.key) {
    keys.insert_or_assign(std::move(name), std::pair(*std::move(change.key), change.version));
  } else {
    keys.erase(name);
  }
}

void MemoryStore::fail_with(std::optional<StoreError> error) {
  state_.with([&](State& state) { state.error = std::move(error); });
}

void MemoryStore::commit(Change change, Committed done) {
  auto result = state_.with([&](State& state) -> std::expected<void, StoreError> {
    if (state.error) return std::unexpected(*state.error);
    std::visit([&](auto& what) { state.apply(std::move(what)); }, change);
    ++state.commits;
    return {};
  });
  if (!executor_) return done(std::move(result));
  executor_->post([done = std::move(done), result = std::move(result)]() mutable { done(std::move(result)); });
}

std::expected<void, StoreError> MemoryStore::load(const Visitor& visitor) {
  // A copy, so that the visitor may call back into the store.
  auto bindings = state_.with([](const State& state) { return state.bindings; });
  auto keys = state_.with([](const State& state) { return state.keys; });
  for (auto& [name, binding] : bindings) {
    if (visitor.binding) visitor.binding(name.first, std::move(binding));
  }
  for (auto& [name, key] : keys) {
    if (visitor.key) visitor.key(name.first, name.second, std::move(key.first), key.second);
  }
  return {};
}

std::expected<std::vector<location::Credential>, StoreError> MemoryStore::credentials() {
  return state_.with([](const State& state) {
    std::vector<location::Credential> all;
    all.reserve(state.credentials.size());
    for (const auto& [name, credential] : state.credentials) all.push_back(credential);
    return all;
  });
}

std::expected<void, StoreError> MemoryStore::put_credential(const location::Credential& credential) {
  return state_.with([&](State& state) -> std::expected<void, StoreError> {
    if (state.error) return std::unexpected(*state.error);
    state.credentials.insert_or_assign({credential.user, credential.realm}, credential);
    return {};
  });
}

std::expected<bool, StoreError> MemoryStore::remove_credential(std::string_view user, std::string_view realm) {
  return state_.with([&](State& state) -> std::expected<bool, StoreError> {
    if (state.error) return std::unexpected(*state.error);
    return state.credentials.erase({std::string(user), std::string(realm)}) > 0;
  });
}

std::size_t MemoryStore::commits() const {
  return state_.with([](const State& state) { return state.commits; });
}

std::size_t MemoryStore::bindings() const {
  return state_.with([](const State& state) { return state.bindings.size(); });
}

}  // namespace lamplighter::store
