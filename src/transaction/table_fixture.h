#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "sip/headers.h"
#include "sip/message.h"
#include "sip/writer.h"
#include "transaction/table.h"

// A table with a clock moved by hand, a sender that remembers and a user that writes down what it is told.
namespace lamplighter::transaction {

using namespace std::chrono_literals;

inline Flow udp_flow() {
  return {.remote = {IpAddress::v4(0xc0000201), 5060}, .local = {IpAddress::v4(0xc0000202), 5060}};
}

inline Flow tcp_flow(std::uint32_t connection = 7) {
  auto flow = udp_flow();
  flow.kind = TransportKind::kTcp;
  flow.connection = connection;
  flow.generation = 1;
  return flow;
}

/// What the tests vary in a request.
struct RequestText {
  std::string method = "INVITE";
  std::string branch = "z9hG4bK-1";  ///< empty: no branch parameter at all
  std::string sent_by = "192.0.2.1:5060";
  std::string to_tag{};
  std::string extra{};
  std::string uri = "sip:431@example.com";
  std::string cseq_method{};  ///< empty: as `method`

  std::string str() const {
    return method + " " + uri + " SIP/2.0\r\nVia: SIP/2.0/UDP " + sent_by +
           (branch.empty() ? std::string() : ";branch=" + branch) +
           "\r\nMax-Forwards: 70\r\nFrom: <sip:101@example.com>;tag=from1\r\nTo: <sip:431@example.com>" +
           (to_tag.empty() ? std::string() : ";tag=" + to_tag) + "\r\nCall-ID: call1@192.0.2.1\r\nCSeq: 4711 " +
           (cseq_method.empty() ? method : cseq_method) + "\r\n" + extra + "Content-Length: 0\r\n\r\n";
  }
};

/// The response a well behaved server gives to a request's text.
inline std::string response_text(const std::string& request, int status, std::string_view to_tag = "to1") {
  sip::Message message;
  EXPECT_TRUE(message.parse(request));
  std::string out;
  sip::begin_response(out, message, status, sip::reason_phrase(status), to_tag, udp_flow().remote).no_body();
  return out;
}

class FakeSender final : public Sender {
 public:
  bool send(const Flow& flow, std::string_view bytes) override {
    if (broken) return false;
    sent.emplace_back(bytes);
    flows.push_back(flow);
    return true;
  }

  std::vector<std::string> sent;
  std::vector<Flow> flows;
  bool broken = false;
};

/// Writes a line for every call, and does what a test hangs on it.
class NotingUser : public TransactionUser {
 public:
  void on_request(ServerId id, const sip::Message& request, const Flow&, TimePoint) override {
    server = id;
    notes.push_back("request " + std::string(request.method_name()));
    if (request_hook) request_hook(id, request);
  }
  void on_cancel(ServerId cancel, ServerId invite, const sip::Message&, const Flow&, TimePoint) override {
    cancel_server = cancel;
    cancelled_invite = invite;
    notes.push_back(invite ? "cancel" : "cancel of nothing");
    if (cancel_hook) cancel_hook(cancel, invite);
  }
  void on_ack(ServerId invite, const sip::Message&, const Flow&, TimePoint) override {
    acked_invite = invite;
    notes.push_back(invite ? "ack" : "ack of nothing");
  }
  void on_response(ClientId id, std::uint64_t owner, const sip::Message& response, const Flow&, TimePoint) override {
    last_owner = owner;
    notes.push_back("response " + std::to_string(response.status()));
    if (response_hook) response_hook(id, response);
  }
  void on_failure(ClientId id, std::uint64_t owner, Failure failure, TimePoint) override {
    last_owner = owner;
    notes.push_back(failure == Failure::kTimeout ? "timeout" : "transport failure");
    if (failure_hook) failure_hook(id);
  }
  void on_stray_response(const sip::Message& response, const Flow&, TimePoint) override {
    notes.push_back("stray " + std::to_string(response.status()));
  }
  void on_server_done(ServerId id, TimePoint) override {
    notes.push_back("done");
    if (done_hook) done_hook(id);
  }

  std::vector<std::string> notes;
  ServerId server, cancel_server, cancelled_invite, acked_invite;
  std::uint64_t last_owner = 0;
  std::function<void(ServerId, const sip::Message&)> request_hook;
  std::function<void(ServerId, ServerId)> cancel_hook;
  std::function<void(ClientId, const sip::Message&)> response_hook;
  std::function<void(ClientId)> failure_hook;
  std::function<void(ServerId)> done_hook;
};

struct TableTest : testing::Test {
  static constexpr std::uint32_t kFirstKind = 64;

  explicit TableTest(Table::Limits limits = {})
      : table(sender, wheel, user, TimerBase{}, kFirstKind, {0x0123456789abcdef, 1}, limits) {}

  /// Lets time pass, timer by timer. What a timer schedules for "now" fires too.
  void pass(Duration by) {
    const auto until = clock.now() + by;
    while (const auto next = wheel.next()) {
      if (*next > until) break;
      if (*next > clock.now()) clock.advance(*next - clock.now());
      turn();
    }
    clock.advance(until - clock.now());
    turn();
  }

  /// One turn of the event loop.
  void turn() {
    wheel.advance(clock.now(), [&](const TimerWheel::Expired& timer) {
      ASSERT_GE(timer.kind, kFirstKind);
      ASSERT_LT(timer.kind, kFirstKind + 32);
      table.on_timer(timer.owner, timer.kind, clock.now());
    });
  }

  bool receive(const std::string& text, const Flow& flow = udp_flow()) {
    // A message of its own for each event, and bytes that go away: nothing may be kept of them.
    const auto bytes = std::make_unique<std::string>(text);
    const auto message = std::make_unique<sip::Message>();
    EXPECT_TRUE(message->parse(*bytes)) << text;
    return table.on_message(*message, flow, clock.now());
  }

  void respond(ServerId id, const std::string& request, int status, std::string_view to_tag = "to1") {
    table.respond(id, status, response_text(request, status, to_tag), clock.now());
  }

  ClientId request(const std::string& text, const Flow& flow = udp_flow(), std::uint64_t owner = 1) {
    sip::Message message;
    EXPECT_TRUE(message.parse(text)) << text;
    return table.request(flow, message.method(), text, owner, clock.now());
  }

  /// What was sent since the last call: "INVITE", "404 INVITE" …
  std::vector<std::string> sent() {
    std::vector<std::string> lines;
    for (const auto& bytes : sender.sent) {
      sip::Message message;
      EXPECT_TRUE(message.parse(bytes)) << bytes;
      lines.push_back(message.is_request()
                          ? std::string(message.method_name())
                          : std::to_string(message.status()) + " " +
                                std::string(sip::parse_cseq(message.header(sip::HeaderId::kCSeq))->method_name));
    }
    sender.sent.clear();
    return lines;
  }

  std::vector<std::string> told() { return std::exchange(user.notes, {}); }

  /// Everything must end by itself.
  void expect_empty() {
    EXPECT_EQ(table.servers(), 0u);
    EXPECT_EQ(table.clients(), 0u);
    EXPECT_EQ(wheel.size(), 0u);
  }

  using Lines = std::vector<std::string>;

  ManualClock clock;
  TimerWheel wheel{clock.now()};
  FakeSender sender;
  NotingUser user;
  Table table;
};

}  // namespace lamplighter::transaction
