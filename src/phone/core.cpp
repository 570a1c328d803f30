#include "phone/core.h"

#include <fmt/format.h>

#include "sip/uri.h"
#include "sip/writer.h"

namespace lamplighter::phone {

namespace {

std::uint16_t port_of(const Settings& settings, const Flow& server) {
  return settings.contact_port ? settings.contact_port : server.local.port;
}

}  // namespace

Core::Core(const Settings& settings, Sender& wire, transaction::TransactionUser& user, const Flow& server,
           std::uint64_t seed, TimePoint now, std::vector<Event>& events)
    : settings_(settings),
      wire_(wire),
      server_(server),
      random_(seed),
      wheel_(now),
      table_(*this, wheel_, user, settings.timers, 0, SipHash::Key{random_.next(), random_.next()},
             {.servers = 1000, .clients = 1000}),
      credentials_(settings.auth_user.empty() ? settings.identity.user : settings.auth_user, settings.password),
      events_(events) {
  const auto transport =
      server.kind == TransportKind::kUdp ? std::string{} : fmt::format(";transport={}", name_of(server.kind));
  contact_ = fmt::format("<sip:{}@{}:{}{};line={}>", sip::escape_user(settings.identity.user),
                         server.local.ip.to_host(), port_of(settings, server), transport, token(8));
}

std::string Core::token(std::size_t digits) {
  std::string out;
  while (out.size() < digits) out += fmt::format("{:016x}", random_.next());
  out.resize(digits);
  return out;
}

std::string Core::new_call_id() { return fmt::format("{}-{}", token(12), token(12)); }

std::string Core::new_from() { return fmt::format("<{}>;tag={}", settings_.identity.uri, token(10)); }

std::string Core::target_of(std::string_view number) const {
  if (number.starts_with("sip:") || number.starts_with("sips:")) return std::string{number};
  const auto at = number.find('@');
  if (at != std::string_view::npos) return fmt::format("sip:{}", number);
  return fmt::format("sip:{}@{}", sip::escape_user(number),
                     std::string_view{settings_.identity.uri}.substr(settings_.identity.uri.find('@') + 1));
}

TimerHandle Core::after(Duration time, PhoneTimer kind, std::uint32_t id, TimePoint now) {
  return wheel_.schedule(now + time, id, static_cast<std::uint32_t>(kind));
}

void Core::cancel(TimerHandle& timer) {
  wheel_.cancel(timer);
  timer = {};
}

std::string Core::new_via() {
  return fmt::format("SIP/2.0/{} {}:{};branch=z9hG4bK-{};rport", name_of(server_.kind), server_.local.ip.to_host(),
                     port_of(settings_, server_), token(20));
}

transaction::ClientId Core::request(Request& request, Owner owner, TimePoint now) {
  request.credentials = credentials_.lines(sip::name_of(request.method), request.uri, token(16));
  render(request, new_via(), settings_.user_agent, buffer_);
  return table_.request(request.flow.value_or(server_), request.method, buffer_, owner.word(), now);
}

bool Core::answer_challenge(Request& request, const sip::Message& response) {
  if (!credentials_.take(response, request.challenges)) return false;
  ++request.challenges;
  ++request.cseq;  // RFC 3261 §22.2: a new request, so a new CSeq
  return true;
}

std::string Core::ack_bytes(const Request& ack) {
  std::string bytes;
  render(ack, new_via(), settings_.user_agent, bytes);
  return bytes;
}

std::string Core::response_bytes(const sip::Message& request, const Flow& flow, int status, std::string_view reason,
                                 std::string_view to_tag, std::string_view headers, std::string_view content_type,
                                 std::string_view body) {
  std::string bytes;
  auto writer = sip::begin_response(bytes, request, status, reason.empty() ? sip::reason_phrase(status) : reason,
                                    to_tag, flow.remote);
  writer.raw(headers).header("User-Agent", settings_.user_agent).body(content_type, body);
  return bytes;
}

void Core::respond(transaction::ServerId id, const sip::Message& request, const Flow& flow, int status,
                   std::string_view reason, std::string_view to_tag, std::string_view headers, TimePoint now,
                   std::string_view content_type, std::string_view body) {
  const auto bytes = response_bytes(request, flow, status, reason, to_tag, headers, content_type, body);
  table_.respond(id, status, bytes, now);
}

Event Core::event(Event::Type type) const {
  Event event;
  event.type = type;
  event.server = server_.remote.to_string();
  return event;
}

}  // namespace lamplighter::phone
