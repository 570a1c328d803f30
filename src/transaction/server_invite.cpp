#include "transaction/server_invite.h"

namespace lamplighter::transaction {

using namespace act;

Actions ServerInvite::on_created() { return {kDeliverRequest}; }

Actions ServerInvite::on_request() {
  switch (state_) {
    case State::kProceeding:
      if (answered_) return {kSendResponse};
      return {};
    case State::kCompleted: return {kSendResponse};
    case State::kConfirmed:
    case State::kAccepted:  // RFC 6026 §7.1: absorbed; the user repeats its 2xx by its own clock
    case State::kTerminated: return {};
  }
  return {};
}

Actions ServerInvite::on_ack() {
  switch (state_) {
    case State::kCompleted:
      state_ = State::kConfirmed;
      if (reliable_) return {stop(Timer::kH), start(Timer::kI, Duration{})};
      return {stop(Timer::kG), stop(Timer::kH), start(Timer::kI, timers_->t4)};
    case State::kAccepted: return {kDeliverAck};  // RFC 6026 §7.1
    case State::kProceeding:
    case State::kConfirmed:
    case State::kTerminated: return {};
  }
  return {};
}

Actions ServerInvite::on_respond(int status) {
  switch (state_) {
    case State::kProceeding:
      if (is_provisional(status)) {
        answered_ = true;
        return {kKeepResponse, kSendResponse};
      }
      if (is_success(status)) {
        state_ = State::kAccepted;
        return {kSendResponse, start(Timer::kL, patience(*timers_))};
      }
      if (is_refusal(status)) {
        state_ = State::kCompleted;
        Actions actions{kKeepResponse, kSendResponse};
        if (!reliable_) actions.push(start(Timer::kG, timers_->t1));
        actions.push(start(Timer::kH, patience(*timers_)));
        return actions;
      }
      return {};
    case State::kAccepted:
      if (is_success(status)) return {kSendResponse};  // RFC 6026 §7.1: repeated by the user, or of another fork
      return {};
    case State::kCompleted:  // the user answered twice; the first answer stands
    case State::kConfirmed:
    case State::kTerminated: return {};
  }
  return {};
}

Actions ServerInvite::on_timer(Timer timer) {
  switch (state_) {
    case State::kCompleted:
      if (timer == Timer::kG) {
        ++repeats_;
        return {kSendResponse, start(Timer::kG, capped_interval(*timers_, repeats_))};
      }
      if (timer == Timer::kH) {  // the ACK never came
        state_ = State::kTerminated;
        return {kTimeout, kTerminated};
      }
      return {};
    case State::kConfirmed:
      if (timer != Timer::kI) return {};
      state_ = State::kTerminated;
      return {kTerminated};
    case State::kAccepted:
      if (timer != Timer::kL) return {};
      state_ = State::kTerminated;
      return {kTerminated};
    case State::kProceeding:
    case State::kTerminated: return {};
  }
  return {};
}

Actions ServerInvite::on_transport_error() {
  switch (state_) {
    case State::kProceeding:
    case State::kCompleted:
    case State::kAccepted:
      return {kTransportFailure};  // RFC 6026 §7.1: the state stays, so that a retransmitted INVITE is no new one
    case State::kConfirmed:
    case State::kTerminated: return {};
  }
  return {};
}

}  // namespace lamplighter::transaction
