// The floor: the least a SIP server can be. It moves the datagrams of each benchmark through one UDP socket, batched,
// and does nothing else: no parsing but a search for the line it needs, no transactions, no timers, no store, no
// checks. What a real server costs above this is what its work costs; nobody gets below it with the same system calls.
//
//   bench_floor 127.0.0.1:5060
//
//   REGISTER, OPTIONS     200; a registration leaves the sender's port under the user's number
//   INVITE of a code      404, and a MESSAGE to the sender, as for a pressed key
//   INVITE of a user      passed on as it is; so are ACK and BYE, and their answers back to the port of the topmost Via
//   everything else       swallowed
//
// It trusts its peer, `lamplighter load`, to write Via, From, To, Call-ID and CSeq first and in this order.
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <string_view>
#include <vector>

#include "base/address.h"

namespace {

using lamplighter::SocketAddress;

constexpr std::size_t kBatch = 64;
constexpr std::size_t kSize = 2048;
constexpr std::uint32_t kUsers = 1'300'000;  // numbers below this are users, codes like 431 too

volatile std::sig_atomic_t stopped = 0;
extern "C" void on_signal(int) { stopped = 1; }

/// Datagrams that come or go with one system call. Twice as many may go: a press is answered with two.
struct Batch {
  explicit Batch(std::size_t size) : texts(size), names(size), slices(size), headers(size) {
    for (std::size_t i = 0; i < size; ++i) {
      slices[i] = {texts[i].data(), kSize};
      headers[i].msg_hdr = {};
      headers[i].msg_hdr.msg_name = &names[i];
      headers[i].msg_hdr.msg_namelen = sizeof(sockaddr_in);
      headers[i].msg_hdr.msg_iov = &slices[i];
      headers[i].msg_hdr.msg_iovlen = 1;
    }
  }
  std::vector<std::array<char, kSize>> texts;
  std::vector<sockaddr_in> names;
  std::vector<iovec> slices;
  std::vector<mmsghdr> headers;
};

std::string_view between(std::string_view text, std::string_view before, std::string_view after) {
  const auto from = text.find(before);
  if (from == std::string_view::npos) return {};
  text.remove_prefix(from + before.size());
  return text.substr(0, text.find(after));
}

/// Via to CSeq of a request: the lines every answer repeats.
std::string_view repeated(std::string_view request) {
  const auto from = request.find("\r\n") + 2;
  return request.substr(from, request.find("\r\n", request.find("\r\nCSeq: ", from) + 2) + 2 - from);
}

std::uint32_t number_in(std::string_view text) {
  std::uint32_t number = kUsers;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number < kUsers ? number : 0;
}

class Floor {
 public:
  explicit Floor(int socket) : socket_(socket), in_(kBatch), out_(2 * kBatch), ports_(kUsers) {}

  void run() {
    while (stopped == 0) {
      pollfd readable{socket_, POLLIN, 0};
      if (poll(&readable, 1, -1) <= 0) continue;
      const int count = recvmmsg(socket_, in_.headers.data(), kBatch, MSG_DONTWAIT, nullptr);
      for (std::size_t i = 0; i < static_cast<std::size_t>(std::max(count, 0)); ++i) {
        take({in_.texts[i].data(), in_.headers[i].msg_len}, in_.names[i]);
        in_.headers[i].msg_hdr.msg_namelen = sizeof(sockaddr_in);
      }
      flush();
    }
  }

 private:
  void take(std::string_view text, const sockaddr_in& from) {
    if (text.starts_with("SIP/2.0 ")) {
      const auto port = number_in(between(text, "\r\nVia: SIP/2.0/UDP 127.0.0.1:", ";"));
      if (port != 0) pass(text, static_cast<std::uint16_t>(port));  // ours say no port: the lamp is confirmed
    } else if (text.starts_with("REGISTER ")) {
      ports_[number_in(between(text, "\r\nTo: <sip:", "@"))] = ntohs(from.sin_port);
      answer("SIP/2.0 200 OK\r\n", text, from);
    } else if (text.starts_with("OPTIONS ")) {
      answer("SIP/2.0 200 OK\r\n", text, from);
    } else if (const auto port = ports_[number_in(between(text, " sip:", "@"))]; port != 0) {
      pass(text, port);
    } else if (text.starts_with("INVITE ")) {
      answer("SIP/2.0 404 Not a call\r\n", text, from);
      light(between(text, "\r\nContact: <", ">"), from);
    }
  }

  void answer(std::string_view status, std::string_view request, const sockaddr_in& to) {
    begin(to).add(status).add(repeated(request)).add("Content-Length: 0\r\n\r\n").end();
  }

  void light(std::string_view contact, const sockaddr_in& to) {
    std::array<char, 16> digits;
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), ++branch_).ptr;
    begin(to)
        .add("MESSAGE ")
        .add(contact)
        .add(" SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;rport;branch=z9hG4bKfloor")
        .add({digits.data(), static_cast<std::size_t>(end - digits.data())})
        .add(
            "\r\nMax-Forwards: 70\r\nFrom: <sip:server@127.0.0.1>;tag=f\r\nTo: <sip:431@127.0.0.1>\r\n"
            "Call-ID: floor\r\nCSeq: 1 MESSAGE\r\nContent-Type: application/x-buttons\r\nContent-Length: 47\r\n\r\n"
            "k=2\r\nc=on\r\nn=432\r\na=invite\r\nl=The lamp is on.\r\n");
    this->end();
  }

  void pass(std::string_view text, std::uint16_t port) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    begin(to).add(text).end();
  }

  Floor& begin(const sockaddr_in& to) {
    out_.names[used_] = to;
    out_.slices[used_].iov_len = 0;
    return *this;
  }
  Floor& add(std::string_view text) {
    auto& length = out_.slices[used_].iov_len;
    const auto size = std::min(text.size(), kSize - length);
    std::memcpy(out_.texts[used_].data() + length, text.data(), size);
    length += size;
    return *this;
  }
  void end() { ++used_; }

  void flush() {
    for (std::size_t at = 0; at < used_;) {
      const int sent = sendmmsg(socket_, out_.headers.data() + at, static_cast<unsigned>(used_ - at), 0);
      at += sent > 0 ? static_cast<std::size_t>(sent) : 1;  // a phone that went away costs one datagram
    }
    used_ = 0;
  }

  int socket_;
  Batch in_, out_;
  std::vector<std::uint16_t> ports_;  ///< by the user's number; 0: not registered
  std::size_t used_ = 0;
  std::uint64_t branch_ = 0;
};

}  // namespace

int main(int count, char** arguments) {
  const auto address = SocketAddress::parse(count == 2 ? arguments[1] : "");
  if (!address || !address->ip.is_loopback()) {
    std::fprintf(stderr, "bench_floor: expected one address of this machine, as 127.0.0.1:5060\n");
    return 2;
  }
  const int socket = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const int buffer = 4 * 1024 * 1024;
  setsockopt(socket, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
  setsockopt(socket, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer);
  sockaddr_storage name{};
  const auto length = address->to(name);
  if (bind(socket, reinterpret_cast<const sockaddr*>(&name), length) != 0) {
    std::fprintf(stderr, "bench_floor: %s: %s\n", arguments[1], std::strerror(errno));
    return 1;
  }
  std::signal(SIGTERM, on_signal);
  std::signal(SIGINT, on_signal);
  Floor(socket).run();
  close(socket);
}
