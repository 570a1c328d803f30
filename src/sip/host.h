#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace lamplighter::sip {

/// host [":" port] as it stands in a URI and in a Via (RFC 3261 §25.1).
struct HostPort {
  std::string_view text;   ///< both, as written
  std::string_view host;   ///< IPv6 with its brackets
  std::uint16_t port = 0;  ///< 0: none given
};

/// Takes it off the front of `rest`; nullopt when there is no host or the port is not 1–65535. Blanks around the colon
/// are skipped (Via's COLON allows them; a URI has none).
std::optional<HostPort> take_host_port(std::string_view& rest);

}  // namespace lamplighter::sip
