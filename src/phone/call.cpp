#include "phone/call.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "phone/sdp.h"
#include "sip/headers.h"
#include "sip/uri.h"

namespace lamplighter::phone {

namespace {

using sip::HeaderId;

// How long a call may ring here before it is refused; RFC 3261's Timer C, the least a proxy waits, is 3 minutes.
constexpr auto kRingLimit = std::chrono::minutes{4};

std::string bare_uri(std::string_view name_addr) {
  const auto address = sip::parse_name_addr(name_addr);
  if (!address) return {};
  const auto& uri = address->uri;
  if (!uri.is_sip()) return std::string{address->uri_text};
  auto out = fmt::format("{}:{}{}{}", uri.scheme_text, uri.user, uri.user.empty() ? "" : "@", uri.host);
  if (uri.port) out += fmt::format(":{}", uri.port);
  return out;
}

std::uint32_t cseq_of(const sip::Message& message) {
  const auto* cseq = message.cseq();
  return cseq ? cseq->number : 0;
}

}  // namespace

Call::Call(Core& core, std::uint32_t id, bool outgoing)
    : core_(core), id_(id), outgoing_(outgoing), session_(1'000'000 + id) {}

std::unique_ptr<Call> Call::dial(Core& core, std::uint32_t id, std::string target, TimePoint now) {
  auto call = std::unique_ptr<Call>(new Call(core, id, true));
  call->peer_ = bare_uri(fmt::format("<{}>", target));
  auto& invite = call->invite_;
  invite.method = sip::Method::kInvite;
  invite.uri = target;
  invite.from = core.new_from();
  invite.to = fmt::format("<{}>", target);
  invite.call_id = core.new_call_id();
  invite.headers = fmt::format("Contact: {}\r\n{}Supported: gruu\r\n", core.contact(), kAllowLine);
  invite.content_type = kSdpType;
  invite.body = call->sdp();
  call->set_state(CallState::kCalling);
  call->client_ = core.request(invite, {Purpose::kInvite, id}, now);
  if (!call->client_) call->end(503, "Too many requests under way", false, now);
  return call;
}

std::unique_ptr<Call> Call::ring(Core& core, std::uint32_t id, transaction::ServerId server, const sip::Message& invite,
                                 const Flow& flow, TimePoint now) {
  auto call = std::unique_ptr<Call>(new Call(core, id, false));
  call->peer_ = bare_uri(invite.header(HeaderId::kFrom));
  call->server_ = server;
  call->invite_bytes_ = invite.bytes();
  call->invite_flow_ = flow;
  call->local_tag_ = core.token(10);
  call->dialog_ = Dialog::of_called(invite, call->local_tag_);
  call->respond_invite(180, {}, false, now);
  call->set_state(CallState::kIncoming);
  call->ring_limit_ = core.after(kRingLimit, PhoneTimer::kRingLimit, id, now);
  if (const auto& time = core.settings().auto_answer) {
    call->auto_answer_ = core.after(*time, PhoneTimer::kAutoAnswer, id, now);
  }
  return call;
}

void Call::set_state(CallState state, int status, std::string_view reason) {
  state_ = state;
  auto event = core_.event(Event::Type::kCall);
  event.call = id_;
  event.call_state = state;
  event.outgoing = outgoing_;
  event.peer = peer_;
  event.status = status;
  event.reason = reason;
  core_.emit(std::move(event));
}

void Call::end(int status, std::string_view reason, bool linger, TimePoint now) {
  if (ended()) return;
  core_.cancel(auto_answer_);
  core_.cancel(ring_limit_);
  if (linger || !acks_.empty()) forget_ = core_.after(64 * core_.settings().timers.t1, PhoneTimer::kForget, id_, now);
  set_state(CallState::kEnded, status, reason);
}

std::string Call::sdp() const { return session_description(core_.server().local.ip, session_, 1); }

void Call::send_bye(Dialog& dialog, TimePoint now) {
  bye_ = dialog.make(sip::Method::kBye, core_.server());
  // Refused for lack of room: the peer learns it from its own next request (481).
  core_.request(bye_, {Purpose::kBye, id_}, now);
}

void Call::hang_up(TimePoint now) {
  switch (state_) {
    case CallState::kCalling:
    case CallState::kRinging:
      // §9.1: the INVITE still ends by a 487, or by a 2xx that crossed the CANCEL and is hung up at once.
      cancelled_ = true;
      core_.table().cancel(client_, {}, now);
      return end(0, "cancelled", true, now);
    case CallState::kIncoming: return reject(486, now);
    case CallState::kTalking:
      if (repeat_ok_ && !outgoing_) {
        bye_when_acked_ = true;  // §15: the called side may not send BYE before the ACK
      } else {
        stop_repeating_ok();
        send_bye(*dialog_, now);
      }
      return end(0, "hung up", true, now);
    case CallState::kEnded: return;
  }
}

// --- the caller ---

void Call::on_invite_response(const sip::Message& response, TimePoint now) {
  const auto status = response.status();
  if (status >= 200 && status < 300) return accept_2xx(response, now);
  if (ended()) return;
  if (status < 200) {
    if (status > 100 && state_ == CallState::kCalling) set_state(CallState::kRinging, status, response.reason());
    return;
  }
  if ((status == 401 || status == 407) && core_.answer_challenge(invite_, response)) {
    client_ = core_.request(invite_, {Purpose::kInvite, id_}, now);
    if (client_) return;
  }
  end(status, response.reason(), false, now);
}

void Call::accept_2xx(const sip::Message& response, TimePoint now) {
  const auto* to = response.to();
  const std::string tag{to ? to->tag() : std::string_view{}};
  if (const auto known = acks_.find(tag); known != acks_.end()) {
    core_.send(known->second.flow, known->second.bytes);  // §13.2.2.4: every retransmission is acknowledged
    return;
  }
  auto dialog = Dialog::of_caller(invite_, response);
  auto ack = dialog.make(sip::Method::kAck, core_.server());
  ack.credentials = invite_.credentials;
  const auto flow = ack.flow.value_or(core_.server());
  auto bytes = core_.ack_bytes(ack);
  core_.send(flow, bytes);
  acks_.emplace(tag, Ack{flow, std::move(bytes)});
  if (ended() || dialog_) {
    // Hung up meanwhile, or a second fork answered: one call is enough.
    send_bye(dialog, now);
    return;
  }
  dialog_ = std::move(dialog);
  set_state(CallState::kTalking, response.status());
}

void Call::on_invite_failure(transaction::Failure failure, TimePoint now) {
  if (failure == transaction::Failure::kTimeout) return end(408, "no answer", false, now);
  end(503, "connection lost", false, now);
}

void Call::on_bye_response(const sip::Message& response, TimePoint now) {
  const auto status = response.status();
  if ((status == 401 || status == 407) && core_.answer_challenge(bye_, response)) {
    core_.request(bye_, {Purpose::kBye, id_}, now);
  }
}

// --- the called side ---

bool Call::is_merged(const sip::Message& invite) const {
  const auto* from = invite.from();
  return !outgoing_ && !ended() && dialog_ && invite.header(HeaderId::kCallId) == dialog_->call_id && from &&
         from->tag() == dialog_->remote_tag && cseq_of(invite) == dialog_->remote_cseq;
}

void Call::respond_invite(int status, std::string_view headers, bool with_sdp, TimePoint now) {
  sip::Message invite;
  // Parsed before: these are the bytes of a message that came in.
  if (!invite.parse(invite_bytes_)) return;
  std::string lines{headers};
  // Record-Route goes back as it came (§12.1.1).
  for (const auto& field : invite.headers()) {
    if (status < 300 && field.id == HeaderId::kRecordRoute) lines += invite.line(field);
  }
  if (status < 300) lines += fmt::format("Contact: {}\r\n{}", core_.contact(), kAllowLine);
  auto bytes = core_.response_bytes(invite, invite_flow_, status, {}, local_tag_, lines,
                                    with_sdp ? kSdpType : std::string_view{}, with_sdp ? sdp() : std::string{});
  core_.table().respond(server_, status, bytes, now);
  if (status >= 200 && status < 300) start_repeating_ok(server_, std::move(bytes), cseq_of(invite), now);
}

void Call::answer(TimePoint now) {
  if (state_ != CallState::kIncoming) return;
  core_.cancel(auto_answer_);
  core_.cancel(ring_limit_);
  respond_invite(200, {}, true, now);
  set_state(CallState::kTalking);
}

void Call::reject(int status, TimePoint now) {
  if (state_ != CallState::kIncoming) return;
  respond_invite(status, {}, false, now);
  end(status, "rejected", false, now);
}

void Call::on_cancelled(TimePoint now) {
  if (state_ != CallState::kIncoming) return;
  respond_invite(487, {}, false, now);
  end(487, "the caller gave up", false, now);
}

void Call::start_repeating_ok(transaction::ServerId id, std::string bytes, std::uint32_t cseq, TimePoint now) {
  stop_repeating_ok();
  ok_server_ = id;
  ok_bytes_ = std::move(bytes);
  ok_cseq_ = cseq;
  ok_interval_ = core_.settings().timers.t1;
  repeat_ok_ = core_.after(ok_interval_, PhoneTimer::kRepeatOk, id_, now);
  no_ack_ = core_.after(64 * core_.settings().timers.t1, PhoneTimer::kNoAck, id_, now);
}

void Call::stop_repeating_ok() {
  core_.cancel(repeat_ok_);
  core_.cancel(no_ack_);
}

void Call::on_ack(const sip::Message& ack, TimePoint now) {
  if (!repeat_ok_ || cseq_of(ack) != ok_cseq_) return;
  stop_repeating_ok();
  if (bye_when_acked_) {
    bye_when_acked_ = false;
    send_bye(*dialog_, now);
  }
}

// --- either side ---

void Call::on_request(transaction::ServerId id, const sip::Message& request, const Flow& flow, TimePoint now) {
  const auto cseq = cseq_of(request);
  if (ended()) return core_.respond(id, request, flow, 481, {}, {}, {}, now);
  if (cseq < dialog_->remote_cseq) {
    return core_.respond(id, request, flow, 500, "CSeq out of order", {}, {}, now);  // §12.2.2
  }
  dialog_->remote_cseq = cseq;
  switch (request.method()) {
    case sip::Method::kBye:
      core_.respond(id, request, flow, 200, {}, {}, {}, now);
      if (state_ == CallState::kIncoming) {
        respond_invite(487, {}, false, now);  // §15.1.2: a BYE in an early dialog ends the INVITE too
      }
      stop_repeating_ok();
      return end(0, "the other side hung up", false, now);
    case sip::Method::kInvite: {
      // A re-INVITE: the description does not change, the peer's address may (§14.2).
      if (repeat_ok_ || state_ == CallState::kIncoming) {
        return core_.respond(id, request, flow, 500, "Another INVITE is not finished", {}, "Retry-After: 1\r\n", now);
      }
      dialog_->refresh_target(request);
      const auto lines = fmt::format("Contact: {}\r\n{}", core_.contact(), kAllowLine);
      auto bytes = core_.response_bytes(request, flow, 200, {}, {}, lines, kSdpType, sdp());
      core_.table().respond(id, 200, bytes, now);
      return start_repeating_ok(id, std::move(bytes), cseq, now);
    }
    default: return core_.respond(id, request, flow, 405, {}, {}, kAllowLine, now);
  }
}

void Call::on_timer(PhoneTimer timer, TimePoint now) {
  switch (timer) {
    case PhoneTimer::kRepeatOk:
      core_.table().respond(ok_server_, 200, ok_bytes_, now);
      ok_interval_ = std::min(2 * ok_interval_, core_.settings().timers.t2);
      repeat_ok_ = core_.after(ok_interval_, PhoneTimer::kRepeatOk, id_, now);
      return;
    case PhoneTimer::kNoAck:
      // §13.3.1.4: without an ACK for 64*T1 the dialog is confirmed all the same, and ended by a BYE.
      stop_repeating_ok();
      if (!ended() || bye_when_acked_) send_bye(*dialog_, now);
      bye_when_acked_ = false;
      return end(408, "no ACK came", true, now);
    case PhoneTimer::kAutoAnswer: auto_answer_ = {}; return answer(now);
    case PhoneTimer::kRingLimit: ring_limit_ = {}; return reject(480, now);
    case PhoneTimer::kForget: forget_ = {}; return;
    default: return;
  }
}

}  // namespace lamplighter::phone
