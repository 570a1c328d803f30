// A call between two phones of ours, through the server (RFC 3261 §13): what the caller and the callee say.
//
//   caller           server           callee
//     | INVITE          | INVITE          |
//     |---------------->|---------------->|
//     |<------ 180 -----|<------ 180 -----|   at once, like the 200: a robot is called
//     |<------ 200 -----|<------ 200 -----|   again every T1 until the ACK comes (§13.3.1.4)
//     | ACK             | ACK             |
//     |---------------->|---------------->|   along the Record-Routes
//     | BYE             | BYE             |
//     |---------------->|---------------->|
//     |<------ 200 -----|<------ 200 -----|   done

#include <algorithm>
#include <functional>

#include "load/generator.h"

namespace lamplighter::load {
namespace {

constexpr std::chrono::milliseconds kT2{4000};

}  // namespace

void Generator::on_answer_to_call(Phone& phone, std::string_view message, TimePoint now) {
  ++result_.statuses[200];
  result_.answer.add(now - phone.started);
  auto& call = phone.call;
  call.invite = phone.sequence;
  call.target = contact_uri_of(message);
  call.to = header_line(message, "To", 't');
  call.routes = routes_of(message);
  acknowledge_call(phone);
  hang_up(phone, now);
}

void Generator::acknowledge_call(Phone& phone) {
  auto values = values_of(phone, Deed::kCall, phone.call.invite);
  at(values, Slot::kUri) = phone.call.target;
  texts_.ack_of_call.render(sockets_[phone.socket].write(Lane::kAck), values);
}

void Generator::hang_up(Phone& phone, TimePoint now) {
  phone.deed = Deed::kBye;
  ++phone.sequence;
  phone.resends = 0;
  phone.resend_at = now + options_.t1;
  authorize(phone);
  send_request(phone);
}

void Generator::on_call_request(Phone& phone, const Incoming& incoming, std::string_view message, TimePoint now) {
  auto& call = phone.call;
  if (incoming.method == "ACK") return call.answer.clear();
  if (incoming.method != "INVITE")
    return append_ok(sockets_[phone.socket].write(Lane::kAnswer), message, phone.instance);

  const auto hash = std::hash<std::string_view>{}(incoming.branch);
  if (hash == phone.last_message) {
    ++result_.repeats;
    if (!call.answer.empty()) sockets_[phone.socket].write(Lane::kAnswer) = call.answer;
    return;
  }
  phone.last_message = hash;
  call.answers = 0;
  call.answer_again = now + options_.t1;
  call.answer.clear();
  append_answer_of_callee(call.answer, message, phone.user, sockets_[phone.socket].local(), phone.instance);
  append_answer(sockets_[phone.socket].write(Lane::kProvisional), message, "180 Ringing", phone.instance);
  sockets_[phone.socket].write(Lane::kAnswer) = call.answer;
}

void Generator::answer_again(Phone& callee, TimePoint now) {
  auto& call = callee.call;
  if (call.answer.empty() || now < call.answer_again) return;
  ++call.answers;
  call.answer_again = now + std::min(options_.t1 * (1 << std::min<int>(call.answers, 16)), kT2);
  ++result_.retransmissions;
  sockets_[callee.socket].write(Lane::kAnswer) = call.answer;
}

}  // namespace lamplighter::load
