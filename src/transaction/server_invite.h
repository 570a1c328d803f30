#pragma once

#include <cstdint>

#include "transaction/action.h"
#include "transaction/machine.h"

namespace lamplighter::transaction {

/// INVITE server transaction: RFC 3261 §17.2.1, figure 7, with the Accepted state of RFC 6026 §7.1.
/// The figure's "100 Trying if the TU won't answer within 200 ms" is not here: the user sends its 100 itself, at once,
/// when it has no better answer. Proceeding lasts as long as the user likes; ending it (RFC 3261 §16.6 timer C) is its
/// business.
class ServerInvite {
 public:
  enum class State : std::uint8_t { kProceeding, kCompleted, kConfirmed, kAccepted, kTerminated };

  /// `timers` must outlive the machine.
  explicit ServerInvite(bool reliable = false, const TimerBase& timers = kRfcTimers)
      : timers_(&timers), reliable_(reliable) {}

  Actions on_created();
  /// A retransmission of the INVITE.
  Actions on_request();
  Actions on_ack();
  Actions on_respond(int status);
  Actions on_timer(Timer timer);
  Actions on_transport_error();

  State state() const { return state_; }

 private:
  const TimerBase* timers_;
  State state_ = State::kProceeding;
  bool reliable_;
  bool answered_ = false;  ///< a provisional response is kept
  std::uint8_t repeats_ = 0;
};

}  // namespace lamplighter::transaction
