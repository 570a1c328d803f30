#pragma once

#include <boost/asio/io_context.hpp>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/flow.h"
#include "base/timer_wheel.h"
#include "transport/listen.h"
#include "transport/stream_settings.h"

namespace lamplighter::transport {

struct Connection;

/// The connections of one worker: TCP, TLS and WebSocket over either, with the acceptors they come from. Used on the
/// worker's thread only, except counters().
///
/// Sockets do not block and are read when they can be, into one buffer for all; a connection that is idle has neither
/// bytes in nor bytes out. What is sent is collected and leaves at the end of the worker's turn.
class Streams {
 public:
  /// The worker: every piece of work is one turn of its loop.
  class Host {
   public:
    virtual ~Host() = default;
    virtual TimePoint begin_turn() = 0;
    virtual void end_turn(TimePoint now) = 0;
    virtual void on_stream_message(const Flow& flow, std::string_view bytes, TimePoint now) = 0;
    virtual void on_stream_closed(const Flow& flow, TimePoint now) = 0;
  };

  Streams(boost::asio::io_context& io, std::uint8_t worker, StreamSettings settings, Host& host, TimePoint now);
  ~Streams();
  Streams(const Streams&) = delete;
  Streams& operator=(const Streams&) = delete;

  /// Listens; `index` among the worker's listeners. Returns what it is bound to; the error is an errno.
  std::expected<Listen, int> open(std::uint16_t index, const Listen& listen, bool reuse_port);
  /// 0, or the errno that says why nobody could listen on this address now without sharing it.
  static int probe(const SocketAddress& address);
  /// Begins to accept.
  void start();
  /// Closes everything; nobody is told.
  void stop();

  /// See Sender. False also when this was too much for the peer's queue: the connection is closed then.
  bool send(const Flow& flow, std::string_view bytes);

  /// At the end of the worker's turn: timers, what was collected leaves, and Host hears of connections that have ended.
  void end_turn(TimePoint now);
  std::optional<TimePoint> next_timer() const { return wheel_.next(); }

  const StreamCounters& counters() const { return counters_; }
  std::size_t open_connections() const;

 private:
  struct Acceptor;

  void wait_accept(Acceptor& acceptor);
  void accept(Acceptor& acceptor, TimePoint now);
  void pause(Acceptor& acceptor, int error, TimePoint now);
  void admit(const Acceptor& acceptor, int socket, const SocketAddress& remote, TimePoint now);

  Connection* find(std::uint32_t slot, std::uint32_t generation);
  Connection* find(const Flow& flow);
  void wait_read(Connection& c);
  void wait_write(Connection& c, TimePoint now);
  void on_readable(Connection& c, TimePoint now);
  bool shake_hands(Connection& c, TimePoint now);
  bool read_once(Connection& c, TimePoint now);
  void take(Connection& c, char* bytes, std::size_t size, TimePoint now);
  void take_stream(Connection& c, std::string_view bytes, TimePoint now);
  void take_frames(Connection& c, char* bytes, std::size_t size, TimePoint now);
  void upgrade(Connection& c, std::string_view bytes, TimePoint now);
  void deliver(Connection& c, std::string_view bytes, TimePoint now);
  void prove(Connection& c, TimePoint now);
  void on_end(Connection& c, TimePoint now);
  void flush(Connection& c, TimePoint now);
  void queue(Connection& c, std::string_view bytes);
  void mark_dirty(Connection& c);

  void look_after(Connection& c, TimePoint now);
  void arm(Connection& c, TimePoint now);
  TimePoint deadline_of(const Connection& c) const;
  void finish(Connection& c, std::string_view why, TimePoint now);
  void close(Connection& c, std::string_view why);
  void bury();

  boost::asio::io_context& io_;
  std::uint8_t worker_;
  StreamSettings settings_;
  Host& host_;
  TimerWheel wheel_;
  StreamCounters counters_;
  std::vector<std::unique_ptr<Acceptor>> acceptors_;
  TimePoint accept_failed_at_{};
  bool accept_warned_ = false;
  std::uint64_t handshakes_unreported_ = 0;
  std::optional<TimePoint> handshake_reported_;

  std::vector<std::unique_ptr<Connection>> slots_;
  std::vector<std::uint32_t> generations_;  ///< beside slots_
  std::vector<std::uint32_t> free_;
  std::vector<std::uint32_t> dirty_;  ///< slots with something to write
  std::vector<Flow> lost_;            ///< Host has not heard yet
  std::vector<std::uint32_t> dead_;   ///< slots to be emptied
  std::unique_ptr<char[]> buffer_;
};

}  // namespace lamplighter::transport
