#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "api/http_client.h"
#include "app/server.h"
#include "app/settings_to.h"
#include "base/address.h"
#include "base/clock.h"
#include "base/temp_folder.h"
#include "config/settings.h"

namespace lamplighter::tests {

/// A whole server inside the test, on loopback ports the kernel chose: `ServerFixture server{{{"dial.key", "3"}}};`
class ServerFixture {
 public:
  using Values = std::map<std::string, std::string>;

  explicit ServerFixture(const Values& values = {}) : ServerFixture(values, nullptr) {}
  /// With a folder of somebody else: to start again on the same store.
  ServerFixture(const Values& values, const TempFolder* folder, const Clock* clock = nullptr) {
    config::Settings settings;
    Values all = {{"sip.listen", "udp:127.0.0.1:0"},
                  {"http.listen", "127.0.0.1:0"},
                  {"store.path", (folder ? folder : &own_)->file("lamplighter.db")}};
    for (const auto& [name, value] : values) all[name] = value;
    for (const auto& [name, value] : all) {
      for (const auto& error : settings.set(name + "=" + value)) ADD_FAILURE() << error.to_string();
    }
    for (const auto& error : app::check_meanings(settings)) ADD_FAILURE() << error.to_string();
    server_ = clock ? std::make_unique<app::Server>(std::move(settings), *clock)
                    : std::make_unique<app::Server>(std::move(settings));
    if (const auto started = server_->start(); !started) error_ = started.error();
  }

  bool running() const { return error_.empty(); }
  const std::string& error() const { return error_; }
  app::Server& operator*() { return *server_; }
  app::Server* operator->() { return server_.get(); }
  api::HttpReply http(std::string_view method, std::string_view target, std::string_view body = {}) {
    auto reply = api::HttpClient(server_->http_address()).request(method, target, body);
    if (!reply) ADD_FAILURE() << method << ' ' << target << ": " << reply.error();
    return reply.value_or(api::HttpReply{});
  }
  SocketAddress sip() const { return server_->listening().front().address; }

 private:
  TempFolder own_;
  std::string error_;
  std::unique_ptr<app::Server> server_;
};

/// No file of this process may grow beyond `bytes`: a full disk without one. With 0 no write succeeds, as on a disk
/// that has become read-only.
class SpoiltDisk {
 public:
  explicit SpoiltDisk(rlim_t bytes) {
    before_ = std::signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &limit_);
    const rlimit spoilt{bytes, limit_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &spoilt);
  }
  ~SpoiltDisk() {
    setrlimit(RLIMIT_FSIZE, &limit_);
    std::signal(SIGXFSZ, before_);
  }
  SpoiltDisk(const SpoiltDisk&) = delete;
  SpoiltDisk& operator=(const SpoiltDisk&) = delete;

 private:
  rlimit limit_{};
  void (*before_)(int);
};

/// A UDP socket that a test speaks through.
class Peer {
 public:
  explicit Peer(const SocketAddress& local = {IpAddress::v4(0x7f000001), 0}) {
    sockaddr_storage storage{};
    const auto length = local.to(storage);
    socket_ = ::socket(storage.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(::bind(socket_, reinterpret_cast<const sockaddr*>(&storage), length), 0) << local.to_string();
    socklen_t size = sizeof storage;
    ::getsockname(socket_, reinterpret_cast<sockaddr*>(&storage), &size);
    local_ = SocketAddress::from(storage);
  }
  ~Peer() { ::close(socket_); }
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  const SocketAddress& address() const { return local_; }

  void send(const SocketAddress& to, std::string_view bytes) {
    sockaddr_storage storage{};
    const auto length = to.to(storage);
    EXPECT_EQ(::sendto(socket_, bytes.data(), bytes.size(), 0, reinterpret_cast<const sockaddr*>(&storage), length),
              static_cast<ssize_t>(bytes.size()));
  }
  /// The next datagram, or nothing within `limit`.
  std::optional<std::string> receive(std::chrono::milliseconds limit = std::chrono::seconds{10}) {
    pollfd ready{socket_, POLLIN, 0};
    if (::poll(&ready, 1, static_cast<int>(limit.count())) <= 0) return std::nullopt;
    std::string bytes(65536, '\0');
    const auto got = ::recv(socket_, bytes.data(), bytes.size(), 0);
    if (got < 0) return std::nullopt;
    bytes.resize(static_cast<std::size_t>(got));
    return bytes;
  }

 private:
  int socket_;
  SocketAddress local_;
};

/// "SIP/2.0 404 Not Found…" → 404; 0 for a request.
inline int status_of(const std::string& bytes) {
  return bytes.starts_with("SIP/2.0 ") ? std::atoi(bytes.c_str() + 8) : 0;
}

}  // namespace lamplighter::tests
