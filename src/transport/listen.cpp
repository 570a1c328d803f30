#include "transport/listen.h"

#include <fmt/format.h>

namespace lamplighter::transport {

std::expected<Listen, std::string> Listen::parse(std::string_view text) {
  constexpr std::string_view kUdp = "udp:";
  if (!text.starts_with(kUdp)) {
    return std::unexpected(fmt::format(
        "\"{}\": expected udp:ADDRESS:PORT, for example udp:0.0.0.0:5060 or udp:[::]:5060", text.substr(0, 64)));
  }
  auto address = SocketAddress::parse(text.substr(kUdp.size()));
  if (!address) return std::unexpected(address.error());
  return Listen{TransportKind::kUdp, *address};
}

std::string Listen::to_string() const {
  std::string scheme(name_of(kind));
  for (char& c : scheme) c = static_cast<char>(c | 0x20);
  return fmt::format("{}:{}", scheme, address.to_string());
}

}  // namespace lamplighter::transport
