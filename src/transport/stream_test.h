#pragma once

#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/tcp.h>

#include <string>
#include <string_view>

#include "transport/streams.h"
#include "transport/worker_test.h"

// What the tests of connections on real sockets share.
namespace lamplighter::transport {

/// A request as a phone sends it over a connection.
inline std::string request(std::string_view call, std::string_view body = {}) {
  return fmt::format(
      "MESSAGE sip:a@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1;branch=z9hG4bK{0}\r\nCall-ID: {0}\r\n"
      "Content-Length: {1}\r\n\r\n{2}",
      call, body.size(), body);
}

/// The phone's end of a TCP connection: plain blocking calls, with patience.
class Stream {
 public:
  explicit Stream(const SocketAddress& server, int receive_buffer = 0) {
    sockaddr_storage storage;
    const auto size = server.to(storage);
    fd_ = ::socket(storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (receive_buffer > 0) ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    EXPECT_EQ(::connect(fd_, reinterpret_cast<const sockaddr*>(&storage), size), 0) << server.to_string();
    socklen_t length = sizeof storage;
    ::getsockname(fd_, reinterpret_cast<sockaddr*>(&storage), &length);
    address_ = SocketAddress::from(storage);
  }
  ~Stream() { close(); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  int fd() const { return fd_; }
  const SocketAddress& address() const { return address_; }
  void close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }
  void end() { ::shutdown(fd_, SHUT_WR); }
  /// False: the other end is gone.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto put = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (put <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(put));
    }
    return true;
  }
  /// Exactly so many bytes; fewer when the other end closed first, or nothing came for long.
  std::string receive(std::size_t size) {
    std::string out;
    while (out.size() < size) {
      pollfd wait{fd_, POLLIN, 0};
      if (::poll(&wait, 1, 20'000) != 1) break;
      std::string piece(size - out.size(), '\0');
      const auto got = ::recv(fd_, piece.data(), piece.size(), 0);
      if (got <= 0) break;
      out.append(piece, 0, static_cast<std::size_t>(got));
    }
    return out;
  }
  /// Everything until the other end closes.
  std::string receive_all() { return receive(64 << 20); }

 private:
  int fd_;
  SocketAddress address_;
};

/// Remembers which flows have ended as well.
class StreamEcho : public Echo {
 public:
  void on_flow_closed(const Flow& flow, TimePoint) override {
    closed.with([&](auto& list) { list.push_back(flow); });
  }
  std::size_t closed_flows() const {
    return closed.with([](const auto& list) { return list.size(); });
  }
  Guarded<std::vector<Flow>> closed;
};

/// A worker with a StreamEcho on it, started.
struct StreamServer {
  explicit StreamServer(std::string_view listen, StreamSettings streams = {}, bool echo_back = true)
      : StreamServer(with(Running::settings_for(listen), std::move(streams)), echo_back) {}
  explicit StreamServer(WorkerSettings settings, bool echo_back = true) : worker(std::move(settings), clock) {
    const auto opened = worker.open();
    if (!opened) throw std::runtime_error(opened.error());
    if (echo_back) echo.sender = &worker;
    worker.start(echo);
  }
  ~StreamServer() { worker.stop(); }

  static WorkerSettings with(WorkerSettings settings, StreamSettings streams) {
    settings.streams = std::move(streams);
    return settings;
  }
  SocketAddress address(std::size_t listener = 0) const { return worker.bound().at(listener).address; }
  const StreamCounters& counters() const { return *worker.stream_counters(); }
  void on_thread(std::function<void()> task) {
    std::promise<void> done;
    worker.post([&] {
      task();
      done.set_value();
    });
    done.get_future().wait();
  }
  bool send(const Flow& flow, std::string_view bytes) {
    bool sent = false;
    on_thread([&] { sent = worker.send(flow, bytes); });
    return sent;
  }

  SystemClock clock;
  StreamEcho echo;
  Worker worker;
};

}  // namespace lamplighter::transport
