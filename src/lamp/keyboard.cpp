#include "lamp/keyboard.h"

#include <algorithm>
#include <utility>

#include "lamp/x_buttons.h"

namespace lamplighter::lamp {
namespace {

// Numbers as people count: the shorter one is the smaller one; other names come out in a stable order too.
bool before(std::string_view a, std::string_view b) { return a.size() != b.size() ? a.size() < b.size() : a < b; }

std::expected<void, KeyboardError> check(std::string_view name, const std::optional<Key>& key, KeyboardLimits limits) {
  using Kind = KeyboardError::Kind;
  if (const auto checked = check_key_name(name); !checked) {
    return std::unexpected(KeyboardError{Kind::kName, "key name: " + checked.error()});
  }
  if (!key) return {};
  const XButtonsLimits values{.value = limits.value};
  for (const auto& [what, text] : {std::pair{"label", &key->label}, std::pair{"number", &key->number}}) {
    if (const auto checked = check_value(*text, values); !checked) {
      return std::unexpected(KeyboardError{Kind::kValue, std::string(what) + ": " + checked.error()});
    }
  }
  return {};
}

}  // namespace

std::string_view name_of(Origin::Kind kind) {
  switch (kind) {
    case Origin::Kind::kDial: return "dial";
    case Origin::Kind::kPress: return "press";
    case Origin::Kind::kApi: return "api";
    case Origin::Kind::kRestore: return "restore";
  }
  return "";
}

std::vector<KeyState>::iterator Keyboard::place_of(std::string_view name) {
  return std::ranges::lower_bound(keys_, name, before, &KeyState::name);
}

const KeyState* Keyboard::find(std::string_view name) const {
  const auto place = std::ranges::lower_bound(keys_, name, before, &KeyState::name);
  return place != keys_.end() && place->name == name ? &*place : nullptr;
}

Keyboard::Outcome Keyboard::set(std::string_view name, const std::optional<Key>& key, WallTime now) {
  const auto place = place_of(name);
  const bool there = place != keys_.end() && place->name == name;
  if (!key && !there) return {version_, false};
  if (key && there && place->key == *key) return {place->version, false};

  const auto wall = now.time_since_epoch().count();
  version_ = std::max(version_ + 1, static_cast<std::uint64_t>(std::max<decltype(wall)>(wall, 0)));
  if (!key) {
    keys_.erase(place);
  } else if (there) {
    place->key = *key;
    place->version = version_;
  } else {
    keys_.insert(place, {KeyName(name), *key, version_});
  }
  return {version_, true};
}

void Keyboard::restore(KeyName name, Key key, std::uint64_t version) {
  version_ = std::max(version_, version);
  const auto place = place_of(name);
  if (place == keys_.end() || place->name != name) {
    keys_.insert(place, {std::move(name), std::move(key), version});
  } else if (place->version < version) {
    place->key = std::move(key);
    place->version = version;
  }
}

Keyboards::Keyboards(KeyboardLimits limits) : limits_(limits) {}

const Guarded<Keyboards::Shard>& Keyboards::shard_of(std::string_view aor) const {
  return shards_[Hash{}(aor) % kShards];
}

Guarded<Keyboards::Shard>& Keyboards::shard_of(std::string_view aor) { return shards_[Hash{}(aor) % kShards]; }

std::expected<Change, KeyboardError> Keyboards::set(std::string_view aor, std::string_view name,
                                                    const std::optional<Key>& key, Origin origin, WallTime now) {
  if (const auto checked = check(name, key, limits_); !checked) return std::unexpected(checked.error());

  const auto outcome = shard_of(aor).with([&](Shard& shard) -> std::expected<Keyboard::Outcome, KeyboardError> {
    auto phone = shard.find(aor);
    if (phone == shard.end()) {
      if (!key) return Keyboard::Outcome{0, false};  // clearing what never was leaves no trace
      phone = shard.try_emplace(std::string(aor)).first;
    }
    Keyboard& keyboard = phone->second;
    if (key && keyboard.keys().size() >= limits_.keys_per_phone && keyboard.find(name) == nullptr) {
      return std::unexpected(KeyboardError{KeyboardError::Kind::kTooManyKeys,
                                           "key " + std::string(name) + ": the phone has " +
                                               std::to_string(keyboard.keys().size()) + " keys set already, expected " +
                                               "at most " + std::to_string(limits_.keys_per_phone) +
                                               " (lamp.keys_per_phone)"});
    }
    return keyboard.set(name, key, now);
  });
  if (!outcome) return std::unexpected(outcome.error());
  return Change{std::string(aor), KeyName(name), key, outcome->version, outcome->changed, std::move(origin), now};
}

void Keyboards::restore(std::string_view aor, KeyName name, Key key, std::uint64_t version) {
  shard_of(aor).with([&](Shard& shard) {
    auto phone = shard.find(aor);
    if (phone == shard.end()) phone = shard.try_emplace(std::string(aor)).first;
    phone->second.restore(std::move(name), std::move(key), version);
  });
}

Keyboard Keyboards::snapshot(std::string_view aor) const {
  return shard_of(aor).with([&](const Shard& shard) {
    const auto phone = shard.find(aor);
    return phone == shard.end() ? Keyboard() : phone->second;
  });
}

std::optional<KeyState> Keyboards::find(std::string_view aor, std::string_view name) const {
  return shard_of(aor).with([&](const Shard& shard) -> std::optional<KeyState> {
    const auto phone = shard.find(aor);
    if (phone == shard.end()) return std::nullopt;
    const KeyState* state = phone->second.find(name);
    return state == nullptr ? std::nullopt : std::optional(*state);
  });
}

void Keyboards::for_each(const std::function<void(std::string_view, const Keyboard&)>& visit) const {
  for (const auto& shard : shards_) {
    shard.with([&](const Shard& phones) {
      for (const auto& [aor, keyboard] : phones) visit(aor, keyboard);
    });
  }
}

std::size_t Keyboards::phones() const {
  std::size_t count = 0;
  for (const auto& shard : shards_) count += shard.with([](const Shard& phones) { return phones.size(); });
  return count;
}

}  // namespace lamplighter::lamp
