#pragma once

#include <cstdint>
#include <deque>
#include <unordered_set>

#include "base/guarded.h"
#include "service/lamp_desk.h"

namespace lamplighter::service {

/// Presses that were carried out lately, so that one that comes again, also after a restart, is not carried out twice.
/// A request is sent again for 32 s at most (64*T1, RFC 3261 §17.1.2.1); remembered for twice that. Thread safe.
class RecentPresses {
 public:
  static constexpr auto kWindow = std::chrono::seconds{64};

  /// Remembers it; false when it was known.
  bool first(const PressMark& press);
  /// From the store, at start. Remembered as if it had come just now: the clock may have been set while nobody looked.
  void restore(std::uint64_t id, WallTime now);
  std::size_t size() const;

 private:
  struct Known {
    std::unordered_set<std::uint64_t> ids;
    std::deque<PressMark> by_age;
    void forget(WallTime now);
    bool add(const PressMark& press);
  };
  Guarded<Known> known_;
};

}  // namespace lamplighter::service
