#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/clock.h"

namespace lamplighter {

/// Names one scheduled timer. A handle outlives its timer harmlessly: cancelling a timer that fired does nothing.
struct TimerHandle {
  std::uint32_t slot = 0;
  std::uint32_t generation = 0;  ///< 0: no timer
  explicit operator bool() const { return generation != 0; }
};

/// Hierarchical timing wheel: 4 levels of 256 slots, one tick a millisecond; schedule, cancel and expiry are O(1).
/// Timers carry two words that the owner understands (what, whom). Not thread safe: one per worker.
class TimerWheel {
 public:
  struct Expired {
    std::uint64_t owner;
    std::uint32_t kind;
  };

  explicit TimerWheel(TimePoint start);

  /// Fires at the first tick not before `at`. Timers further away than the wheel reaches (49 days) wait beside it and
  /// are just as exact. Timers for the same tick fire in the order they were scheduled.
  TimerHandle schedule(TimePoint at, std::uint64_t owner, std::uint32_t kind);
  /// Returns whether the timer was still waiting.
  bool cancel(TimerHandle handle);

  /// Takes out every timer due at `now`, earliest first, and hands each to `fire(Expired)`.
  /// `fire` may schedule and cancel; a timer it schedules for `now` or earlier fires in the next call.
  template <typename F>
  void advance(TimePoint now, F&& fire) {
    collect(now);
    // By index: `fire` may schedule timers, never touches due_. A timer cancelled meanwhile is skipped.
    for (std::size_t i = 0; i < due_.size(); ++i) {
      if (auto expired = take_due(i)) fire(*expired);
    }
    due_.clear();
  }

  /// When to call `advance` next: exact for timers in the first wheel level, else the next cascade; nothing when idle.
  std::optional<TimePoint> next() const;

  std::size_t size() const { return size_; }

 private:
  static constexpr std::uint32_t kNil = 0xffffffff;
  static constexpr int kLevels = 4;
  static constexpr int kSlotBits = 8;
  static constexpr std::uint32_t kSlots = 1u << kSlotBits;
  // Besides the slots: what is due already, and what lies beyond the top level's turn.
  static constexpr std::uint32_t kOverdue = kLevels * kSlots;
  static constexpr std::uint32_t kBeyond = kOverdue + 1;
  static constexpr std::uint32_t kLists = kBeyond + 1;

  struct Node {
    std::uint64_t owner = 0;
    std::uint64_t tick = 0;
    std::uint32_t kind = 0;
    std::uint32_t generation = 1;
    std::uint32_t next = kNil;
    std::uint32_t prev = kNil;
    std::uint32_t list = kNil;  ///< level * kSlots + slot, kOverdue, kBeyond, kDue when collected, kNil when free
  };
  /// A list's ends: timers join at the tail and leave from the head, so that equal ticks keep their order.
  struct Ends {
    std::uint32_t head = kNil;
    std::uint32_t tail = kNil;
  };

  static constexpr std::uint32_t kDue = 0xfffffffe;

  std::uint64_t tick_of(TimePoint at) const;
  std::uint32_t list_for(std::uint64_t tick) const;
  std::optional<std::uint64_t> next_tick() const;
  void link(std::uint32_t index, std::uint32_t list);
  void unlink(std::uint32_t index);
  void release(std::uint32_t index);
  void relink(std::uint32_t list);
  void take(std::uint32_t list);
  void collect(TimePoint now);
  std::optional<Expired> take_due(std::size_t index);

  TimePoint start_;
  std::uint64_t tick_ = 0;  ///< every timer at or before this tick has been collected
  std::size_t size_ = 0;
  std::vector<Node> nodes_;
  std::uint32_t free_ = kNil;
  std::array<Ends, kLists> lists_;
  std::array<std::array<std::uint64_t, kSlots / 64>, kLevels> occupied_{};
  std::vector<std::uint32_t> due_;
};

}  // namespace lamplighter
