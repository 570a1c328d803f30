#pragma once

#include <optional>
#include <string_view>

#include "base/clock.h"
#include "base/flow.h"

namespace lamplighter::transport {

/// What a worker's loop (or a simulated network) drives: a server core or a user agent. Every call comes on the owner's
/// one thread.
class Receiver {
 public:
  virtual ~Receiver() = default;
  /// One whole message: a datagram, or one framed off a stream. `bytes` live only during the call. `flow.remote` is
  /// where it came from; answering on `flow` leaves from where it arrived.
  virtual void on_message(const Flow& flow, std::string_view bytes, TimePoint now) = 0;
  /// Run every timer due at `now`.
  virtual void on_timers(TimePoint now) = 0;
  /// When on_timers wants to be called next; asked at the end of each turn.
  virtual std::optional<TimePoint> next_timer() const = 0;
  /// How full the kernel's buffer of datagrams is that nobody has read yet, 0 to 1: told after a turn of the loop that
  /// could not take them all, and with 0 once it could.
  virtual void on_backlog(double) {}
  /// A connection ended. Never called for UDP.
  virtual void on_flow_closed(const Flow&, TimePoint) {}
};

}  // namespace lamplighter::transport
