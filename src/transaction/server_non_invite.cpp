#include "transaction/server_non_invite.h"

namespace lamplighter::transaction {

using namespace act;

Actions ServerNonInvite::on_created() {
  if (reliable_) return {start(Timer::kGuard, 2 * patience(*timers_)), kDeliverRequest};
  return {start(Timer::kE, until_t2(*timers_)), kDeliverRequest};  // RFC 4320 §4.1; the guard follows it
}

Actions ServerNonInvite::on_request() {
  switch (state_) {
    case State::kProceeding: return {kSendResponse};
    case State::kCompleted:
      if (silent_) return {};
      return {kSendResponse};
    case State::kTrying:  // §17.2.2: discarded
    case State::kTerminated: return {};
  }
  return {};
}

Actions ServerNonInvite::on_respond(int status) {
  switch (state_) {
    case State::kTrying:
    case State::kProceeding: {
      if (is_provisional(status)) {
        if (status != 100) return {};  // RFC 4320 §4.1
        if (!may_try_) {
          held_ = true;
          return {kKeepResponse};
        }
        state_ = State::kProceeding;
        return {kKeepResponse, kSendResponse};
      }
      if (!is_final(status)) return {};
      state_ = State::kCompleted;
      silent_ = status == 408;  // RFC 4320 §4.2
      Actions actions{stop(may_try_ ? Timer::kGuard : Timer::kE)};
      if (!silent_) {
        actions.push(kKeepResponse);
        actions.push(kSendResponse);
      }
      actions.push(start(Timer::kJ, reliable_ ? Duration{} : patience(*timers_)));
      return actions;
    }
    case State::kCompleted:  // the user answered twice; the first answer stands
    case State::kTerminated: return {};
  }
  return {};
}

Actions ServerNonInvite::on_timer(Timer timer) {
  switch (state_) {
    case State::kTrying:
    case State::kProceeding:
      if (timer == Timer::kE && !may_try_) {
        may_try_ = true;
        const auto guard = start(Timer::kGuard, 2 * patience(*timers_) - until_t2(*timers_));
        if (!held_) return {guard};
        state_ = State::kProceeding;
        return {kSendResponse, guard};
      }
      if (timer == Timer::kGuard) {
        state_ = State::kTerminated;
        return {kTimeout, kTerminated};
      }
      return {};
    case State::kCompleted:
      if (timer != Timer::kJ) return {};
      state_ = State::kTerminated;
      return {kTerminated};
    case State::kTerminated: return {};
  }
  return {};
}

Actions ServerNonInvite::on_transport_error() {
  if (state_ == State::kTerminated) return {};
  state_ = State::kTerminated;  // §17.2.2, §17.2.4
  return {kTransportFailure, kTerminated};
}

}  // namespace lamplighter::transaction
