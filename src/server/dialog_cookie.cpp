#include "server/dialog_cookie.h"

#include <fmt/format.h>
#include <openssl/crypto.h>

#include <charconv>
#include <iterator>

#include "server/mac.h"
#include "sip/headers.h"

namespace lamplighter::server {
namespace {

std::string_view tag_of(const sip::Message& message, sip::HeaderId id) {
  const auto who = sip::parse_name_addr(message.header(id));
  return who ? who->tag() : std::string_view{};
}

std::string_view transport_parameter(TransportKind kind) {
  switch (kind) {
    case TransportKind::kUdp: return "";
    case TransportKind::kTcp: return ";transport=tcp";
    case TransportKind::kTls: return ";transport=tls";
    case TransportKind::kWs: return ";transport=ws";
    case TransportKind::kWss: return ";transport=wss";
  }
  return "";
}

/// "1.0.2a.3": kind, worker, connection, generation.
std::string name_of_flow(const Flow& flow) {
  return fmt::format("{:x}.{:x}.{:x}.{:x}", static_cast<unsigned>(flow.kind), flow.worker, flow.connection,
                     flow.generation);
}

}  // namespace

std::string DialogCookie::mac(std::string_view call_id, std::string_view from_tag, std::string_view flow) const {
  std::string text(call_id);
  text.push_back('\0');
  text.append(from_tag);
  if (!flow.empty()) text.append(1, '\0').append(flow);
  return hmac_hex(secret_, text, 8);
}

void DialogCookie::append_record_route(std::string& out, const sip::Message& request, const Flow& flow) const {
  const auto from_tag = tag_of(request, sip::HeaderId::kFrom);
  const auto name = is_reliable(flow.kind) ? name_of_flow(flow) : std::string();
  fmt::format_to(std::back_inserter(out), "Record-Route: <sip:{}{};lr;ftag={};did={}{}{}>\r\n", flow.local.to_string(),
                 transport_parameter(flow.kind), from_tag, mac(request.header(sip::HeaderId::kCallId), from_tag, name),
                 name.empty() ? "" : ";fl=", name);
}

std::optional<Flow> DialogCookie::flow_of(const sip::Uri& route) {
  const auto name = route.params.get("fl");
  const auto ip = IpAddress::parse(route.host);
  if (!name || !ip) return std::nullopt;
  Flow flow;
  unsigned kind = 0;
  unsigned worker = 0;
  const auto* at = name->data();
  const auto* const end = at + name->size();
  const auto take = [&](auto& number) {
    const auto [stop, error] = std::from_chars(at, end, number, 16);
    if (error != std::errc{} || (stop != end && *stop != '.')) return false;
    at = stop == end ? stop : stop + 1;
    return true;
  };
  if (!take(kind) || !take(worker) || !take(flow.connection) || !take(flow.generation) || at != end)
    return std::nullopt;
  if (kind > static_cast<unsigned>(TransportKind::kWss) || worker > 255) return std::nullopt;
  flow.kind = static_cast<TransportKind>(kind);
  flow.worker = static_cast<std::uint8_t>(worker);
  flow.local = {*ip, route.port_or_default()};
  if (!is_reliable(flow.kind) || is_gone(flow)) return std::nullopt;
  return flow;
}

DialogCookie::Direction DialogCookie::check(const sip::Message& request, const sip::Uri& route) const {
  const auto caller = route.params.get("ftag").value_or(std::string_view{});
  const auto given = route.params.get("did").value_or(std::string_view{});
  const auto expected =
      mac(request.header(sip::HeaderId::kCallId), caller, route.params.get("fl").value_or(std::string_view{}));
  if (given.size() != expected.size() || CRYPTO_memcmp(given.data(), expected.data(), given.size()) != 0) {
    return Direction::kNone;
  }
  if (tag_of(request, sip::HeaderId::kFrom) == caller) return Direction::kFromCaller;
  if (tag_of(request, sip::HeaderId::kTo) == caller) return Direction::kFromCallee;
  return Direction::kNone;
}

}  // namespace lamplighter::server
