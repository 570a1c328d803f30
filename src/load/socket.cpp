#include "load/socket.h"

#include <netinet/in.h>
#include <netinet/udp.h>
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

// Says how long each datagram is of several that are handed over in one piece (udp(7), UDP_SEGMENT).
struct Socket::Control {
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(std::uint16_t))> bytes;
};

Socket::Socket(int descriptor, std::string local) : descriptor_(descriptor), local_(std::move(local)) {}

Socket::Socket(Socket&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      local_(std::move(other.local_)),
      lanes_(std::move(other.lanes_)),
      waiting_(std::exchange(other.waiting_, 0)) {}

Socket::~Socket() {
  if (descriptor_ >= 0) close(descriptor_);
}

std::string& Socket::write(Lane lane) {
  auto& [texts, used] = lanes_[static_cast<std::size_t>(lane)];
  if (used == texts.size()) texts.emplace_back().reserve(2048);
  ++waiting_;
  auto& text = texts[used++];
  text.clear();
  return text;
}

void Socket::collect() {
  slices_.clear();
  for (auto& [texts, used] : lanes_) {
    for (std::size_t i = 0; i < used; ++i) slices_.push_back({texts[i].data(), texts[i].size()});
    used = 0;
  }
  waiting_ = 0;
}

void Socket::group(std::size_t first) {
  constexpr std::size_t kMostDatagrams = 64;  // the kernel's UDP_MAX_SEGMENTS
  constexpr std::size_t kMostBytes = 65'000;
  headers_.clear();
  controls_.resize(slices_.size());  // of which the headers hold addresses
  for (std::size_t at = first; at < slices_.size();) {
    const auto size = slices_[at].iov_len;
    const auto most = segments_
                          ? std::clamp<std::size_t>(kMostBytes / std::max<std::size_t>(size, 1), 1, kMostDatagrams)
                          : std::size_t{1};
    auto end = at + 1;
    while (end < slices_.size() && end - at < most && slices_[end].iov_len == size) ++end;
    auto& header = headers_.emplace_back().msg_hdr;
    header.msg_iov = &slices_[at];
    header.msg_iovlen = end - at;
    if (end - at > 1) {
      auto& control = controls_[headers_.size() - 1].bytes;
      header.msg_control = control.data();
      header.msg_controllen = control.size();
      auto* said = CMSG_FIRSTHDR(&header);
      said->cmsg_level = SOL_UDP;
      said->cmsg_type = UDP_SEGMENT;
      said->cmsg_len = CMSG_LEN(sizeof(std::uint16_t));
      const auto length = static_cast<std::uint16_t>(size);
      std::memcpy(CMSG_DATA(said), &length, sizeof length);
    }
    at = end;
  }
}

std::size_t Socket::flush(bool& refused) {
  collect();
  group(0);
  std::size_t sent = 0;
  for (std::size_t at = 0; at < headers_.size();) {
    const int done = sendmmsg(descriptor_, &headers_[at], static_cast<unsigned>(headers_.size() - at), 0);
    if (done > 0) {
      for (const auto end = at + static_cast<std::size_t>(done); at < end; ++at)
        sent += headers_[at].msg_hdr.msg_iovlen;
    } else if (errno == EAGAIN) {
      pollfd writable{descriptor_, POLLOUT, 0};
      poll(&writable, 1, 100);
    } else if (errno == ECONNREFUSED) {
      // An ICMP error of an earlier datagram is reported here, once; this one then goes the second time.
      if (refused) ++at;
      refused = true;
    } else if (errno != EINTR && headers_[at].msg_hdr.msg_iovlen > 1) {
      // An old kernel, or an interface whose MTU these exceed: from here on one by one.
      segments_ = false;
      group(static_cast<std::size_t>(headers_[at].msg_hdr.msg_iov - slices_.data()));
      at = 0;
    } else if (errno != EINTR) {
      ++at;
    }
  }
  return sent;
}

}  // namespace lamplighter::load
