#pragma once

#include <cstdint>

#include "transaction/action.h"
#include "transaction/machine.h"

namespace lamplighter::transaction {

/// Client transaction of every method but INVITE and ACK: RFC 3261 §17.1.2, figure 6.
class ClientNonInvite {
 public:
  enum class State : std::uint8_t { kTrying, kProceeding, kCompleted, kTerminated };

  /// `timers` must outlive the machine.
  explicit ClientNonInvite(bool reliable = false, const TimerBase& timers = kRfcTimers)
      : timers_(&timers), reliable_(reliable) {}

  Actions on_created();
  Actions on_response(int status);
  Actions on_timer(Timer timer);
  Actions on_transport_error();
  /// The peer is known to be there again: the request is sent at once, and timer E starts over (§17.1.2.2 allows any
  /// pace; timer F goes on).
  Actions on_resend();

  State state() const { return state_; }

 private:
  const TimerBase* timers_;
  State state_ = State::kTrying;
  bool reliable_;
  std::uint8_t repeats_ = 0;
};

}  // namespace lamplighter::transaction
