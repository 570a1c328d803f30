#include "lamp/keyboard.h"

#include <algorithm>
#include <cassert>
#include <limits>
#include <utility>

namespace lamplighter::lamp {

// A phone has some dozen keys: a scan beats an index that every phone would pay memory for.
std::optional<Keyboard::Index> Keyboard::find(std::string_view name) const {
  const auto slot = std::ranges::find(slots_, name, &Slot::name);
  if (slot == slots_.end()) return std::nullopt;
  return static_cast<Index>(slot - slots_.begin());
}

KeyState Keyboard::at(Index slot) const {
  const auto& [name, key, version, released, history] = slots_[slot];
  return {name, key, version};
}

Keyboard::Index Keyboard::append(KeyName name) {
  assert(check_key_name(name));
  assert(slots_.size() < std::numeric_limits<Index>::max());
  slots_.emplace_back().name = std::move(name);
  return static_cast<Index>(slots_.size() - 1);
}

void Keyboard::assign(Slot& slot, std::optional<Key> key, std::uint64_t version) {
  set_ += static_cast<std::size_t>(key.has_value());
  set_ -= static_cast<std::size_t>(slot.key.has_value());
  slot.key = std::move(key);
  slot.version = version;
}

std::optional<Keyboard::Index> Keyboard::set(std::string_view name, const std::optional<Key>& key, WallTime now) {
  auto index = find(name);
  if (index ? slots_[*index].key == key : !key) return std::nullopt;
  if (!index) index = append(KeyName(name));

  const auto wall = now.time_since_epoch().count();
  version_ = std::max(version_ + 1, static_cast<std::uint64_t>(std::max<decltype(wall)>(wall, 0)));
  assign(slots_[*index], key, version_);
  return index;
}

void Keyboard::reuse(Index slot, std::string_view name) {
  assert(!slots_[slot].key && !find(name) && check_key_name(name));
  slots_[slot] = Slot{.name = KeyName(name), .key = std::nullopt};
}

void Keyboard::release(Index slot, std::uint64_t version) {
  slots_[slot].released = std::max(slots_[slot].released, version);
}

void Keyboard::restore(KeyState state) {
  pass(state.version);
  auto index = find(state.name);
  if (!index) index = append(std::move(state.name));
  Slot& slot = slots_[*index];
  if (slot.version < state.version) assign(slot, std::move(state.key), state.version);
  release(*index, state.version);
}

void Keyboard::pass(std::uint64_t version) { version_ = std::max(version_, version); }

bool name_before(std::string_view a, std::string_view b) { return a.size() != b.size() ? a.size() < b.size() : a < b; }

}  // namespace lamplighter::lamp
