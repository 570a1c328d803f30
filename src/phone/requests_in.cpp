// What the phone does with requests: MESSAGE for its keys, calls, OPTIONS, and the errors of RFC 3261 §8.2.

#include <fmt/format.h>

#include "phone/sdp.h"
#include "phone/user_agent.h"
#include "sip/headers.h"
#include "sip/uri.h"
#include "sip/writer.h"

namespace lamplighter::phone {

namespace {

using sip::HeaderId;

constexpr std::string_view kAcceptLine = "Accept: application/sdp, application/x-buttons\r\n";
constexpr std::string_view kAcceptSdpLine = "Accept: application/sdp\r\n";
constexpr std::string_view kAcceptButtonsLine = "Accept: application/x-buttons\r\n";
constexpr std::size_t kMaxCalls = 12;

bool has_to_tag(const sip::Message& request) {
  const auto* to = request.to();
  return to && !to->tag().empty();
}

bool has_body_of(const sip::Message& request, std::string_view type) {
  return sip::iequals(sip::media_type(request.header(HeaderId::kContentType)), type);
}

/// Text for a Warning's quoted string (RFC 3261 §20.43).
std::string quoted(std::string_view text) {
  std::string out;
  for (const auto c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  }
  return out;
}

}  // namespace

void UserAgent::refuse(transaction::ServerId id, const sip::Message& request, const Flow& flow, int status,
                       std::string_view reason, std::string_view headers, TimePoint now) {
  life_->core.respond(id, request, flow, status, reason, life_->core.token(10), headers, now);
  auto event = life_->core.event(Event::Type::kRefused);
  event.status = status;
  event.reason = fmt::format("{} to {}", reason.empty() ? sip::reason_phrase(status) : reason, request.method_name());
  life_->core.emit(std::move(event));
}

void UserAgent::on_request(transaction::ServerId id, const sip::Message& request, const Flow& flow, TimePoint now) {
  if (const auto valid = sip::validate(request); !valid) {
    return refuse(id, request, flow, valid.error().status, valid.error().reason, {}, now);
  }
  // §8.2.2.3: no extension is supported that could be required.
  if (request.has(HeaderId::kRequire)) {
    const auto lines = fmt::format("Unsupported: {}\r\n", request.header(HeaderId::kRequire));
    return refuse(id, request, flow, 420, {}, lines, now);
  }
  if (request.method() != sip::Method::kMessage && has_to_tag(request)) {
    for (auto& [number, call] : life_->calls) {
      if (call->owns(request)) return call->on_request(id, request, flow, now);
    }
    return refuse(id, request, flow, 481, {}, {}, now);
  }
  // §8.2.2.1: a request for somebody else has gone astray; one without a user asks the phone as such.
  const auto uri = sip::parse_uri(request.request_uri());
  if (!uri || !uri->is_sip()) return refuse(id, request, flow, 416, {}, {}, now);
  if (!uri->user.empty() && sip::unescape(uri->user) != settings_.identity.user) {
    return refuse(id, request, flow, 404, {}, {}, now);
  }
  switch (request.method()) {
    case sip::Method::kInvite: return on_invite(id, request, flow, now);
    case sip::Method::kMessage: return on_buttons(id, request, flow, now);
    case sip::Method::kOptions: {
      const auto lines = fmt::format("{}{}Supported: gruu\r\n", kAllowLine, kAcceptLine);
      return life_->core.respond(id, request, flow, 200, {}, life_->core.token(10), lines, now);
    }
    case sip::Method::kBye: return refuse(id, request, flow, 481, {}, {}, now);
    default: return refuse(id, request, flow, 405, {}, kAllowLine, now);
  }
}

void UserAgent::on_invite(transaction::ServerId id, const sip::Message& request, const Flow& flow, TimePoint now) {
  for (const auto& [number, call] : life_->calls) {
    if (call->is_merged(request)) return refuse(id, request, flow, 482, {}, {}, now);
  }
  if (!request.body().empty() && !has_body_of(request, kSdpType)) {
    return refuse(id, request, flow, 415, {}, kAcceptSdpLine, now);
  }
  if (contact_uri(request).empty()) return refuse(id, request, flow, 400, "Missing Contact header", {}, now);
  if (const auto busy = calls(); busy >= kMaxCalls || (busy > 0 && !settings_.call_waiting)) {
    return refuse(id, request, flow, 486, {}, {}, now);
  }
  const auto number = ++life_->last_id;
  life_->calls.emplace(number, Call::ring(life_->core, number, id, request, flow, now));
}

void UserAgent::on_buttons(transaction::ServerId id, const sip::Message& request, const Flow& flow, TimePoint now) {
  if (!has_body_of(request, lamp::kXButtonsType)) return refuse(id, request, flow, 415, {}, kAcceptButtonsLine, now);
  const auto blocks = lamp::decode_x_buttons(request.body());
  if (!blocks) {
    const auto what = fmt::format("line {}: {}", blocks.error().line, blocks.error().what);
    const auto warning =
        fmt::format("Warning: 399 {}:{} \"{}\"\r\n", flow.local.ip.to_host(), flow.local.port, quoted(what));
    life_->core.respond(id, request, flow, 400, "Bad application/x-buttons body", life_->core.token(10), warning, now);
    auto event = life_->core.event(Event::Type::kRefused);
    event.status = 400;
    event.reason = fmt::format("Bad application/x-buttons body, {}", what);
    return life_->core.emit(std::move(event));
  }
  bool any = false;
  for (const auto& block : *blocks) {
    const bool known = life_->keyboard.replace(block);
    any = any || known;
    auto event = life_->core.event(known ? Event::Type::kKey : Event::Type::kIgnored);
    event.key = block.name;
    event.lamp = block.key;
    life_->core.emit(std::move(event));
  }
  const int status = any || blocks->empty() ? 200 : settings_.unknown_key_status;
  life_->core.respond(id, request, flow, status, {}, life_->core.token(10), {}, now);
}

}  // namespace lamplighter::phone
