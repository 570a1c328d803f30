#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/counter.h"
#include "transport/connection_budget.h"
#include "transport/tls_context.h"

namespace lamplighter::transport {

/// What connections may do: TCP, TLS, WebSocket.
struct StreamSettings {
  Duration first_message = std::chrono::seconds{20};   ///< from accepting to the first whole message
  Duration message = std::chrono::seconds{20};         ///< from its first byte to its last, in and out
  Duration idle = std::chrono::minutes{130};           ///< without a byte from the peer
  Duration websocket_ping = std::chrono::seconds{45};  ///< 0: none
  std::size_t write_queue = 256 * 1024;                ///< bytes that wait for one peer
  std::vector<std::string> origins;                    ///< see WebSocketUpgrade

  // Shared by the workers of a server. Without a budget the worker makes one of its own.
  std::shared_ptr<ConnectionBudget> budget;
  std::shared_ptr<TlsContext> tls;  ///< needed by tls: and wss: listeners
};

/// Counted by the worker's thread, read from any.
struct StreamCounters {
  Counter accepted, closed;
  Counter refused_total, refused_source, refused_unproven;  ///< over a limit of ConnectionBudget
  Counter accept_pauses;                                    ///< no file descriptor was left
  Counter handshakes_failed;                                ///< TLS, WebSocket
  Counter broken;                                           ///< what came was no SIP, or without a length
  Counter slow_readers;                                     ///< their queue was full, or stood still
  Counter slow_senders;                                     ///< no whole message in time
  Counter idle;
  Counter messages_in, messages_out, bytes_in, bytes_out, pings;
};

}  // namespace lamplighter::transport
