#pragma once

#include <array>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <initializer_list>

#include "base/clock.h"

namespace lamplighter::transaction {

/// Timers A–K of RFC 3261 §17 (table 4), L and M of RFC 6026 §7, and three the RFCs leave nameless.
enum class Timer : std::uint8_t {
  kA,
  kB,
  kC,
  kD,
  kE,
  kF,
  kG,
  kH,
  kI,
  kJ,
  kK,
  kL,
  kM,
  kCancel,    ///< how long a cancelled INVITE waits for its final response (RFC 3261 §9.1)
  kGuard,     ///< frees a non-INVITE server transaction whose user never answers
  kFlowGone,  ///< the table's own: tells a machine of a transport error in the wheel's next turn
};

/// Round trip estimates the timers derive from (RFC 3261 §17.1.1.1).
struct TimerBase {
  Duration t1 = std::chrono::milliseconds{500};
  Duration t2 = std::chrono::seconds{4};
  Duration t4 = std::chrono::seconds{5};
};

/// What a machine wants done after an event, in order.
struct Action {
  enum class Kind : std::uint8_t {
    kSendRequest,       ///< (re)transmit the client transaction's request
    kSendAck,           ///< client INVITE: send the ACK for a non-2xx final
    kSendCancel,        ///< client INVITE: send the CANCEL that was asked for
    kKeepResponse,      ///< server: the response in hand becomes the one that kSendResponse repeats
    kSendResponse,      ///< server: send the response in hand, else repeat the kept one
    kStart,             ///< start (or restart) `timer` to fire after `after`
    kStop,              ///< stop `timer`
    kDeliver,           ///< client: hand the response to the transaction user
    kDeliverRequest,    ///< server: hand the request to the transaction user
    kDeliverAck,        ///< server INVITE: an ACK in Accepted goes to the transaction user (RFC 6026 §7.1)
    kTimeout,           ///< tell the transaction user: no final response came, or no ACK
    kTransportFailure,  ///< tell the transaction user: the request or response could not be sent
    kTerminated,        ///< the transaction is over: forget it and its timers
  };
  Kind kind;
  Timer timer{};
  Duration after{};

  friend bool operator==(const Action&, const Action&) = default;
};

/// A few actions by value: no event yields more.
class Actions {
 public:
  Actions() = default;
  Actions(std::initializer_list<Action> actions) {
    for (const auto& action : actions) push(action);
  }
  void push(Action action) {
    assert(count_ < actions_.size());
    actions_[count_++] = action;
  }
  const Action* begin() const { return actions_.data(); }
  const Action* end() const { return actions_.data() + count_; }
  std::size_t size() const { return count_; }

 private:
  std::array<Action, 6> actions_{};
  std::size_t count_ = 0;
};

}  // namespace lamplighter::transaction
