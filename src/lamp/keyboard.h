#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "lamp/key.h"

namespace lamplighter::lamp {

/// One key that was set or cleared, and the version of its keyboard at which it was.
struct KeyState {
  KeyName name;
  std::optional<Key> key;  ///< none: cleared, the lamp shall be dark
  std::uint64_t version = 0;

  friend bool operator==(const KeyState&, const KeyState&) = default;
};

/// What a lamp looks like: the part of a key that is kept of a state that is no longer desired.
struct Look {
  Light light = Light::kOff;
  std::optional<Color> color = std::nullopt;

  friend bool operator==(const Look&, const Look&) = default;
};
/// A cleared key is dark.
inline Look look_of(const std::optional<Key>& key) { return key ? Look{key->light, key->color} : Look{}; }

/// The desired keys of one phone: a slot for every key that was ever set. A cleared key keeps its slot: a phone that
/// was away when it was cleared must be told, and a stored older state must not come back. Slots are numbered from 0 in
/// the order of first use and keep their number, so that what contacts have confirmed can be kept beside them.
///
/// Versions only grow, also over clearing and restarts: the next one is the wall clock's milliseconds or one more than
/// the last, whichever is higher. A version that a phone confirmed never comes to mean another state.
class Keyboard {
 public:
  using Index = std::uint16_t;

  std::size_t size() const { return slots_.size(); }
  /// Slots with a key, without the cleared ones.
  std::size_t set_keys() const { return set_; }
  std::uint64_t version() const { return version_; }
  std::optional<Index> find(std::string_view name) const;

  KeyState at(Index slot) const;
  std::string_view name(Index slot) const { return slots_[slot].name; }
  const std::optional<Key>& key(Index slot) const { return slots_[slot].key; }
  std::uint64_t version(Index slot) const { return slots_[slot].version; }
  /// The newest version of this key that the store has taken, or given up on: see Delivery::next().
  std::uint64_t released(Index slot) const { return slots_[slot].released; }
  /// The newest history entry of this key (History), 0: none.
  std::uint64_t& history(Index slot) { return slots_[slot].history; }
  std::uint64_t history(Index slot) const { return slots_[slot].history; }

  /// Gives the key a state; a new slot when it has none. Returns its slot, or nothing when it was so already.
  std::optional<Index> set(std::string_view name, const std::optional<Key>& key, WallTime now);
  /// Takes a cleared slot for a new key of another name: the caller knows that every contact has confirmed it dark.
  void reuse(Index slot, std::string_view name);
  /// The store's verdict on a version; older ones change nothing.
  void release(Index slot, std::uint64_t version);
  /// Takes over a stored state, unless what is there is newer. It counts as released.
  void restore(KeyState state);
  /// No version up to this one is given again: a phone may have confirmed it.
  void pass(std::uint64_t version);

 private:
  struct Slot {
    KeyName name;
    std::optional<Key> key;
    std::uint64_t version = 0;
    std::uint64_t released = 0;
    std::uint64_t history = 0;
  };

  Index append(KeyName name);
  void assign(Slot& slot, std::optional<Key> key, std::uint64_t version);

  std::uint64_t version_ = 0;
  std::size_t set_ = 0;
  std::vector<Slot> slots_;
};

/// Names as people count: "2" before "10".
bool name_before(std::string_view a, std::string_view b);

}  // namespace lamplighter::lamp
