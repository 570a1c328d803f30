#include "transaction/client_non_invite.h"

namespace lamplighter::transaction {

using namespace act;

Actions ClientNonInvite::on_created() {
  Actions actions{kSendRequest};
  if (!reliable_) actions.push(start(Timer::kE, timers_->t1));
  actions.push(start(Timer::kF, patience(*timers_)));
  return actions;
}

Actions ClientNonInvite::on_response(int status) {
  switch (state_) {
    case State::kTrying:
    case State::kProceeding:
      if (is_provisional(status)) {
        state_ = State::kProceeding;  // §17.1.2.2: timer E goes on, and slows down to T2 when it next fires
        return {kDeliver};
      }
      if (is_final(status)) {
        state_ = State::kCompleted;
        Actions actions;
        if (!reliable_) actions.push(stop(Timer::kE));
        actions.push(stop(Timer::kF));
        actions.push(start(Timer::kK, reliable_ ? Duration{} : timers_->t4));
        actions.push(kDeliver);
        return actions;
      }
      return {};
    case State::kCompleted:  // a retransmission: timer K is there to absorb it
    case State::kTerminated: return {};
  }
  return {};
}

Actions ClientNonInvite::on_timer(Timer timer) {
  switch (state_) {
    case State::kTrying:
    case State::kProceeding:
      if (timer == Timer::kE) {
        if (state_ == State::kProceeding) return {kSendRequest, start(Timer::kE, timers_->t2)};
        ++repeats_;
        return {kSendRequest, start(Timer::kE, capped_interval(*timers_, repeats_))};
      }
      if (timer == Timer::kF) {
        state_ = State::kTerminated;
        return {kTimeout, kTerminated};
      }
      return {};
    case State::kCompleted:
      if (timer != Timer::kK) return {};
      state_ = State::kTerminated;
      return {kTerminated};
    case State::kTerminated: return {};
  }
  return {};
}

Actions ClientNonInvite::on_transport_error() {
  switch (state_) {
    case State::kTrying:
    case State::kProceeding: state_ = State::kTerminated; return {kTransportFailure, kTerminated};
    case State::kCompleted:  // nothing is sent here
    case State::kTerminated: return {};
  }
  return {};
}

Actions ClientNonInvite::on_resend() {
  if (reliable_ || (state_ != State::kTrying && state_ != State::kProceeding)) return {};
  repeats_ = 0;
  return {kSendRequest, start(Timer::kE, state_ == State::kProceeding ? timers_->t2 : timers_->t1)};
}

}  // namespace lamplighter::transaction
