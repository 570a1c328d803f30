#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/guarded.h"
#include "lamp/key.h"

namespace lamplighter::lamp {

/// Who asked for a change, for the log and the history.
struct Origin {
  enum class Kind : std::uint8_t { kDial, kPress, kApi, kRestore };
  Kind kind = Kind::kApi;
  std::string detail;  ///< "431 dialled from 192.0.2.7:5060"

  friend bool operator==(const Origin&, const Origin&) = default;
};
/// "dial", "press", "api", "restore"
std::string_view name_of(Origin::Kind kind);

/// One key that was set, and the version of its keyboard at which it was.
struct KeyState {
  KeyName name;
  Key key;
  std::uint64_t version = 0;

  friend bool operator==(const KeyState&, const KeyState&) = default;
};

/// What came of a request to set or clear a key.
struct Change {
  std::string aor;
  KeyName name;
  std::optional<Key> key;     ///< none: cleared
  std::uint64_t version = 0;  ///< of the key's state now; unchanged when nothing changed
  bool changed = false;       ///< false: it was so already
  Origin origin;
  WallTime at;
};

/// Why a key cannot be set.
struct KeyboardError {
  enum class Kind : std::uint8_t { kName, kValue, kTooManyKeys };
  Kind kind;
  std::string what;  ///< "key 13: the phone has 12 keys set already, expected at most 12 (lamp.keys_per_phone)"
};

/// The desired keys of one phone. Versions only grow, also over clearing and (unless the wall clock is set back) over
/// restarts: the next one is the wall clock's milliseconds or one more than the last, whichever is higher. So a version
/// that a phone confirmed can never come to mean another state.
class Keyboard {
 public:
  std::uint64_t version() const { return version_; }
  /// Ordered by name as people count: "2" before "10".
  std::span<const KeyState> keys() const& { return keys_; }
  std::span<const KeyState> keys() && = delete;  ///< of a temporary: would dangle
  const KeyState* find(std::string_view name) const;

  /// Sets a key, or clears it. Returns the version of the key's state, and whether anything changed.
  struct Outcome {
    std::uint64_t version;
    bool changed;
  };
  Outcome set(std::string_view name, const std::optional<Key>& key, WallTime now);
  /// Takes over a stored key, unless what is there is newer.
  void restore(KeyName name, Key key, std::uint64_t version);

 private:
  std::vector<KeyState>::iterator place_of(std::string_view name);

  std::uint64_t version_ = 0;
  std::vector<KeyState> keys_;
};

struct KeyboardLimits {
  std::size_t keys_per_phone = 256;
  std::size_t value = 256;  ///< bytes of a label or number
};

/// The desired keys of all phones: address of record → keyboard. Sharded; every method may be called from any thread.
class Keyboards {
 public:
  explicit Keyboards(KeyboardLimits limits = {});

  /// The one function through which every change of a key goes. No key: clears it. Asking for what is already there
  /// changes nothing, and the answer says so.
  std::expected<Change, KeyboardError> set(std::string_view aor, std::string_view name, const std::optional<Key>& key,
                                           Origin origin, WallTime now);

  /// Takes over a stored key, at start. Not a change; limits do not apply to what was accepted once.
  void restore(std::string_view aor, KeyName name, Key key, std::uint64_t version);

  /// A copy; empty with version 0 when no key of this phone was ever set.
  Keyboard snapshot(std::string_view aor) const;
  std::optional<KeyState> find(std::string_view aor, std::string_view name) const;

  /// Calls visit(aor, keyboard) for every phone, shard by shard with the shard locked: no I/O and no other call in
  /// there.
  void for_each(const std::function<void(std::string_view, const Keyboard&)>& visit) const;
  std::size_t phones() const;

 private:
  static constexpr std::size_t kShards = 64;
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  using Shard = std::unordered_map<std::string, Keyboard, Hash, std::equal_to<>>;

  const Guarded<Shard>& shard_of(std::string_view aor) const;
  Guarded<Shard>& shard_of(std::string_view aor);

  KeyboardLimits limits_;
  std::array<Guarded<Shard>, kShards> shards_;
};

}  // namespace lamplighter::lamp
