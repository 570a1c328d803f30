#include "transport/listen.h"

#include <fmt/format.h>

#include <array>

namespace lamplighter::transport {
namespace {

constexpr std::array kKinds{TransportKind::kUdp, TransportKind::kTcp, TransportKind::kTls, TransportKind::kWs,
                            TransportKind::kWss};

/// "udp:"
std::string scheme_of(TransportKind kind) {
  std::string scheme(name_of(kind));
  for (char& c : scheme) c = static_cast<char>(c | 0x20);
  return scheme + ':';
}

}  // namespace

std::expected<Listen, std::string> Listen::parse(std::string_view text) {
  for (const auto kind : kKinds) {
    const auto scheme = scheme_of(kind);
    if (!text.starts_with(scheme)) continue;
    auto address = SocketAddress::parse(text.substr(scheme.size()));
    if (!address) return std::unexpected(address.error());
    return Listen{kind, *address};
  }
  return std::unexpected(fmt::format(
      "\"{}\": expected udp:ADDRESS:PORT, or tcp:, tls:, ws: or wss: before it, for example udp:0.0.0.0:5060 or "
      "tls:[::]:5061",
      text.substr(0, 64)));
}

std::string Listen::to_string() const { return scheme_of(kind) + address.to_string(); }

bool Listen::collides_with(const Listen& other) const {
  return address.port != 0 && address == other.address && is_reliable(kind) == is_reliable(other.kind);
}

}  // namespace lamplighter::transport
