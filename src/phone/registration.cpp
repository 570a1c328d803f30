#include "phone/registration.h"

#include <fmt/format.h>

#include <algorithm>

#include "sip/headers.h"
#include "sip/uri.h"

namespace lamplighter::phone {

using std::chrono::seconds;

std::string instance_of(const Settings& settings) {
  // FNV-1a over identity and model: version 4 in form, Snom's MAC prefix as the node.
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const auto c : fmt::format("{} {}", settings.identity.uri, settings.model.name)) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  }
  return fmt::format("urn:uuid:{:08x}-{:04x}-4{:03x}-8000-000413{:06x}", hash >> 32, hash >> 16 & 0xffff, hash & 0xfff,
                     hash >> 8 & 0xffffff);
}

Registration::Registration(Core& core, std::string call_id)
    : core_(core), wanted_expires_(core.settings().expires), retry_(core.settings().retry_first) {
  const auto& identity = core.settings().identity;
  request_.method = sip::Method::kRegister;
  request_.uri = fmt::format("sip:{}", std::string_view{identity.uri}.substr(identity.uri.find('@') + 1));
  request_.from = core.new_from();
  request_.to = fmt::format("<{}>", identity.uri);
  request_.call_id = std::move(call_id);
  request_.cseq = 0;
}

void Registration::start(TimePoint now) {
  wanted_ = true;
  attempt_ = 0;
  wanted_expires_ = core_.settings().expires;
  retry_ = core_.settings().retry_first;
  core_.cancel(timer_);
  if (!in_flight_) send(wanted_expires_, now);
}

void Registration::stop(TimePoint now) {
  wanted_ = false;
  core_.cancel(timer_);
  if (state_ != RegistrationState::kOff && !in_flight_) send(seconds{0}, now);
}

void Registration::send(seconds expires, TimePoint now) {
  sent_expires_ = expires;
  request_.challenges = 0;
  ++request_.cseq;
  request_.headers = fmt::format(
      "Contact: {};reg-id=1;q=1.0;+sip.instance=\"<{}>\"\r\n"
      "Expires: {}\r\n"
      "{}"
      "Supported: gruu\r\n",
      core_.contact(), instance_of(core_.settings()), expires.count(), kAllowLine);
  ++attempt_;
  if (state_ != RegistrationState::kRegistered || expires == seconds{0} || attempt_ > 1) {
    if (expires > seconds{0}) state_ = RegistrationState::kRegistering;
    auto event = core_.event(Event::Type::kRegistering);
    event.attempt = attempt_;
    detail_ = fmt::format("{} at {}", expires > seconds{0} ? "registering" : "unregistering", event.server);
    if (expires > seconds{0}) core_.emit(std::move(event));
  }
  core_.cancel(patience_);
  patience_ = core_.after(core_.settings().patience, PhoneTimer::kPatience, 0, now);
  resend(now);
}

void Registration::resend(TimePoint now) {
  in_flight_ = true;
  if (!core_.request(request_, {Purpose::kRegister, 0}, now)) on_failure(now);
}

void Registration::on_response(const sip::Message& response, TimePoint now) {
  core_.cancel(patience_);
  const auto status = response.status();
  if (status < 200) return;
  in_flight_ = false;
  if ((status == 401 || status == 407) && core_.answer_challenge(request_, response)) return resend(now);

  if (sent_expires_ == seconds{0}) {
    state_ = RegistrationState::kOff;
    detail_ = "not registered";
    auto event = core_.event(status < 300 ? Event::Type::kUnregistered : Event::Type::kRegisterFailed);
    event.status = status;
    event.reason = response.reason();
    event.attempt = attempt_;
    core_.emit(std::move(event));
    attempt_ = 0;
    if (wanted_) send(wanted_expires_, now);
    return;
  }
  if (!wanted_) return send(seconds{0}, now);  // stopped while this was on its way
  if (status < 300) return succeed(response, now);
  if (status == 423) {
    const auto least = sip::parse_number(response.header(sip::HeaderId::kMinExpires));
    if (least && seconds{*least} > sent_expires_) {
      wanted_expires_ = seconds{*least};
      --attempt_;  // the same attempt, better put (§10.2.8)
      return send(wanted_expires_, now);
    }
  }
  const auto after = sip::parse_number(response.header(sip::HeaderId::kRetryAfter));
  const bool credentials = status == 401 || status == 407 || status == 403;
  const bool none = core_.settings().password.empty();
  fail(status,
       credentials && status != 403 ? (none ? "a password is needed" : "wrong user or password") : response.reason(),
       after ? seconds{std::min<std::uint32_t>(*after, 3600)} : seconds{0}, now);
}

void Registration::on_failure(TimePoint now) {
  in_flight_ = false;
  core_.cancel(patience_);
  if (sent_expires_ == seconds{0} || !wanted_) {
    // Nobody to tell; the binding dies by its expiry.
    state_ = RegistrationState::kOff;
    detail_ = "not registered";
    auto event = core_.event(Event::Type::kRegisterFailed);
    event.reason = "no answer";
    event.attempt = attempt_;
    core_.emit(std::move(event));
    attempt_ = 0;
    if (wanted_) send(wanted_expires_, now);
    return;
  }
  fail(0, "no answer", Duration::zero(), now);
}

seconds Registration::granted(const sip::Message& response) const {
  // §10.2.4: each contact's own expires parameter counts; a registrar may list others' contacts too.
  const auto mine = sip::parse_uri(core_.contact_uri());
  std::optional<seconds> found;
  sip::for_each_element(response, sip::HeaderId::kContact, [&](std::string_view element) {
    const auto contact = sip::parse_name_addr(element);
    if (!contact || !mine || !sip::equivalent(contact->uri, *mine)) return true;
    if (const auto value = contact->params.get("expires")) {
      if (const auto number = sip::parse_number(*value)) found = seconds{*number};
    }
    return false;
  });
  return found.value_or(sip::expires(response).value_or(sent_expires_));
}

void Registration::succeed(const sip::Message& response, TimePoint now) {
  const auto expires = granted(response);
  if (expires <= seconds{0}) return fail(response.status(), "the server granted no time", Duration::zero(), now);
  state_ = RegistrationState::kRegistered;
  attempt_ = 0;
  retry_ = core_.settings().retry_first;
  timer_ = core_.after(Duration{expires} / 2, PhoneTimer::kRegister, 0, now);
  auto event = core_.event(Event::Type::kRegistered);
  event.expires = expires;
  detail_ = fmt::format("registered at {}", event.server);
  core_.emit(std::move(event));
}

void Registration::fail(int status, std::string_view reason, Duration at_least, TimePoint now) {
  state_ = RegistrationState::kFailed;
  const auto pause = std::max(retry_, at_least);
  retry_ = std::min(retry_ * 2, std::max(core_.settings().retry_max, core_.settings().retry_first));
  timer_ = core_.after(pause, PhoneTimer::kRegister, 0, now);
  auto event = core_.event(Event::Type::kRegisterFailed);
  event.status = status;
  event.reason = reason;
  event.attempt = attempt_;
  event.retry_in = pause;
  detail_ = status ? fmt::format("not registered: {} {}", status, reason)
                   : fmt::format("no answer from {} (attempt {})", event.server, attempt_);
  core_.emit(std::move(event));
}

void Registration::on_timer(PhoneTimer timer, TimePoint now) {
  if (timer == PhoneTimer::kPatience) {
    auto event = core_.event(Event::Type::kNoAnswer);
    event.attempt = attempt_;
    detail_ = fmt::format("no answer from {} (attempt {})", event.server, attempt_);
    core_.emit(std::move(event));
    return;
  }
  timer_ = {};
  if (wanted_ && !in_flight_) send(wanted_expires_, now);
}

}  // namespace lamplighter::phone
