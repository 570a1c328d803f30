#pragma once

#include <cstdint>

#include "transaction/action.h"
#include "transaction/machine.h"

namespace lamplighter::transaction {

/// INVITE client transaction: RFC 3261 §17.1.1, figure 5, with the Accepted state of RFC 6026 §7.2 and the CANCEL of
/// RFC 3261 §9.1.
class ClientInvite {
 public:
  enum class State : std::uint8_t { kCalling, kProceeding, kCompleted, kAccepted, kTerminated };

  /// `timers` must outlive the machine.
  explicit ClientInvite(bool reliable = false, const TimerBase& timers = kRfcTimers)
      : timers_(&timers), reliable_(reliable) {}

  Actions on_created();
  Actions on_response(int status);
  /// The user gives up: kSendCancel follows now or with the first provisional response.
  Actions on_cancel();
  Actions on_timer(Timer timer);
  Actions on_transport_error();

  State state() const { return state_; }
  bool cancelled() const { return cancelled_; }

 private:
  Actions stop_waiting(int status) const;
  void cancel_now(Actions& actions) const;

  const TimerBase* timers_;
  State state_ = State::kCalling;
  bool reliable_;
  bool cancelled_ = false;
  std::uint8_t repeats_ = 0;
};

}  // namespace lamplighter::transaction
