#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

namespace lamplighter {

/// Time as timers see it: monotonic, never set back.
using TimePoint = std::chrono::steady_clock::time_point;
using Duration = std::chrono::steady_clock::duration;

/// Time as people and databases see it: milliseconds since 1970 (UTC). It may jump.
using WallTime = std::chrono::time_point<std::chrono::system_clock, std::chrono::milliseconds>;

/// Where the program reads the time. Injected everywhere, so that tests move it by hand.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual TimePoint now() const = 0;
  virtual WallTime wall() const = 0;
};

/// The machine's own clocks.
class SystemClock final : public Clock {
 public:
  TimePoint now() const override { return std::chrono::steady_clock::now(); }
  WallTime wall() const override {
    return std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
  }
};

/// Another clock, whose wall time was read once and has run evenly since: a wall clock that jumps (NTP step,
/// administrator) neither ends all registrations at once nor revives dead ones, and two times of this clock are always
/// in order. The next start reads the new time. While a machine sleeps its monotonic clock may stand still; that shows
/// as a jump, too. Thread safe if the other clock is; that one outlives this.
class JumpGuard final : public Clock {
 public:
  /// Corrections up to this are not worth a log line.
  static constexpr std::chrono::seconds kTolerance{2};

  explicit JumpGuard(const Clock& clock);

  TimePoint now() const override { return clock_.now(); }
  WallTime wall() const override { return wall_at(clock_.now()); }
  /// How far the other clock's wall time is ahead of this one (behind: negative) by now, if more than kTolerance.
  std::optional<Duration> jump() const;

 private:
  WallTime wall_at(TimePoint now) const;

  const Clock& clock_;
  TimePoint started_;
  WallTime wall_started_;
};

/// A clock that stands still until told to move. Not thread safe: for single-threaded tests and simulations.
class ManualClock final : public Clock {
 public:
  TimePoint now() const override { return now_; }
  WallTime wall() const override { return wall_; }
  void advance(Duration by) {
    now_ += by;
    rest_ += by;  // steps below a millisecond add up
    auto whole = std::chrono::duration_cast<std::chrono::milliseconds>(rest_);
    wall_ += whole;
    rest_ -= whole;
  }
  /// Sets the wall clock alone: an administrator or NTP moved it.
  void set_wall(WallTime wall) { wall_ = wall; }

 private:
  TimePoint now_{std::chrono::hours{1}};
  WallTime wall_{std::chrono::milliseconds{1'700'000'000'000}};
  Duration rest_{0};
};

}  // namespace lamplighter
