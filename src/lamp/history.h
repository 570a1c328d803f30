#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "lamp/key.h"
#include "lamp/keyboard.h"

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

enum class HistoryKind : std::uint8_t {
  kChange,       ///< look, cleared, origin, detail: a new desired state
  kConfirmed,    ///< contact, status: the phone has it
  kRefused,      ///< contact, status: a final error
  kRetrying,     ///< contact, status: an error that is tried again
  kUnreachable,  ///< contact: no answer
  kAbandoned,    ///< contact: the phone moved, left or booted before it answered
};

/// Something that happened to one key: it was changed, or a contact was told and how that ended.
template <typename Text>
struct BasicHistoryEntry {
  using Kind = HistoryKind;
  Kind kind = Kind::kChange;
  Origin::Kind origin = Origin::Kind::kApi;
  bool cleared = false;
  int status = 0;
  Look look{};
  WallTime at{};                         ///< of the change, or when the attempt ended
  std::uint64_t version = 0;             ///< of the key's state that this is about
  std::chrono::microseconds latency{0};  ///< from sending to the outcome
  // NOLINTBEGIN(readability-redundant-member-init): for g++, see Key
  Text contact = {};  ///< Contact URI
  Text call_id = {};  ///< of the attempt
  Text detail = {};   ///< of the origin; else what more is known about the outcome, or empty
  // NOLINTEND(readability-redundant-member-init)
};
/// To be written down: its texts are somebody else's.
using HistoryNote = BasicHistoryEntry<std::string_view>;
using HistoryEntry = BasicHistoryEntry<std::string>;
/// "change", "confirmed", "refused", "retrying", "unreachable", "abandoned"
std::string_view name_of(HistoryKind kind);

/// The latest events of many keys in one ring: bounded memory however many keys there are; busy keys push out the
/// oldest entries, whosever they are. Entries of one key are chained, newest first.
class History {
 public:
  /// `capacity` 0 keeps nothing.
  explicit History(std::size_t capacity);

  /// Adds an entry and makes it the newest of its key: `newest` is the key's place in the chain (Keyboard::history).
  void add(std::uint64_t& newest, const HistoryNote& note);
  /// The entries of a key that are still there, oldest first.
  std::vector<HistoryEntry> of(std::uint64_t newest) const;
  std::size_t capacity() const { return capacity_; }

 private:
  struct Place {
    std::uint64_t number = 0;                ///< counts entries from 1
    std::uint64_t older = 0;                 ///< number of the same key's entry before
    HistoryNote note;                        ///< without its texts
    std::uint16_t contact = 0, call_id = 0;  ///< their lengths in `text`; what is left is the detail
    std::string text;                        ///< one for all three: its memory serves the next entry too
  };
  std::uint64_t last_ = 0;
  std::vector<Place> ring_;  ///< entry n stands at (n - 1) % capacity; grows up to it
  std::size_t capacity_;
};

}  // namespace lamplighter::lamp
