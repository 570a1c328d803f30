#include "location/credentials.h"

#include <utility>

namespace lamplighter::location {

namespace {

// NUL stands in no user name and no realm, so "a" + "b.c" and "a.b" + "c" stay apart.
std::string name_in(std::string_view user, std::string_view realm) {
  std::string name;
  name.reserve(user.size() + 1 + realm.size());
  return name.append(user).append(1, '\0').append(realm);
}

}  // namespace

void Credentials::replace(std::vector<Credential> all) {
  std::unordered_map<std::string, Credential> fresh;
  fresh.reserve(all.size());
  for (auto& credential : all) {
    auto name = name_in(credential.user, credential.realm);
    fresh.insert_or_assign(std::move(name), std::move(credential));
  }
  // Swapped, so that the old table is freed outside the lock.
  by_name_.with([&](auto& by_name) { by_name.swap(fresh); });
}

std::optional<Credential> Credentials::find(std::string_view user, std::string_view realm) const {
  const auto name = name_in(user, realm);
  return by_name_.with([&](const auto& by_name) -> std::optional<Credential> {
    const auto found = by_name.find(name);
    if (found == by_name.end()) return std::nullopt;
    return found->second;
  });
}

std::size_t Credentials::size() const {
  return by_name_.with([](const auto& by_name) { return by_name.size(); });
}

}  // namespace lamplighter::location
