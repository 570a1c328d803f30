#include "transport/udp_socket.h"

#include <netinet/in.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace lamplighter::transport {
namespace {

constexpr std::size_t kMaxDatagram = 65536;
// From one place for a datagram to the next. A power of two would put the beginnings of all of them, which are all that
// is mostly used, into the same few sets of the processor's caches.
constexpr std::size_t kPlace = kMaxDatagram + 19 * 64;
constexpr std::size_t kOutBatch = 64;
constexpr std::size_t kOutBytes = 4 * kMaxDatagram;
constexpr int kSendPatienceMs = 1;

/// A descriptor that closes itself unless released.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

int family_of(const SocketAddress& address) { return address.ip.is_v4() ? AF_INET : AF_INET6; }

bool set_option(int fd, int level, int name, int value) {
  return setsockopt(fd, level, name, &value, sizeof value) == 0;
}

/// The kernel doubles what is asked, for its bookkeeping, and reports the doubled figure (socket(7)).
std::size_t buffer_size(int fd, int name) {
  int value = 0;
  socklen_t size = sizeof value;
  getsockopt(fd, SOL_SOCKET, name, &value, &size);
  return static_cast<std::size_t>(value) / 2;
}

void set_buffer(int fd, int force, int name, std::size_t bytes) {
  if (bytes == 0) return;
  int value = static_cast<int>(std::min<std::size_t>(bytes, 1u << 30));
  // With CAP_NET_ADMIN the limit of net.core.rmem_max does not count.
  if (!set_option(fd, SOL_SOCKET, force, value)) set_option(fd, SOL_SOCKET, name, value);
}

bool bind_to(int fd, const SocketAddress& address) {
  // Else a socket on :: would take the port of a listener on 0.0.0.0 too.
  if (address.ip.is_v6() && !set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1)) return false;
  sockaddr_storage storage;
  socklen_t size = address.to(storage);
  return bind(fd, reinterpret_cast<const sockaddr*>(&storage), size) == 0;
}

SocketAddress name_of_socket(int fd) {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &size);
  return SocketAddress::from(storage);
}

/// Writes the address a datagram shall leave from; returns the length of the control data.
std::size_t write_source(unsigned char* control, std::size_t room, const IpAddress& source) {
  msghdr header{};
  header.msg_control = control;
  header.msg_controllen = room;
  cmsghdr* c = CMSG_FIRSTHDR(&header);
  if (source.is_v4()) {
    in_pktinfo info{};
    std::memcpy(&info.ipi_spec_dst, source.bytes().data(), sizeof info.ipi_spec_dst);
    c->cmsg_level = IPPROTO_IP;
    c->cmsg_type = IP_PKTINFO;
    c->cmsg_len = CMSG_LEN(sizeof info);
    std::memcpy(CMSG_DATA(c), &info, sizeof info);
    return CMSG_SPACE(sizeof info);
  }
  in6_pktinfo info{};
  std::memcpy(&info.ipi6_addr, source.bytes().data(), sizeof info.ipi6_addr);
  c->cmsg_level = IPPROTO_IPV6;
  c->cmsg_type = IPV6_PKTINFO;
  c->cmsg_len = CMSG_LEN(sizeof info);
  std::memcpy(CMSG_DATA(c), &info, sizeof info);
  return CMSG_SPACE(sizeof info);
}

}  // namespace

std::expected<std::unique_ptr<UdpSocket>, int> UdpSocket::open(const SocketAddress& address, const Settings& settings) {
  Descriptor fd(socket(family_of(address), SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (fd.get() < 0) return std::unexpected(errno);
  if (settings.reuse_port && !set_option(fd.get(), SOL_SOCKET, SO_REUSEPORT, 1)) return std::unexpected(errno);
  set_buffer(fd.get(), SO_RCVBUFFORCE, SO_RCVBUF, settings.receive_buffer);
  set_buffer(fd.get(), SO_SNDBUFFORCE, SO_SNDBUF, settings.send_buffer);
  if (!set_option(fd.get(), SOL_SOCKET, SO_RXQ_OVFL, 1)) return std::unexpected(errno);
  if (address.ip.is_any()) {
    bool done = address.ip.is_v4() ? set_option(fd.get(), IPPROTO_IP, IP_PKTINFO, 1)
                                   : set_option(fd.get(), IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
    if (!done) return std::unexpected(errno);
  }
  if (!bind_to(fd.get(), address)) return std::unexpected(errno);
  SocketAddress bound = name_of_socket(fd.get());
  std::size_t batch = std::clamp<std::size_t>(settings.batch, 1, 1024);
  return std::unique_ptr<UdpSocket>(new UdpSocket(fd.release(), bound, batch));
}

int UdpSocket::probe(const SocketAddress& address) {
  Descriptor fd(socket(family_of(address), SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (fd.get() < 0) return errno;
  return bind_to(fd.get(), address) ? 0 : errno;
}

IpAddress UdpSocket::source_for(const SocketAddress& remote) {
  Descriptor fd(socket(family_of(remote), SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_storage storage;
  socklen_t size = remote.to(storage);
  // Connecting a datagram socket sends nothing: it only looks up the route.
  if (fd.get() < 0 || connect(fd.get(), reinterpret_cast<const sockaddr*>(&storage), size) != 0) return {};
  return name_of_socket(fd.get()).ip;
}

UdpSocket::UdpSocket(int fd, const SocketAddress& bound, std::size_t batch)
    : fd_(fd),
      bound_(bound),
      any_(bound.ip.is_any()),
      in_(batch),
      in_parts_(batch),
      in_from_(batch),
      in_controls_(batch),
      in_local_(batch),
      // Not zeroed: a page costs memory only once a datagram has been in it.
      in_bytes_(std::make_unique_for_overwrite<char[]>(batch * kPlace)),
      out_(kOutBatch),
      out_parts_(kOutBatch),
      out_to_(kOutBatch),
      out_controls_(kOutBatch),
      out_bytes_(std::make_unique_for_overwrite<char[]>(kOutBytes)) {
  for (std::size_t i = 0; i < batch; ++i) {
    in_parts_[i] = {in_bytes_.get() + i * kPlace, kMaxDatagram};
    in_[i].msg_hdr.msg_iov = &in_parts_[i];
    in_[i].msg_hdr.msg_iovlen = 1;
    in_[i].msg_hdr.msg_name = &in_from_[i];
    in_[i].msg_hdr.msg_control = in_controls_[i].bytes;
  }
  for (std::size_t i = 0; i < kOutBatch; ++i) {
    out_[i].msg_hdr.msg_iov = &out_parts_[i];
    out_[i].msg_hdr.msg_iovlen = 1;
    out_[i].msg_hdr.msg_name = &out_to_[i];
  }
}

UdpSocket::~UdpSocket() { ::close(fd_); }

std::size_t UdpSocket::receive_buffer() const { return buffer_size(fd_, SO_RCVBUF); }
std::size_t UdpSocket::send_buffer() const { return buffer_size(fd_, SO_SNDBUF); }

std::size_t UdpSocket::receive() {
  for (auto& message : in_) {
    message.msg_hdr.msg_namelen = sizeof(sockaddr_storage);
    message.msg_hdr.msg_controllen = sizeof(Control);
  }
  int count = 0;
  do {
    count = recvmmsg(fd_, in_.data(), static_cast<unsigned>(in_.size()), MSG_DONTWAIT, nullptr);
    // Besides EAGAIN only errors that an ICMP message left on the socket come here; they are gone once read.
  } while (count < 0 && errno == EINTR);
  if (count < 0) return 0;
  for (int i = 0; i < count; ++i) read_controls(static_cast<std::size_t>(i));
  return static_cast<std::size_t>(count);
}

void UdpSocket::read_controls(std::size_t i) {
  msghdr& header = in_[i].msg_hdr;
  in_local_[i] = bound_.ip;
  for (cmsghdr* c = CMSG_FIRSTHDR(&header); c != nullptr; c = CMSG_NXTHDR(&header, c)) {
    if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_RXQ_OVFL) {
      std::uint32_t total = 0;
      std::memcpy(&total, CMSG_DATA(c), sizeof total);
      drops_ += total - drops_seen_;  // unsigned: right across the wrap
      drops_seen_ = total;
    } else if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
      in_pktinfo info;
      std::memcpy(&info, CMSG_DATA(c), sizeof info);
      in_local_[i] = IpAddress::v4(ntohl(info.ipi_spec_dst.s_addr));
    } else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
      std::array<std::uint8_t, 16> bytes;
      std::memcpy(bytes.data(), CMSG_DATA(c), bytes.size());  // in6_pktinfo begins with the address
      in_local_[i] = IpAddress::v6(bytes);
    }
  }
}

UdpSocket::Datagram UdpSocket::datagram(std::size_t i) const {
  return {SocketAddress::from(in_from_[i]),
          {in_local_[i], bound_.port},
          {static_cast<const char*>(in_parts_[i].iov_base), in_[i].msg_len}};
}

std::uint64_t UdpSocket::take_drops() { return std::exchange(drops_, 0); }

bool UdpSocket::queue(const SocketAddress& remote, const SocketAddress& local, std::string_view bytes) {
  if (queued_ == kOutBatch || bytes.size() > kOutBytes - queued_bytes_) return false;
  char* place = out_bytes_.get() + queued_bytes_;
  std::memcpy(place, bytes.data(), bytes.size());
  out_parts_[queued_] = {place, bytes.size()};
  msghdr& header = out_[queued_].msg_hdr;
  header.msg_namelen = remote.to(out_to_[queued_]);
  header.msg_control = nullptr;
  header.msg_controllen = 0;
  if (any_ && !local.ip.is_any() && local.ip.is_v4() == bound_.ip.is_v4()) {
    Control& control = out_controls_[queued_];
    header.msg_control = control.bytes;
    header.msg_controllen = write_source(control.bytes, sizeof control.bytes, local.ip);
  }
  ++queued_;
  queued_bytes_ += bytes.size();
  return true;
}

bool UdpSocket::wait_writable() const {
  pollfd wait{fd_, POLLOUT, 0};
  return ::poll(&wait, 1, kSendPatienceMs) == 1;
}

UdpSocket::Flushed UdpSocket::flush() {
  Flushed result;
  bool waited = false;
  std::size_t next = 0;
  while (next < queued_) {
    int count = sendmmsg(fd_, &out_[next], static_cast<unsigned>(queued_ - next), MSG_DONTWAIT);
    if (count > 0) {
      for (int i = 0; i < count; ++i) result.bytes += out_parts_[next++].iov_len;
      result.sent += static_cast<std::uint64_t>(count);
      continue;
    }
    if (errno == EINTR) continue;
    if (errno == EAGAIN) {
      // The send buffer is full: give the network a moment, once; then the rest is lost like any datagram may be.
      if (!std::exchange(waited, true) && wait_writable()) continue;
      result.failed += queued_ - next;
      break;
    }
    ++result.failed;  // EMSGSIZE, EPERM, ENETUNREACH …: this one's own trouble
    ++next;
  }
  queued_ = 0;
  queued_bytes_ = 0;
  return result;
}

}  // namespace lamplighter::transport
