#include "transaction/client_invite.h"

namespace lamplighter::transaction {

using namespace act;

Actions ClientInvite::on_created() {
  Actions actions{kSendRequest};
  if (!reliable_) actions.push(start(Timer::kA, timers_->t1));  // §17.1.1.2: TCP does its own retransmitting
  actions.push(start(Timer::kB, patience(*timers_)));
  return actions;
}

Actions ClientInvite::on_response(int status) {
  switch (state_) {
    case State::kCalling:
    case State::kProceeding: {
      auto actions = stop_waiting(status);
      if (is_provisional(status)) {
        // §9.1: a CANCEL may not overtake its INVITE, so it waited for this sign of life.
        if (state_ == State::kCalling && cancelled_) cancel_now(actions);
        state_ = State::kProceeding;
      } else if (is_success(status)) {
        state_ = State::kAccepted;
        actions.push(start(Timer::kM, patience(*timers_)));  // RFC 6026 §7.2
      } else if (is_refusal(status)) {
        state_ = State::kCompleted;
        actions.push(kSendAck);  // §17.1.1.3
        actions.push(start(Timer::kD, reliable_ ? Duration{} : patience(*timers_)));
      } else {
        return {};
      }
      actions.push(kDeliver);
      return actions;
    }
    case State::kCompleted:
      if (is_refusal(status)) return {kSendAck};  // §17.1.1.2: our ACK was lost
      return {};
    case State::kAccepted:
      if (is_success(status)) return {kDeliver};  // RFC 6026 §7.2: again, or from another branch of a fork
      return {};
    case State::kTerminated: return {};
  }
  return {};
}

Actions ClientInvite::on_cancel() {
  if (cancelled_ || (state_ != State::kCalling && state_ != State::kProceeding)) return {};
  cancelled_ = true;
  Actions actions;
  if (state_ == State::kProceeding) cancel_now(actions);
  return actions;
}

Actions ClientInvite::on_timer(Timer timer) {
  switch (state_) {
    case State::kCalling:
      if (timer == Timer::kA) {
        ++repeats_;  // §17.1.1.2: T1, 2*T1, 4*T1 …; timer B ends the doubling
        return {kSendRequest, start(Timer::kA, timers_->t1 * (1 << repeats_))};
      }
      if (timer == Timer::kB) {
        state_ = State::kTerminated;
        return {kTimeout, kTerminated};
      }
      return {};
    case State::kProceeding:
      if (timer == Timer::kCancel) {  // §9.1: a peer of RFC 2543 need not answer a cancelled INVITE
        state_ = State::kTerminated;
        return {kTimeout, kTerminated};
      }
      return {};
    case State::kCompleted:
      if (timer != Timer::kD) return {};
      state_ = State::kTerminated;
      return {kTerminated};
    case State::kAccepted:
      if (timer != Timer::kM) return {};
      state_ = State::kTerminated;
      return {kTerminated};
    case State::kTerminated: return {};
  }
  return {};
}

Actions ClientInvite::on_transport_error() {
  switch (state_) {
    case State::kCalling:
    case State::kProceeding: state_ = State::kTerminated; return {kTransportFailure, kTerminated};
    case State::kCompleted:  // the ACK failed; the user has its final response and can do nothing about it
      state_ = State::kTerminated;
      return {kTerminated};
    case State::kAccepted:  // RFC 6026 figure 4: nothing is sent here
    case State::kTerminated: return {};
  }
  return {};
}

/// What stops when a response comes: A and B in Calling; in Proceeding the wait after a CANCEL, by a final response.
Actions ClientInvite::stop_waiting(int status) const {
  Actions actions;
  if (state_ == State::kCalling) {
    if (!reliable_) actions.push(stop(Timer::kA));
    actions.push(stop(Timer::kB));
  } else if (cancelled_ && is_final(status)) {
    actions.push(stop(Timer::kCancel));
  }
  return actions;
}

void ClientInvite::cancel_now(Actions& actions) const {
  actions.push(kSendCancel);
  actions.push(start(Timer::kCancel, patience(*timers_)));
}

}  // namespace lamplighter::transaction
