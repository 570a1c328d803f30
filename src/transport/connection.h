#pragma once

#include <boost/asio/posix/stream_descriptor.hpp>
#include <cstdint>
#include <memory>
#include <string>

#include "base/flow.h"
#include "base/timer_wheel.h"
#include "sip/stream_framer.h"
#include "transport/channel.h"
#include "transport/websocket.h"

namespace lamplighter::transport {

/// What there is of a WebSocket only.
struct WebSocketPart {
  WebSocketPart(const std::vector<std::string>* origins, std::size_t limit) : upgrade(origins), framer(limit) {}
  WebSocketUpgrade upgrade;
  WebSocketFramer framer;
  TimePoint pinged{};
};

/// One connection of a worker: see Streams, which does everything with it.
struct Connection {
  enum class Phase : std::uint8_t {
    kTls,      ///< handshake
    kUpgrade,  ///< WebSocket handshake
    kOpen,     ///< messages go both ways
    kEnding,   ///< what is queued still leaves; for the rest of the program it is gone
    kDrained,  ///< we said that nothing more comes, and wait for the peer to do so
    kClosed,
  };

  Connection(boost::asio::io_context& io, int socket, SslPointer ssl)
      : descriptor(io), channel(socket, std::move(ssl)) {}

  bool is_websocket() const { return websocket != nullptr; }
  std::size_t queued() const { return out.size() - written; }

  Flow flow;
  std::uint32_t slot = 0;
  Phase phase = Phase::kOpen;
  bool proven = false;      ///< has sent a whole message
  bool ended = false;       ///< the peer sends no more
  bool reading = false;     ///< waiting for something to read
  bool writing = false;     ///< waiting for room to write
  bool dirty = false;       ///< in Streams::dirty_
  bool unfinished = false;  ///< part of a message is here
  std::uint32_t owed = 0;   ///< requests without a final response, roughly: RFC 3261's ACK has none
  boost::asio::posix::stream_descriptor descriptor;
  Channel channel;
  sip::StreamFramer framer;
  std::unique_ptr<WebSocketPart> websocket;
  std::string out;
  std::size_t written = 0;  ///< of `out`

  TimerHandle timer;
  TimePoint armed{};
  TimePoint opened{};
  TimePoint heard{};    ///< latest byte from the peer
  TimePoint began{};    ///< unfinished: when its first byte came
  TimePoint stalled{};  ///< writing: when it last went on
  TimePoint ending{};   ///< kEnding, kDrained or ended: since when
};

}  // namespace lamplighter::transport
