#include "base/clock.h"

namespace lamplighter {

JumpGuard::JumpGuard(const Clock& clock) : clock_(clock), started_(clock.now()), wall_started_(clock.wall()) {}

WallTime JumpGuard::wall_at(TimePoint now) const {
  return wall_started_ + std::chrono::duration_cast<std::chrono::milliseconds>(now - started_);
}

std::optional<Duration> JumpGuard::jump() const {
  const auto ahead = clock_.wall() - wall_at(clock_.now());
  if (std::chrono::abs(ahead) <= kTolerance) return std::nullopt;
  return ahead;
}

}  // namespace lamplighter
