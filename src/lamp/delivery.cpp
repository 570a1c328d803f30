#include "lamp/delivery.h"

namespace lamplighter::lamp {

using Action = Delivery::Action;

Action Delivery::on(Desired event) {
  if (event.version <= desired_) return Action::kNone;  // known, or overtaken by a newer one
  desired_ = event.version;
  if (state_ == DeliveryState::kInFlight) return Action::kNone;  // one request at a time: the answer comes first
  state_ = DeliveryState::kPending;
  return Action::kSend;
}

Action Delivery::on(Sent) {
  in_flight_ = desired_;
  state_ = DeliveryState::kInFlight;
  return Action::kNone;
}

Action Delivery::on(Answered event) {
  // A provisional answer says nothing yet, and an answer to nothing in flight says nothing at all.
  if (state_ != DeliveryState::kInFlight || event.status < 200) return Action::kNone;
  status_ = event.status;
  if (event.status >= 300) return finish(DeliveryState::kRefused);
  confirmed_ = in_flight_;
  return finish(DeliveryState::kConfirmed);
}

Action Delivery::on(TimedOut) {
  if (state_ == DeliveryState::kPending) {  // there was no way to send it
    state_ = DeliveryState::kUnreachable;
    return Action::kNone;
  }
  return state_ == DeliveryState::kInFlight ? finish(DeliveryState::kUnreachable) : Action::kNone;
}

// The outcome belongs to what was sent. If something newer is desired meanwhile, that is what counts: newest wins.
Action Delivery::finish(DeliveryState outcome) {
  if (desired_ == in_flight_) {
    state_ = outcome;
    return Action::kNone;
  }
  state_ = DeliveryState::kPending;
  return Action::kSend;
}

std::string Delivery::to_string() const {
  switch (state_) {
    case DeliveryState::kPending: return "pending";
    case DeliveryState::kInFlight: return "in flight";
    case DeliveryState::kConfirmed: return "confirmed";
    case DeliveryState::kRefused: return "refused (" + std::to_string(status_) + ")";
    case DeliveryState::kUnreachable: return "unreachable";
  }
  return "";
}

}  // namespace lamplighter::lamp
