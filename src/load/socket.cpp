#include "load/socket.h"

#include <netinet/in.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace lamplighter::load {

Inbox::Inbox() : buffers_(kBatch), slices_(kBatch), headers_(kBatch) {
  for (std::size_t i = 0; i < kBatch; ++i) {
    slices_[i] = {buffers_[i].data(), kSize};
    headers_[i] = {};
    headers_[i].msg_hdr.msg_iov = &slices_[i];
    headers_[i].msg_hdr.msg_iovlen = 1;
  }
}

std::size_t Inbox::receive(int descriptor, bool& refused) {
  const int count = recvmmsg(descriptor, headers_.data(), kBatch, MSG_DONTWAIT, nullptr);
  if (count < 0) {
    refused |= errno == ECONNREFUSED;
    return 0;
  }
  for (int i = 0; i < count; ++i) lengths_[static_cast<std::size_t>(i)] = headers_[static_cast<std::size_t>(i)].msg_len;
  return static_cast<std::size_t>(count);
}

std::expected<Socket, std::string> Socket::connect(const SocketAddress& server, std::uint16_t port) {
  const auto failed = [](const char* what) { return std::unexpected(std::string(what) + ": " + std::strerror(errno)); };
  const int descriptor =
      socket(server.ip.is_v6() ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_UDP);
  if (descriptor < 0) return failed("cannot open a socket");
  const int buffer = 4 * 1024 * 1024;  // a burst of answers must not be lost here; the kernel may give less
  setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
  setsockopt(descriptor, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer);

  sockaddr_storage storage{};
  if (port != 0) {
    const SocketAddress own{server.ip.is_v6() ? IpAddress::parse("::1").value() : IpAddress::v4(INADDR_LOOPBACK), port};
    const auto size = own.to(storage);
    if (bind(descriptor, reinterpret_cast<const sockaddr*>(&storage), size) != 0) {
      auto error = failed(("cannot have the port " + own.to_string()).c_str());
      close(descriptor);
      return error;
    }
  }
  const auto length = server.to(storage);
  if (::connect(descriptor, reinterpret_cast<const sockaddr*>(&storage), length) != 0) {
    auto error = failed(("cannot reach " + server.to_string()).c_str());
    close(descriptor);
    return error;
  }
  sockaddr_storage local{};
  socklen_t local_length = sizeof local;
  getsockname(descriptor, reinterpret_cast<sockaddr*>(&local), &local_length);
  return Socket(descriptor, SocketAddress::from(local).to_string());
}

Socket::Socket(Socket&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      local_(std::move(other.local_)),
      texts_(std::move(other.texts_)),
      used_(std::exchange(other.used_, 0)) {}

Socket::~Socket() {
  if (descriptor_ >= 0) close(descriptor_);
}

std::string& Socket::write() {
  if (used_ == texts_.size()) texts_.emplace_back().reserve(2048);
  auto& text = texts_[used_++];
  text.clear();
  return text;
}

std::size_t Socket::flush(bool& refused) {
  constexpr std::size_t kBatch = 64;
  std::array<iovec, kBatch> slices;
  std::array<mmsghdr, kBatch> headers;
  std::size_t sent = 0;
  for (std::size_t at = 0; at < used_;) {
    const auto count = std::min(kBatch, used_ - at);
    for (std::size_t i = 0; i < count; ++i) {
      slices[i] = {texts_[at + i].data(), texts_[at + i].size()};
      headers[i] = {};
      headers[i].msg_hdr.msg_iov = &slices[i];
      headers[i].msg_hdr.msg_iovlen = 1;
    }
    const int done = sendmmsg(descriptor_, headers.data(), static_cast<unsigned>(count), 0);
    if (done > 0) {
      sent += static_cast<std::size_t>(done);
      at += static_cast<std::size_t>(done);
    } else if (errno == EAGAIN) {
      pollfd writable{descriptor_, POLLOUT, 0};
      poll(&writable, 1, 100);
    } else if (errno != EINTR) {
      // An ICMP error of an earlier datagram is reported here, once; this one then goes the second time.
      const bool unreachable = errno == ECONNREFUSED;
      if (refused || !unreachable) ++at;
      refused |= unreachable;
    }
  }
  used_ = 0;
  return sent;
}

}  // namespace lamplighter::load
