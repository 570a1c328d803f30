#pragma once

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "server_fixture.h"
#include "sip/stream_framer.h"

namespace lamplighter::tests {

/// A phone that registers over TCP and expects everything on that connection. Plain blocking calls, with patience.
class StreamPhone {
 public:
  StreamPhone(std::string user, const SocketAddress& server) : user_(std::move(user)) { connect(server); }
  ~StreamPhone() { disconnect(); }
  StreamPhone(const StreamPhone&) = delete;
  StreamPhone& operator=(const StreamPhone&) = delete;

  /// A new connection, from another port.
  void connect(const SocketAddress& server) {
    disconnect();
    sockaddr_storage storage{};
    const auto length = server.to(storage);
    socket_ = ::socket(storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(::connect(socket_, reinterpret_cast<const sockaddr*>(&storage), length), 0) << server.to_string();
    framer_ = sip::StreamFramer();
  }
  void disconnect() {
    if (socket_ >= 0) ::close(socket_);
    socket_ = -1;
    messages_.clear();
  }

  void send(std::string_view bytes) {
    EXPECT_EQ(::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
  }
  /// The next message; nothing when the server has closed, or says nothing for long.
  std::optional<std::string> receive() {
    while (messages_.empty()) {
      pollfd ready{socket_, POLLIN, 0};
      if (::poll(&ready, 1, 10'000) <= 0) return std::nullopt;
      char bytes[4096];
      const auto got = ::recv(socket_, bytes, sizeof bytes, 0);
      if (got <= 0) return std::nullopt;
      framer_.feed({bytes, static_cast<std::size_t>(got)});
      for (;;) {
        const auto frame = framer_.next();
        if (!frame || !*frame) break;
        messages_.emplace_back((*frame)->bytes);
      }
    }
    auto message = std::move(messages_.front());
    messages_.pop_front();
    return message;
  }

  std::string request(std::string_view method, std::string_view uri, std::string_view call, int cseq,
                      std::string_view extra = {}) {
    const auto to = method == "REGISTER" ? fmt::format("sip:{}@127.0.0.1", user_) : std::string(uri);
    return fmt::format(
        "{0} {1} SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.9:5060;branch=z9hG4bK{2}{3}{4}\r\nMax-Forwards: 70\r\n"
        "From: <sip:{2}@127.0.0.1>;tag=p\r\nTo: <{5}>\r\nCall-ID: {4}\r\nCSeq: {6} {0}\r\n"
        "Contact: <sip:{2}@192.0.2.9:5060;transport=tcp;line=abc>\r\nUser-Agent: snom370/8.4.35\r\n{7}"
        "Content-Length: 0\r\n\r\n",
        method, uri, user_, ++branches_, call, to, cseq, extra);
  }
  /// Returns the status of the answer.
  int register_now() {
    send(request("REGISTER", "sip:127.0.0.1", "boot-" + user_, ++cseq_, "Expires: 3600\r\n"));
    return status_of(receive().value_or(""));
  }
  static std::string answer(std::string_view request, std::string_view status = "200 OK") {
    std::string out = fmt::format("SIP/2.0 {}\r\n", status);
    for (auto rest = request.substr(request.find("\r\n") + 2); !rest.starts_with("\r\n");) {
      const auto line = rest.substr(0, rest.find("\r\n") + 2);
      rest.remove_prefix(line.size());
      for (const auto* name : {"Via:", "From:", "Call-ID:", "CSeq:", "Record-Route:"}) {
        if (line.starts_with(name)) out += line;
      }
      if (line.starts_with("To:")) out.append(line.substr(0, line.size() - 2)).append(";tag=t\r\n");
    }
    return out + "Content-Length: 0\r\n\r\n";
  }

 private:
  std::string user_;
  int socket_ = -1;
  sip::StreamFramer framer_;
  std::deque<std::string> messages_;
  int cseq_ = 0, branches_ = 0;
};

}  // namespace lamplighter::tests
