#pragma once

#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"

namespace lamplighter::load {

/// Datagrams taken from a socket with one system call.
class Inbox {
 public:
  Inbox();
  /// How many came; 0: none waiting. Sets `refused` when the kernel reports that nobody listens there (ICMP).
  std::size_t receive(int descriptor, bool& refused);
  std::string_view operator[](std::size_t index) const { return {buffers_[index].data(), lengths_[index]}; }

  static constexpr std::size_t kBatch = 64;

 private:
  static constexpr std::size_t kSize = 8192;
  std::vector<std::array<char, kSize>> buffers_;
  std::array<std::size_t, kBatch> lengths_{};
  std::vector<iovec> slices_;
  std::vector<mmsghdr> headers_;
};

/// What leaves together, in this order. Within a lane messages are mostly of one length, and the kernel takes those in
/// one piece and cuts it (UDP_SEGMENT): a datagram then costs a third, and the generator must be cheaper than servers.
enum class Lane : std::uint8_t { kAck, kProvisional, kAnswer, kRequest, kCount_ };

/// A UDP socket of some virtual phones, on `port` of the loopback interface or on any port: connected, so that only the
/// server is heard and its absence is noticed. What is written collects and leaves together with flush().
class Socket {
 public:
  static std::expected<Socket, std::string> connect(const SocketAddress& server, std::uint16_t port = 0);
  Socket(Socket&& other) noexcept;
  Socket& operator=(Socket&&) = delete;
  ~Socket();

  int descriptor() const { return descriptor_; }
  /// "127.0.0.1:40000"
  const std::string& local() const { return local_; }

  /// Room for one more datagram, empty.
  std::string& write(Lane lane);
  bool dirty() const { return waiting_ > 0; }
  /// Sends all of it. Returns how many left; sets `refused` as Inbox::receive does.
  std::size_t flush(bool& refused);

 private:
  Socket(int descriptor, std::string local);

  struct Waiting {
    std::vector<std::string> texts;
    std::size_t used = 0;
  };
  void collect();
  /// Makes headers_ for sendmmsg of slices_ from this one on: each a datagram, or several of one length.
  void group(std::size_t first);

  int descriptor_;
  std::string local_;
  std::array<Waiting, static_cast<std::size_t>(Lane::kCount_)> lanes_;
  std::size_t waiting_ = 0;
  bool segments_ = true;  ///< until the kernel says that it cannot cut
  std::vector<iovec> slices_;
  std::vector<mmsghdr> headers_;
  struct Control;
  std::vector<Control> controls_;
};

}  // namespace lamplighter::load
