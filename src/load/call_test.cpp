#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <set>

#include "load/generator.h"
#include "load/test_responder.h"

namespace lamplighter::load {
namespace {

using namespace std::chrono_literals;

/// The least that can relay a call: one socket, no timers. It stays in the path with a Record-Route, and throws away
/// what `loses` says.
class Relay {
 public:
  explicit Relay(std::function<bool(std::string_view)> loses)
      : loses_(std::move(loses)), responder_([this](std::string_view message) { return take(message); }) {}

  SocketAddress address() const { return responder_.address(); }
  void stop() { responder_.stop(); }
  /// After stop(): in-dialog requests that did not come along the Record-Route, or not to the callee's Contact.
  int astray() const { return astray_; }
  int seen(std::string_view method) { return seen_[std::string(method)]; }

 private:
  std::vector<std::string> take(std::string_view message) {
    const auto incoming = look_at(message);
    if (!incoming || loses_(message)) return {};
    if (incoming->status > 0) {
      pass_back(std::string(message));
      return {};
    }
    ++seen_[std::string(incoming->method)];
    const auto user = user_number(incoming->uri).value_or(0);
    if (incoming->method == "REGISTER") {
      contacts_[user_number(contact_uri(message)).value_or(0)] = {contact_uri(message), responder_.from()};
      return {answer(message, "200 OK")};
    }
    if (!contacts_.contains(user)) return {answer(message, "404 Not Found")};
    if (incoming->method == "INVITE") {
      responder_.send(responder_.from(), answer(message, "100 Trying"));
    } else if (header_value(message, "Route") != kRoute || incoming->uri != contacts_[user].first) {
      ++astray_;
    }
    pass_on(std::string(message), contacts_[user]);
    return {};
  }

  void pass_on(std::string text, const std::pair<std::string, sockaddr_in>& to) {
    const auto from = text.find(' ') + 1;
    text.replace(from, text.find(' ', from) - from, to.first);
    const std::string branch(look_at(text)->branch);
    text.insert(text.find("\r\n") + 2, "Via: SIP/2.0/UDP 127.0.0.1:1;branch=" + branch +
                                           "-r\r\nRecord-Route: " + std::string(kRoute) + "\r\n");
    responder_.send(to.second, text);
  }

  void pass_back(std::string text) {
    text.erase(text.find("Via:"), header_line(text, "Via").size());
    const auto via = header_value(text, "Via");
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    to.sin_port = htons(static_cast<std::uint16_t>(std::stoi(std::string(via.substr(via.find(':') + 1)))));
    responder_.send(to, text);
  }

  static constexpr std::string_view kRoute = "<sip:127.0.0.1:1;lr>";
  std::function<bool(std::string_view)> loses_;
  std::map<std::uint32_t, std::pair<std::string, sockaddr_in>> contacts_;
  std::map<std::string, int> seen_;
  int astray_ = 0;
  Responder responder_;
};

std::unique_ptr<Generator> registered(const Relay& relay, std::uint32_t phones) {
  Options options;
  options.server = relay.address();
  options.phones = phones;
  options.sockets = 3;
  options.t1 = 30ms;
  options.timeout = 3s;
  auto generator = Generator::open(options);
  EXPECT_TRUE(generator) << generator.error();
  EXPECT_EQ((*generator)->run(Mode::kRegister, {.duration = 20s, .count = phones}).done, phones);
  return std::move(*generator);
}

//  caller   relay   callee
//    |------>|------->|     INVITE, 180, 200, ACK, BYE, 200; eight phones are four pairs
TEST(Call, PhonesCallEachOtherAlongTheRecordRoute) {
  Relay relay([](std::string_view) { return false; });
  const auto result = registered(relay, 9)->run(Mode::kCall, {.duration = 20s, .count = 200});
  relay.stop();
  EXPECT_EQ(result.done, 200U);
  EXPECT_EQ(result.refused + result.timeouts + result.unfinished + result.retransmissions + result.repeats, 0U);
  EXPECT_EQ(result.statuses, (std::map<int, std::uint64_t>{{200, 200}}));
  EXPECT_EQ(result.answer.count(), 200U);
  EXPECT_EQ(relay.seen("INVITE"), 200);
  EXPECT_EQ(relay.seen("ACK"), 200);
  EXPECT_EQ(relay.seen("BYE"), 200);
  EXPECT_EQ(relay.astray(), 0);
}

//  caller   relay   callee
//    |       |<--X 200|     §13.3.1.4: again until it is acknowledged
//    | ACK -X|        |     and again: the caller acknowledges each
TEST(Call, WhatIsLostIsSentAgain) {
  std::set<std::string> lost;
  Relay relay([&](std::string_view message) {
    const bool is_answer = message.starts_with("SIP/2.0 200") && look_at(message)->method == "INVITE";
    const bool is_bye = is(message, "BYE");
    if (!is_answer && !is_bye && !is(message, "ACK")) return false;
    const std::string kind = is_answer ? "200" : is_bye ? "BYE" : "ACK";
    return lost.insert(kind + std::string(header_value(message, "Call-ID"))).second;
  });
  const auto result = registered(relay, 8)->run(Mode::kCall, {.duration = 20s, .count = 8});
  EXPECT_EQ(result.done, 8U);
  EXPECT_EQ(result.refused + result.timeouts, 0U);
  EXPECT_GE(result.retransmissions, 16U);
}

TEST(Call, ACallThatCannotBeRoutedIsRefused) {
  Relay relay([](std::string_view) { return false; });
  Options options;
  options.server = relay.address();
  options.phones = 4;
  const auto generator = Generator::open(options);
  const auto result = (*generator)->run(Mode::kCall, {.duration = 20s, .count = 2});
  EXPECT_EQ(result.done, 0U);
  EXPECT_EQ(result.refused, 2U);
  EXPECT_EQ(result.statuses, (std::map<int, std::uint64_t>{{404, 2}}));
}

}  // namespace
}  // namespace lamplighter::load
