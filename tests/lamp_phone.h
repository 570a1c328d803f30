#pragma once

#include <fmt/format.h>

#include <atomic>
#include <map>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "base/guarded.h"
#include "server_fixture.h"

namespace lamplighter::tests {

/// Polls until it is so, ten seconds at most.
template <typename Condition>
bool eventually(Condition condition) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{10};
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds{5});
  }
  return true;
}

/// A phone with lamps on a real socket. It answers every MESSAGE with 200, on a thread of its own, and remembers what
/// its keys show.
class LampPhone {
 public:
  explicit LampPhone(std::string user) : user_(std::move(user)) {}

  /// Returns the status of the answer.
  int register_at(const SocketAddress& server) {
    return ask(server, request("REGISTER", "sip:127.0.0.1", "boot-" + user_, ++cseq_, "Expires: 3600\r\n"));
  }
  /// Dials; `call` is the Call-ID: the same again is the same press, as a phone tells it that lost its transaction.
  int dial(const SocketAddress& server, const std::string& number, const std::string& call) {
    return ask(server, request("INVITE", "sip:" + number + "@127.0.0.1", call, 1, {}));
  }

  /// "on"; empty: it was told nothing about this key.
  std::string shows(const std::string& key) const {
    return lamps_.with([&](const auto& lamps) {
      const auto found = lamps.find(key);
      return found == lamps.end() ? std::string() : found->second;
    });
  }
  bool comes_to_show(const std::string& key, const std::string& light) const {
    return eventually([&] { return shows(key) == light; });
  }
  /// MESSAGEs that came, repeats too.
  int messages() const { return messages_; }

 private:
  using Lamps = std::map<std::string, std::string, std::less<>>;

  std::string request(const std::string& method, const std::string& uri, const std::string& call, int cseq,
                      const std::string& extra) {
    const auto to = method == "REGISTER" ? fmt::format("sip:{}@127.0.0.1", user_) : uri;
    return fmt::format(
        "{0} {1} SIP/2.0\r\nVia: SIP/2.0/UDP {2};rport;branch=z9hG4bK{3}{4}\r\nMax-Forwards: 70\r\n"
        "From: <sip:{3}@127.0.0.1>;tag=p\r\nTo: <{5}>\r\nCall-ID: {6}\r\nCSeq: {7} {0}\r\n"
        "Contact: <sip:{3}@{2};line=abc>\r\nUser-Agent: snom370/8.4.35\r\n{8}Content-Length: 0\r\n\r\n",
        method, uri, peer_.address().to_string(), user_, ++branches_, to, call, cseq, extra);
  }
  int ask(const SocketAddress& server, const std::string& bytes) {
    awaited_.with([&](std::string& branch) {
      branch = branch_of(bytes);
      status_ = 0;
    });
    peer_.send(server, bytes);
    eventually([&] { return status_ != 0; });
    return status_;
  }

  static std::string line_of(const std::string& message, std::string_view name, std::string_view end = "\r\n") {
    const auto at = message.find(name);
    if (at == std::string::npos) return {};
    const auto from = at + name.size();
    return message.substr(from, message.find(end, from) - from);
  }
  static std::string branch_of(const std::string& message) {
    const auto at = message.find(";branch=");
    if (at == std::string::npos) return {};
    return message.substr(at, message.find_first_of(";\r", at + 1) - at);
  }
  void take(const std::string& message) {
    if (const auto status = status_of(message); status >= 200) {
      // Not a final response to an earlier INVITE, which is sent again until an ACK that never comes.
      awaited_.with([&](const std::string& branch) {
        if (branch_of(message) == branch) status_ = status;
      });
      return;
    }
    if (!message.starts_with("MESSAGE ")) return;
    ++messages_;
    const auto key = line_of(message, "\r\n\r\nk=");
    auto light = line_of(message + "\r\n", "\r\nc=");
    lamps_.with([&](Lamps& lamps) { lamps[key] = light.substr(0, light.find(' ')); });
    const auto to = SocketAddress::parse(line_of(message, "Via: SIP/2.0/UDP ", ";"));
    if (!to) return;
    peer_.send(*to,
               fmt::format("SIP/2.0 200 OK\r\nVia: {}\r\nFrom: {}\r\nTo: {};tag=t\r\nCall-ID: {}\r\nCSeq: {}\r\n"
                           "Content-Length: 0\r\n\r\n",
                           line_of(message, "\r\nVia: "), line_of(message, "\r\nFrom: "), line_of(message, "\r\nTo: "),
                           line_of(message, "\r\nCall-ID: "), line_of(message, "\r\nCSeq: ")));
  }

  std::string user_;
  Peer peer_;
  Guarded<std::string> awaited_;  ///< the branch of the last request
  Guarded<Lamps> lamps_;
  std::atomic<int> messages_ = 0, status_ = 0;
  int cseq_ = 0, branches_ = 0;
  std::jthread thread_{[this](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      if (const auto message = peer_.receive(std::chrono::milliseconds{20})) take(*message);
    }
  }};
};

}  // namespace lamplighter::tests
