#pragma once

#include <cstdint>

#include "transaction/action.h"
#include "transaction/machine.h"

namespace lamplighter::transaction {

/// Server transaction of every method but INVITE and ACK: RFC 3261 §17.2.2, figure 8, as RFC 4320 §4 restrains it:
/// - no provisional response but 100, and over UDP that one not before the client's timer E has slowed down to T2. A
/// 100
///   given earlier is held until then, so the user may answer 100 whenever it likes;
/// - 408 is never sent: the client has given up by itself. The transaction then stays silent.
/// A user that never answers is a defect, but no leak: after twice the time the client waits the transaction ends.
class ServerNonInvite {
 public:
  enum class State : std::uint8_t { kTrying, kProceeding, kCompleted, kTerminated };

  /// `timers` must outlive the machine.
  explicit ServerNonInvite(bool reliable = false, const TimerBase& timers = kRfcTimers)
      : timers_(&timers), reliable_(reliable), may_try_(reliable) {}

  Actions on_created();
  /// A retransmission of the request.
  Actions on_request();
  Actions on_respond(int status);
  Actions on_timer(Timer timer);
  Actions on_transport_error();

  State state() const { return state_; }

 private:
  const TimerBase* timers_;
  State state_ = State::kTrying;
  bool reliable_;
  bool may_try_;         ///< a 100 may be sent now
  bool held_ = false;    ///< a 100 waits for timer E
  bool silent_ = false;  ///< the user answered 408
};

}  // namespace lamplighter::transaction
