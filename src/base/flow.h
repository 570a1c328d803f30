#pragma once

#include <cstdint>
#include <string_view>

#include "base/address.h"

namespace lamplighter {

enum class TransportKind : std::uint8_t { kUdp, kTcp, kTls, kWs, kWss };

/// "UDP", "TCP", "TLS", "WS", "WSS": as in a Via.
std::string_view name_of(TransportKind kind);

/// Reliable transports do not retransmit (RFC 3261 §17): everything but UDP.
constexpr bool is_reliable(TransportKind kind) { return kind != TransportKind::kUdp; }

/// Where Content-Length says where a message ends (RFC 3261 §18.3). A WebSocket frame says so itself (RFC 7118 §5).
constexpr bool is_byte_stream(TransportKind kind) { return kind == TransportKind::kTcp || kind == TransportKind::kTls; }

/// The way a peer is reached: which worker's socket, and the two ends. What is sent to a phone is sent by the worker
/// that owns its flow, so that it leaves from the address and port the phone registered with.
struct Flow {
  SocketAddress remote;
  /// The local address the peer's datagram arrived on (never 0.0.0.0) and the listening port.
  SocketAddress local;
  /// TCP, TLS, WebSocket: which connection of the worker, and its generation. 0 for UDP.
  std::uint32_t connection = 0;
  std::uint32_t generation = 0;
  /// Which of the configured `sip.listen` sockets.
  std::uint16_t listener = 0;
  std::uint8_t worker = 0;
  TransportKind kind = TransportKind::kUdp;

  friend bool operator==(const Flow&, const Flow&) = default;
};

/// A connection that has ended, or did before this server started: nothing can be sent this way any more.
constexpr bool is_gone(const Flow& flow) { return is_reliable(flow.kind) && flow.connection == 0; }

}  // namespace lamplighter
