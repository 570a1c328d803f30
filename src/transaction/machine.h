#pragma once

#include "base/clock.h"
#include "transaction/action.h"

// Words the four machines share, so that they read like the figures of RFC 3261 §17.
namespace lamplighter::transaction {

/// Table 4 of RFC 3261 as it stands.
inline constexpr TimerBase kRfcTimers{};

// In a namespace of their own, for the machines' sources: states and failures have some of the same names.
namespace act {
inline constexpr Action kSendRequest{Action::Kind::kSendRequest};
inline constexpr Action kSendAck{Action::Kind::kSendAck};
inline constexpr Action kSendCancel{Action::Kind::kSendCancel};
inline constexpr Action kKeepResponse{Action::Kind::kKeepResponse};
inline constexpr Action kSendResponse{Action::Kind::kSendResponse};
inline constexpr Action kDeliver{Action::Kind::kDeliver};
inline constexpr Action kDeliverRequest{Action::Kind::kDeliverRequest};
inline constexpr Action kDeliverAck{Action::Kind::kDeliverAck};
inline constexpr Action kTimeout{Action::Kind::kTimeout};
inline constexpr Action kTransportFailure{Action::Kind::kTransportFailure};
inline constexpr Action kTerminated{Action::Kind::kTerminated};
}  // namespace act

constexpr Action start(Timer timer, Duration after) { return {Action::Kind::kStart, timer, after}; }
constexpr Action stop(Timer timer) { return {Action::Kind::kStop, timer, {}}; }

constexpr bool is_provisional(int status) { return status >= 100 && status < 200; }
constexpr bool is_success(int status) { return status >= 200 && status < 300; }
constexpr bool is_refusal(int status) { return status >= 300 && status < 700; }
constexpr bool is_final(int status) { return is_success(status) || is_refusal(status); }

/// How long a request is worth waiting for: timers B, D, F, H, J, L, M.
constexpr Duration patience(const TimerBase& timers) { return 64 * timers.t1; }

/// The n-th interval of timers E and G, counted from 0: T1 doubling up to T2 (RFC 3261 §17.1.2.2, §17.2.1).
constexpr Duration capped_interval(const TimerBase& timers, unsigned n) {
  auto interval = timers.t1;
  while (n-- > 0 && interval < timers.t2) interval *= 2;
  return interval < timers.t2 ? interval : timers.t2;
}

/// How long a peer's timer E takes to reach T2: 3.5 s with the RFC's values (RFC 4320 §4.1).
constexpr Duration until_t2(const TimerBase& timers) {
  Duration sum{};
  for (auto interval = timers.t1; interval > Duration{} && interval < timers.t2; interval *= 2) sum += interval;
  return sum;
}

}  // namespace lamplighter::transaction
