#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "base/flow.h"

namespace lamplighter::transport {

/// One of `sip.listen`: "udp:127.0.0.1:5060", "tls:[::]:5061". Port 0 asks the kernel for a free one (tests).
struct Listen {
  TransportKind kind = TransportKind::kUdp;
  SocketAddress address;

  /// The error says what was expected.
  static std::expected<Listen, std::string> parse(std::string_view text);
  std::string to_string() const;
  /// Whether only one of the two can have its port.
  bool collides_with(const Listen& other) const;
};

}  // namespace lamplighter::transport
