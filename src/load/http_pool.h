#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "base/clock.h"

namespace lamplighter::load {

/// An answer of the API, or none.
struct HttpReply {
  std::uint32_t id = 0;  ///< as given to send()
  int status = 0;        ///< 0: none came, the connection broke or could not be made
  std::string body;
};

/// A few HTTP/1.1 connections that stay open, without blocking, in somebody else's epoll loop. Each carries one request
/// at a time; more wait for their turn. It understands what an API server says: a status and a Content-Length.
class HttpPool {
 public:
  /// Events of its descriptors carry `first_tag`, `first_tag` + 1 … in epoll_event.data.u32.
  HttpPool(const SocketAddress& server, std::string_view token, std::uint32_t connections, int epoll,
           std::uint32_t first_tag);
  ~HttpPool();
  HttpPool(const HttpPool&) = delete;
  HttpPool& operator=(const HttpPool&) = delete;

  /// `target` is encoded: "/v1/phones/101".
  void send(std::uint32_t id, std::string_view method, std::string_view target, std::string_view body);
  /// Its answer is not wanted any more, if there is such a request.
  void cancel(std::uint32_t id);
  /// Something happened to the descriptor with this tag.
  void on_event(std::uint32_t tag, std::uint32_t events);
  /// The answers since the last call.
  std::vector<HttpReply> take_replies();
  /// Whether somebody refused a connection since the last call: nobody listens there (any more).
  bool take_refused();
  /// Closes everything and forgets what is under way.
  void reset();

 private:
  struct Connection {
    enum class State : std::uint8_t { kClosed, kConnecting, kIdle, kBusy };
    int descriptor = -1;
    State state = State::kClosed;
    std::uint32_t id = 0;  ///< of the request under way
    std::string out, in;
    std::size_t written = 0;
  };
  struct Waiting {
    std::uint32_t id;
    std::string text;
  };

  void pump();
  void start(Connection& connection, Waiting waiting);
  void connect(Connection& connection);
  void write(Connection& connection);
  void read(Connection& connection);
  bool take_reply(Connection& connection);
  /// The request under way, if any, is answered with status 0.
  void fail(Connection& connection);
  void close(Connection& connection);
  void listen_for(Connection& connection, std::uint32_t events, int operation);

  SocketAddress server_;
  std::string head_;  ///< the header lines that are always the same
  int epoll_;
  std::uint32_t first_tag_;
  std::vector<Connection> connections_;
  std::deque<Waiting> waiting_;
  std::vector<HttpReply> replies_;
  bool refused_ = false;
};

}  // namespace lamplighter::load
