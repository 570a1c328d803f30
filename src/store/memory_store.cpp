#include "store/memory_store.h"

#include <algorithm>

namespace lamplighter::store {

MemoryStore::MemoryStore(Executor* executor) {
  state_.with([&](State& state) { state.executor = executor; });
}

std::expected<void, StoreError> MemoryStore::State::take(Change change) {
  if (error) return std::unexpected(*error);
  std::visit([&](auto& what) { apply(std::move(what)); }, change);
  ++commits;
  return {};
}

void MemoryStore::State::apply(location::Change change) {
  for (auto& uri : change.remove) {
    const auto found = bindings.find({change.aor, std::move(uri)});
    if (found == bindings.end()) continue;
    if (found->second.binding.expires <= change.remove_if_expired_by) bindings.erase(found);
  }
  for (auto& binding : change.put) {
    auto& bound = bindings[{change.aor, binding.uri}];
    if (bound.binding.registered != binding.registered) bound.confirmed.clear();
    bound.binding = std::move(binding);
  }
}

void MemoryStore::State::apply(KeyChange change) {
  const auto [at, fresh] = keys.try_emplace({std::move(change.aor), std::move(change.name)});
  if (!fresh && change.version <= at->second.version) return;
  at->second = {std::move(change.key), change.version};
}

void MemoryStore::State::apply(KeyChanges changes) {
  for (auto& change : changes.keys) apply(std::move(change));
  for (const auto& press : changes.earlier) apply(press);
  if (changes.press) apply(*changes.press);
}

void MemoryStore::State::apply(const Press& press) {
  auto& at = presses[press.id];
  at = std::max(at, press.at);
  if (const auto kept = press_window.add(press.at)) {
    std::erase_if(presses, [&](const auto& each) { return !kept->holds(each.second); });
  }
}

void MemoryStore::State::apply(Confirmations confirmations) {
  for (auto& confirmation : confirmations) {
    const auto found = bindings.find({std::move(confirmation.aor), std::move(confirmation.contact)});
    if (found == bindings.end() || found->second.binding.registered != confirmation.registered) continue;
    const auto [at, fresh] = found->second.confirmed.try_emplace(std::move(confirmation.name));
    if (!fresh && confirmation.version <= at->second.first) continue;
    at->second = {confirmation.version, confirmation.look};
  }
}

void MemoryStore::fail_with(std::optional<StoreError> error) {
  state_.with([&](State& state) { state.error = std::move(error); });
}

void MemoryStore::hold(std::function<void()> queued) {
  state_.with([&](State& state) {
    state.holding = true;
    state.queued = std::move(queued);
  });
}

// Whoever runs it answers the oldest one, whichever that is by now; after a crash there is none.
void MemoryStore::answer(const std::shared_ptr<Answers>& answers, Executor* executor) {
  const auto next = [](Answers& from) {
    auto answer = from.with([](std::deque<Answer>& waiting) -> std::optional<Answer> {
      if (waiting.empty()) return std::nullopt;
      auto front = std::move(waiting.front());
      waiting.pop_front();
      return front;
    });
    if (answer) answer->done(std::move(answer->result));
  };
  if (!executor) return next(*answers);
  executor->post([answers, next] { next(*answers); });
}

void MemoryStore::commit(Change change, Committed done) {
  std::function<void()> queued;
  Executor* executor = nullptr;
  const auto answers = state_.with([&](State& state) -> std::shared_ptr<Answers> {
    if (state.holding) {
      state.waiting.push_back({std::move(change), std::move(done)});
      queued = state.queued;
      return nullptr;
    }
    executor = state.executor;
    auto result = state.take(std::move(change));
    state.answers->with([&](auto& all) { all.push_back({std::move(done), std::move(result)}); });
    return state.answers;
  });
  if (answers) answer(answers, executor);
  if (queued) queued();
}

std::size_t MemoryStore::release(std::size_t count) { return release(count, false); }

void MemoryStore::stop_holding() { release(std::numeric_limits<std::size_t>::max(), true); }

std::size_t MemoryStore::release(std::size_t count, bool stop) {
  Executor* executor = nullptr;
  const auto answers = state_.with([&](State& state) {
    if (stop) state.holding = false;
    executor = state.executor;
    count = std::min(count, state.waiting.size());
    for (std::size_t i = 0; i < count; ++i) {
      auto& oldest = state.waiting.front();
      auto result = state.take(std::move(oldest.change));
      state.answers->with([&](auto& all) { all.push_back({std::move(oldest.done), std::move(result)}); });
      state.waiting.pop_front();
    }
    return state.answers;
  });
  for (std::size_t i = 0; i < count; ++i) answer(answers, executor);
  return count;
}

std::size_t MemoryStore::held() const {
  return state_.with([](const State& state) { return state.waiting.size(); });
}

void MemoryStore::crash(Executor* executor) {
  // What is dropped may run code of the caller's as it goes: not under the lock.
  std::deque<Waiting> waiting;
  std::deque<Answer> unheard;
  state_.with([&](State& state) {
    state.executor = executor;
    state.press_window = {};
    waiting.swap(state.waiting);
    state.answers->with([&](auto& all) { all.swap(unheard); });
    state.answers = std::make_shared<Answers>();
  });
}

std::expected<void, StoreError> MemoryStore::load(const Visitor& visitor) {
  // Copies, so that the visitor may call back into the store.
  const auto bindings = state_.with([](const State& state) { return state.bindings; });
  const auto keys = state_.with([](const State& state) { return state.keys; });
  const auto presses = state_.with([](const State& state) { return state.presses; });
  for (const auto& [name, bound] : bindings) {
    auto binding = bound.binding;
    if (visitor.binding) visitor.binding(name.first, binding);
  }
  for (const auto& [name, key] : keys) {
    if (visitor.key) visitor.key(name.first, {.name = name.second, .key = key.key, .version = key.version});
  }
  for (const auto& [name, bound] : bindings) {
    if (!visitor.confirmation) break;
    for (const auto& [key, confirmed] : bound.confirmed) {
      visitor.confirmation({.aor = name.first,
                            .contact = name.second,
                            .registered = bound.binding.registered,
                            .name = key,
                            .version = confirmed.first,
                            .look = confirmed.second});
    }
  }
  std::vector<Press> by_age;
  for (const auto& [id, at] : presses) by_age.push_back({.id = id, .at = at});
  std::ranges::sort(by_age, {}, [](const Press& press) { return std::pair(press.at, press.id); });
  for (const auto& press : by_age) {
    if (visitor.press && press.at >= by_age.back().at - kPressesKept) visitor.press(press);
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
  return state_.with([&](State& state) -> Result {
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
