#include "server/dialog_cookie.h"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <iterator>

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

}  // namespace

std::string DialogCookie::mac(std::string_view call_id, std::string_view from_tag) const {
  std::string text(call_id);
  text.push_back('\0');
  text.append(from_tag);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned length = 0;
  HMAC(EVP_sha256(), secret_.data(), static_cast<int>(secret_.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data(), &length);
  std::string hex;
  for (std::size_t i = 0; i < 8; ++i) fmt::format_to(std::back_inserter(hex), "{:02x}", digest[i]);
  return hex;
}

void DialogCookie::append_record_route(std::string& out, const sip::Message& request, const SocketAddress& local,
                                       TransportKind kind) const {
  const auto from_tag = tag_of(request, sip::HeaderId::kFrom);
  fmt::format_to(std::back_inserter(out), "Record-Route: <sip:{}{};lr;ftag={};did={}>\r\n", local.to_string(),
                 transport_parameter(kind), from_tag, mac(request.header(sip::HeaderId::kCallId), from_tag));
}

DialogCookie::Direction DialogCookie::check(const sip::Message& request, const sip::Uri& route) const {
  const auto caller = route.params.get("ftag").value_or(std::string_view{});
  const auto given = route.params.get("did").value_or(std::string_view{});
  const auto expected = mac(request.header(sip::HeaderId::kCallId), caller);
  if (given.size() != expected.size() || CRYPTO_memcmp(given.data(), expected.data(), given.size()) != 0) {
    return Direction::kNone;
  }
  if (tag_of(request, sip::HeaderId::kFrom) == caller) return Direction::kFromCaller;
  if (tag_of(request, sip::HeaderId::kTo) == caller) return Direction::kFromCallee;
  return Direction::kNone;
}

}  // namespace lamplighter::server
