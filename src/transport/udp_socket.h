#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"

namespace lamplighter::transport {

/// A non-blocking UDP socket that reads and writes in batches (recvmmsg, sendmmsg) and knows on which local address
/// each datagram arrived. Allocates only when opened.
class UdpSocket {
 public:
  struct Settings {
    bool reuse_port = false;
    std::size_t receive_buffer = 0;
    std::size_t send_buffer = 0;
    std::size_t batch = 32;
  };
  struct Datagram {
    SocketAddress remote;
    SocketAddress local;
    std::string_view bytes;  ///< until the next receive()
  };
  /// What happened to what was flushed.
  struct Flushed {
    std::uint64_t sent = 0, bytes = 0, failed = 0;
  };

  /// The error is an errno.
  static std::expected<std::unique_ptr<UdpSocket>, int> open(const SocketAddress& address, const Settings& settings);
  /// 0, or the errno that says why nobody could bind this address now without sharing it.
  static int probe(const SocketAddress& address);
  /// The address this machine would send from to reach `remote`; any address when it has no route.
  static IpAddress source_for(const SocketAddress& remote);

  ~UdpSocket();
  UdpSocket(const UdpSocket&) = delete;
  UdpSocket& operator=(const UdpSocket&) = delete;

  int fd() const { return fd_; }
  /// With the port the kernel chose when 0 was asked.
  const SocketAddress& bound() const { return bound_; }
  /// What the kernel gave, in the unit that was asked for.
  std::size_t receive_buffer() const;
  /// How much of it is taken by datagrams that wait, 0 to 1.
  double backlog() const;
  std::size_t send_buffer() const;
  std::size_t batch() const { return in_.size(); }

  /// Reads up to a batch without waiting. Returns how many; datagram(i) are they.
  std::size_t receive();
  Datagram datagram(std::size_t i) const;
  /// Datagrams the kernel threw away because the receive buffer was full, since the last call.
  std::uint64_t take_drops();

  /// Copies a datagram into the outgoing batch. False: no room, flush() first (an empty batch has room for any
  /// datagram).
  bool queue(const SocketAddress& remote, const SocketAddress& local, std::string_view bytes);
  bool has_queued() const { return queued_ > 0; }
  /// Sends the batch. A datagram the kernel refuses is dropped and counted; the others go on.
  Flushed flush();

 private:
  UdpSocket(int fd, const SocketAddress& bound, std::size_t batch);
  bool wait_writable() const;
  void read_controls(std::size_t i);

  struct Control {
    alignas(cmsghdr) unsigned char bytes[64];
  };

  int fd_;
  SocketAddress bound_;
  bool any_;  ///< bound to 0.0.0.0 or ::, so each datagram's local address travels beside it

  std::vector<mmsghdr> in_;
  std::vector<iovec> in_parts_;
  std::vector<sockaddr_storage> in_from_;
  std::vector<Control> in_controls_;
  std::vector<IpAddress> in_local_;
  std::unique_ptr<char[]> in_bytes_;
  std::uint32_t drops_seen_ = 0;
  std::uint64_t drops_ = 0;

  std::vector<mmsghdr> out_;
  std::vector<iovec> out_parts_;
  std::vector<sockaddr_storage> out_to_;
  std::vector<Control> out_controls_;
  std::unique_ptr<char[]> out_bytes_;
  std::size_t queued_ = 0;
  std::size_t queued_bytes_ = 0;
};

}  // namespace lamplighter::transport
