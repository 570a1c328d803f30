#pragma once

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/address.h"
#include "load/messages.h"

namespace lamplighter::load {

/// A socket on a port of 127.0.0.1; 0: any. The port is free again as soon as it is closed.
inline int bound_socket(int type, std::uint16_t port, SocketAddress& address) {
  const int descriptor = socket(AF_INET, type | SOCK_CLOEXEC, 0);
  const int yes = 1;
  if (type == SOCK_STREAM) setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_port = htons(port);
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(bind(descriptor, reinterpret_cast<sockaddr*>(&name), sizeof name), 0);
  socklen_t length = sizeof name;
  getsockname(descriptor, reinterpret_cast<sockaddr*>(&name), &length);
  address = {IpAddress::v4(INADDR_LOOPBACK), ntohs(name.sin_port)};
  return descriptor;
}

/// The smallest server that can answer: one socket, one thread. `script` says what to send back for each datagram.
class Responder {
 public:
  using Script = std::function<std::vector<std::string>(std::string_view)>;

  explicit Responder(Script script, std::uint16_t port = 0) : descriptor_(bound_socket(SOCK_DGRAM, port, address_)) {
    thread_ = std::thread([this, script = std::move(script)] { serve(script); });
  }
  ~Responder() {
    stop();
    close(descriptor_);
  }
  /// What the script wrote down may be read afterwards.
  void stop() {
    shutdown(descriptor_, SHUT_RDWR);  // wakes recvfrom
    if (thread_.joinable()) thread_.join();
  }
  const SocketAddress& address() const { return address_; }
  /// Who sent the datagram; for the script.
  const sockaddr_in& from() const { return from_; }
  /// On any thread.
  void send(const sockaddr_in& to, const std::string& text) const {
    sendto(descriptor_, text.data(), text.size(), 0, reinterpret_cast<const sockaddr*>(&to), sizeof to);
  }

 private:
  void serve(const Script& script) {
    std::vector<char> buffer(65536);
    while (true) {
      socklen_t length = sizeof from_;
      const auto size =
          recvfrom(descriptor_, buffer.data(), buffer.size(), 0, reinterpret_cast<sockaddr*>(&from_), &length);
      if (size <= 0) return;
      for (const auto& text : script({buffer.data(), static_cast<std::size_t>(size)})) send(from_, text);
    }
  }

  SocketAddress address_;
  int descriptor_;
  sockaddr_in from_{};
  std::thread thread_;
};

inline std::string answer(std::string_view request, std::string_view status, std::string_view more = {}) {
  std::string out;
  append_ok(out, request, "srv");
  out.replace(8, 6, status);
  out.insert(out.find("Content-Length"), more);
  return out;
}

inline std::string contact_uri(std::string_view request) {
  const auto contact = header_value(request, "Contact", 'm');
  const auto open = contact.find('<');
  return std::string(contact.substr(open + 1, contact.find('>') - open - 1));
}

inline bool is(std::string_view message, std::string_view method) {
  return message.starts_with(std::string(method) + " ");
}

/// An HTTP server for one test: one connection at a time is answered after the other, each on its own thread.
class HttpResponder {
 public:
  struct Request {
    std::string method, target, head, body;
  };
  /// The whole response as text; empty: closes the connection.
  using Script = std::function<std::string(const Request&)>;

  explicit HttpResponder(Script script, std::uint16_t port = 0)
      : script_(std::move(script)), descriptor_(bound_socket(SOCK_STREAM, port, address_)) {
    EXPECT_EQ(listen(descriptor_, 64), 0);
    acceptor_ = std::thread([this] {
      for (int peer = 0; (peer = accept4(descriptor_, nullptr, nullptr, SOCK_CLOEXEC)) >= 0;) {
        peers_.push_back(peer);
        threads_.emplace_back([this, peer] { serve(peer); });
      }
    });
  }
  ~HttpResponder() {
    shutdown(descriptor_, SHUT_RDWR);  // wakes accept4
    acceptor_.join();
    close(descriptor_);
    for (const int peer : peers_) shutdown(peer, SHUT_RDWR);
    for (auto& thread : threads_) thread.join();
    for (const int peer : peers_) close(peer);
  }
  const SocketAddress& address() const { return address_; }

  static std::string json(std::string_view body, std::string_view status = "200 OK") {
    return "HTTP/1.1 " + std::string(status) +
           "\r\nContent-Type: application/json\r\ncontent-length: " + std::to_string(body.size()) + "\r\n\r\n" +
           std::string(body);
  }

 private:
  void serve(int peer) const {
    std::string text;
    char buffer[4096];
    while (true) {
      const auto got = recv(peer, buffer, sizeof buffer, 0);
      if (got <= 0) return;
      text.append(buffer, static_cast<std::size_t>(got));
      const auto end = text.find("\r\n\r\n");
      if (end == std::string::npos) continue;
      Request request{
          .method = text.substr(0, text.find(' ')), .target = {}, .head = text.substr(0, end + 4), .body = {}};
      const auto size = std::stoul("0" + std::string(header_value(request.head, "Content-Length")));
      if (text.size() < end + 4 + size) continue;
      const auto at = request.method.size() + 1;
      request.target = text.substr(at, text.find(' ', at) - at);
      request.body = text.substr(end + 4, size);
      text.erase(0, end + 4 + size);
      const auto reply = script_(request);
      if (reply.empty()) {
        shutdown(peer, SHUT_RDWR);
        return;
      }
      send(peer, reply.data(), reply.size(), MSG_NOSIGNAL);
    }
  }

  Script script_;
  SocketAddress address_;
  int descriptor_;
  std::vector<int> peers_;
  std::vector<std::thread> threads_;
  std::thread acceptor_;
};

}  // namespace lamplighter::load
