// Calls from phone to phone, without a server between them, and with a peer that misbehaves.

#include "phone/call.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "phone/test_rig.h"

namespace lamplighter::phone {
namespace {

using namespace std::chrono_literals;
using test::Rig;
using testing::HasSubstr;
using Type = Event::Type;

/// Loses the first `count` datagrams that start with a text.
struct Lose : transport::Interceptor {
  std::string start;
  int count;
  Lose(std::string what, int times) : start(std::move(what)), count(times) {}
  void pass(transport::Direction, const Flow&, std::string_view bytes, std::vector<Duration>& delays) override {
    if (bytes.starts_with(start) && count > 0) {
      --count;
      return;
    }
    delays.push_back(1ms);
  }
};

struct Calls : testing::Test {
  Rig rig;
  std::unique_ptr<Rig::Phone> alice = rig.phone(101);
  std::unique_ptr<Rig::Phone> bob = rig.phone(102);
  std::vector<std::string> wire;  ///< start lines in order

  void SetUp() override {
    alice->agent.set_server(alice->node.flow_to(bob->node.address()));
    bob->agent.set_server(bob->node.flow_to(alice->node.address()));
    rig.network.observe([&](const SocketAddress&, const SocketAddress&, std::string_view bytes) {
      wire.emplace_back(bytes.substr(0, bytes.find(' ') == 7 ? 11 : bytes.find(' ')));
    });
  }
  std::size_t on_wire(std::string_view start) const {
    return static_cast<std::size_t>(
        std::ranges::count_if(wire, [&](const std::string& line) { return line.starts_with(start); }));
  }
  bool state(const Rig::Phone& phone, CallState state) const {
    return phone.agent.call() && phone.agent.call()->state() == state;
  }
  void connect() {
    ASSERT_TRUE(alice->agent.dial("102"));
    ASSERT_TRUE(rig.until([&] { return state(*alice, CallState::kRinging); }));
    ASSERT_TRUE(bob->agent.answer());
    ASSERT_TRUE(rig.until([&] { return state(*alice, CallState::kTalking); }));
    rig.network.run_for(100ms);
  }
  bool both_idle() const { return !alice->agent.call() && !bob->agent.call(); }
};

//  alice               bob
//    | INVITE            |
//    |------------------>|
//    |<------------ 180 -|
//    |<------------ 200 -|  answers
//    | ACK               |
//    |------------------>|
//    | BYE               |
//    |------------------>|
//    |<------------ 200 -|
TEST_F(Calls, RingAreAnsweredAndHungUp) {
  connect();
  EXPECT_EQ(bob->agent.call()->peer(), "sip:101@10.0.0.1");
  ASSERT_TRUE(alice->agent.hang_up());
  ASSERT_TRUE(rig.until([&] { return both_idle(); }));
  rig.network.run_for(40s);
  EXPECT_EQ(wire, (std::vector<std::string>{"INVITE", "SIP/2.0 180", "SIP/2.0 200", "ACK", "BYE", "SIP/2.0 200"}));
  EXPECT_EQ(alice->events.call_states(1), "calling ringing talking ended");
  EXPECT_EQ(bob->events.call_states(1), "incoming talking ended");
  EXPECT_EQ(alice->agent.transactions().clients(), 0u);
  EXPECT_EQ(bob->agent.transactions().servers(), 0u);
}

TEST_F(Calls, TheCalledSideCanHangUpToo) {
  connect();
  ASSERT_TRUE(bob->agent.hang_up());
  ASSERT_TRUE(rig.until([&] { return both_idle(); }));
  EXPECT_EQ(alice->events.last(Type::kCall)->reason, "the other side hung up");
}

//  alice               bob
//    | INVITE            |
//    |------------------>|
//    |<------------ 180 -|
//    | CANCEL            |
//    |------------------>|
//    |<--- 200 (CANCEL) -|
//    |<------------ 487 -|
//    | ACK               |
//    |------------------>|
TEST_F(Calls, HangingUpBeforeTheAnswerCancels) {
  ASSERT_TRUE(alice->agent.dial("102"));
  ASSERT_TRUE(rig.until([&] { return state(*alice, CallState::kRinging); }));
  ASSERT_TRUE(alice->agent.hang_up());
  EXPECT_EQ(alice->agent.call(), nullptr);
  ASSERT_TRUE(rig.until([&] { return both_idle() && on_wire("ACK") == 1; }));
  EXPECT_EQ(on_wire("CANCEL"), 1u);
  EXPECT_EQ(on_wire("SIP/2.0 487"), 1u);
  EXPECT_EQ(bob->events.last(Type::kCall)->status, 487);
}

//  alice               bob
//    |        180        |
//    |<------------------|
//    | CANCEL      200   |   they cross
//    |--------\ /--------|
//    |<-------/ \------->|
//    | ACK, BYE          |   so the call that came about is ended
//    |------------------>|
TEST_F(Calls, AnswerThatCrossesTheCancelIsHungUp) {
  ASSERT_TRUE(alice->agent.dial("102"));
  ASSERT_TRUE(rig.until([&] { return state(*alice, CallState::kRinging); }));
  ASSERT_TRUE(bob->agent.answer());
  ASSERT_TRUE(alice->agent.hang_up());
  ASSERT_TRUE(rig.until([&] { return both_idle() && on_wire("BYE") == 1; }));
  rig.network.run_for(40s);
  EXPECT_EQ(on_wire("ACK"), 1u);
  EXPECT_EQ(on_wire("BYE"), 1u);
}

TEST_F(Calls, RejectedAndBusyCallsSayWhy) {
  ASSERT_TRUE(alice->agent.dial("102"));
  ASSERT_TRUE(rig.until([&] { return state(*bob, CallState::kIncoming); }));
  ASSERT_TRUE(bob->agent.reject(603));
  ASSERT_TRUE(rig.until([&] { return both_idle(); }));
  EXPECT_EQ(alice->events.last(Type::kCall)->status, 603);

  connect();
  auto carol = rig.phone(103);
  carol->agent.set_server(carol->node.flow_to(bob->node.address()));
  ASSERT_TRUE(carol->agent.dial("102"));
  ASSERT_TRUE(rig.until([&] { return carol->events.call_states(1) == "calling ended"; }));
  EXPECT_EQ(carol->events.last(Type::kCall)->status, 486);
  EXPECT_TRUE(state(*bob, CallState::kTalking));
}

//  alice               bob
//    |        200        |
//    |<------------------|
//    | ACK  X            |   lost
//    |        200        |   again after T1
//    |<------------------|
//    | ACK               |   and acknowledged again
//    |------------------>|
TEST_F(Calls, LostAckIsSentAgainForEveryRepeated200) {
  rig.network.intercept(std::make_shared<Lose>("ACK", 2));
  connect();
  ASSERT_TRUE(rig.until([&] { return on_wire("ACK") == 1; }));  // two never got out
  rig.network.run_for(40s);
  EXPECT_EQ(on_wire("ACK"), 1u);
  EXPECT_EQ(on_wire("SIP/2.0 200"), 3u);
  EXPECT_EQ(alice->events.call_states(1), "calling ringing talking");
  EXPECT_EQ(alice->agent.call()->state(), CallState::kTalking);
}

TEST_F(Calls, LostAnswerIsRepeatedUntilAcknowledged) {
  rig.network.intercept(std::make_shared<Lose>("SIP/2.0 200", 3));
  connect();
  rig.network.run_for(40s);
  EXPECT_EQ(on_wire("SIP/2.0 200"), 1u);
  EXPECT_EQ(on_wire("ACK"), 1u);
  EXPECT_TRUE(state(*bob, CallState::kTalking));
}

TEST_F(Calls, CallWhoseAckNeverComesIsEndedByABye) {
  rig.network.intercept(std::make_shared<Lose>("ACK", 1000));
  connect();
  EXPECT_TRUE(state(*bob, CallState::kTalking));
  ASSERT_TRUE(rig.until([&] { return both_idle(); }));
  EXPECT_EQ(bob->events.last(Type::kCall)->reason, "no ACK came");
  EXPECT_EQ(on_wire("BYE"), 1u);
}

// RFC 3261 §15: the called side must not send BYE before it has the ACK.
TEST_F(Calls, HangingUpAtOnceWaitsForTheAck) {
  rig.network.intercept(std::make_shared<Lose>("ACK", 1));
  ASSERT_TRUE(alice->agent.dial("102"));
  ASSERT_TRUE(rig.until([&] { return state(*bob, CallState::kIncoming); }));
  ASSERT_TRUE(bob->agent.answer());
  ASSERT_TRUE(bob->agent.hang_up());
  ASSERT_TRUE(rig.until([&] { return both_idle() && on_wire("BYE") == 1; }));
  const auto ack = std::ranges::find(wire, "ACK");
  const auto bye = std::ranges::find(wire, "BYE");
  EXPECT_LT(ack - wire.begin(), bye - wire.begin());
}

TEST_F(Calls, SurviveLossDuplicationAndReordering) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    rig.network.intercept(transport::make_faults(
        {.seed = seed, .loss = 0.2, .duplication = 0.1, .reordering = 0.1, .delay = 10ms, .jitter = 20ms}));
    ASSERT_TRUE(alice->agent.dial("102"));
    ASSERT_TRUE(rig.until([&] { return state(*bob, CallState::kIncoming); }, 40s));
    ASSERT_TRUE(bob->agent.answer());
    ASSERT_TRUE(rig.until([&] { return state(*alice, CallState::kTalking); }, 40s));
    ASSERT_TRUE(alice->agent.hang_up());
    ASSERT_TRUE(rig.until([&] { return both_idle(); }, 80s));
    rig.network.run_for(80s);
  }
  EXPECT_EQ(bob->agent.transactions().servers(), 0u);
}

TEST_F(Calls, AutoAnswerTakesTheCallByItself) {
  auto carol = rig.phone(103, [](Settings& settings) { settings.auto_answer = 2s; });
  alice->agent.set_server(alice->node.flow_to(carol->node.address()));
  ASSERT_TRUE(alice->agent.dial("103"));
  ASSERT_TRUE(rig.until([&] { return state(*carol, CallState::kTalking); }, 3s));
}

TEST_F(Calls, RebootInACallForgetsIt) {
  connect();
  bob->agent.reboot();
  EXPECT_EQ(bob->agent.call(), nullptr);
  rig.network.run_for(3s);
  ASSERT_TRUE(alice->agent.hang_up());
  ASSERT_TRUE(rig.until([&] { return on_wire("SIP/2.0 481") == 1; }));  // what dialog?
}

TEST_F(Calls, ObserverMayGiveCommands) {
  struct HangsUp : PhoneObserver {
    UserAgent* phone = nullptr;
    std::vector<std::string> seen;
    void on_event(const Event& event) override {
      seen.emplace_back(name_of(event.call_state));
      if (event.call_state == CallState::kIncoming) {
        EXPECT_TRUE(phone->answer());
        EXPECT_TRUE(phone->hang_up());
      }
    }
  } observer;
  auto& node = rig.network.add({IpAddress::v4(0x0a000068), 5060});
  UserAgent dave(Rig::settings(104), node, rig.clock, node.flow_to(alice->node.address()), 7, observer);
  observer.phone = &dave;
  node.attach(dave);
  alice->agent.set_server(alice->node.flow_to(node.address()));
  ASSERT_TRUE(alice->agent.dial("104"));
  ASSERT_TRUE(rig.until([&] { return alice->events.call_states(1).ends_with("ended"); }));
  EXPECT_EQ(observer.seen, (std::vector<std::string>{"incoming", "talking", "ended"}));
}

/// A call to the scripted server, which answers with a route and a contact elsewhere.
struct Dialogs : testing::Test {
  Rig rig;
  std::unique_ptr<Rig::Phone> phone = rig.phone(101);

  static std::string_view contact() { return "Contact: <sip:far@10.0.0.99:5070>\r\n"; }
  std::string request(std::string_view method, int cseq, std::string_view extra = {}) const {
    const auto invite = rig.server.heard.at(0);
    sip::Message message;
    EXPECT_TRUE(message.parse(invite));
    return fmt::format(
        "{0} sip:101@10.0.0.101:5060 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKr{0}{1}\r\n"
        "From: {2};tag=peer\r\nTo: {3}\r\nCall-ID: {4}\r\nCSeq: {1} {0}\r\n{5}Content-Length: 0\r\n\r\n",
        method, cseq, message.header(sip::HeaderId::kTo), message.header(sip::HeaderId::kFrom),
        message.header(sip::HeaderId::kCallId), extra);
  }
};

TEST_F(Dialogs, RequestsFollowTheReversedRecordRoute) {
  rig.server.handle = [&](const sip::Message& request, const Flow& flow) {
    if (request.method() != sip::Method::kInvite) return;
    rig.server.reply(request, flow, 200,
                     fmt::format("Record-Route: <sip:10.0.0.50;lr>, <sip:10.0.0.1;lr;ftag=x>\r\n{}", contact()));
  };
  ASSERT_TRUE(phone->agent.dial("102"));
  ASSERT_TRUE(rig.until([&] { return rig.server.count("ACK") == 1; }));
  ASSERT_TRUE(phone->agent.hang_up());
  ASSERT_TRUE(rig.until([&] { return rig.server.count("BYE") == 1; }));
  for (const auto& bytes : {rig.server.heard.at(1), rig.server.heard.at(2)}) {
    EXPECT_THAT(bytes, HasSubstr(" sip:far@10.0.0.99:5070 SIP/2.0\r\n"));
    EXPECT_THAT(bytes, HasSubstr("Route: <sip:10.0.0.1;lr;ftag=x>\r\nRoute: <sip:10.0.0.50;lr>\r\n"));
  }
}

TEST_F(Dialogs, StrictRouterGetsTheRequestUri) {
  rig.server.handle = [&](const sip::Message& request, const Flow& flow) {
    if (request.method() != sip::Method::kInvite) return;
    rig.server.reply(request, flow, 200, fmt::format("Record-Route: <sip:10.0.0.1>\r\n{}", contact()));
  };
  ASSERT_TRUE(phone->agent.dial("102"));
  ASSERT_TRUE(rig.until([&] { return rig.server.count("ACK sip:10.0.0.1 SIP/2.0") == 1; }));
  EXPECT_THAT(rig.server.heard.back(), HasSubstr("Route: <sip:far@10.0.0.99:5070>\r\n"));
}

TEST_F(Dialogs, SecondForkThatAnswersIsHungUp) {
  rig.server.handle = [&](const sip::Message& request, const Flow& flow) {
    if (request.method() != sip::Method::kInvite) return;
    rig.server.reply(request, flow, 200, "Contact: <sip:one@10.0.0.1>\r\n");
    auto second = fmt::format("SIP/2.0 200 OK\r\n{}To: <sip:102@10.0.0.1>;tag=other\r\nContact: <sip:two@10.0.0.1>\r\n",
                              request.line(*request.find(sip::HeaderId::kVia)));
    for (const auto id : {sip::HeaderId::kFrom, sip::HeaderId::kCallId, sip::HeaderId::kCSeq}) {
      second += request.line(*request.find(id));
    }
    rig.server.send(flow.remote, second + "Content-Length: 0\r\n\r\n");
  };
  ASSERT_TRUE(phone->agent.dial("102"));
  ASSERT_TRUE(rig.until([&] { return rig.server.count("BYE sip:two@10.0.0.1 ") == 1; }));
  EXPECT_EQ(rig.server.count("ACK sip:one@10.0.0.1 "), 1u);
  EXPECT_EQ(rig.server.count("ACK sip:two@10.0.0.1 "), 1u);
  EXPECT_EQ(phone->agent.call()->state(), CallState::kTalking);
}

TEST_F(Dialogs, ReinviteIsAnsweredAndOldRequestsAreNot) {
  rig.server.handle = [&](const sip::Message& request, const Flow& flow) {
    if (request.method() == sip::Method::kInvite) rig.server.reply(request, flow, 200, contact());
  };
  ASSERT_TRUE(phone->agent.dial("102"));
  // The contact says 10.0.0.99; nobody there hears the ACK, which does not matter here.
  ASSERT_TRUE(rig.until([&] { return phone->agent.call()->state() == CallState::kTalking; }));
  const auto& address = phone->node.address();
  rig.server.send(address, request("INVITE", 10, "Contact: <sip:moved@10.0.0.1:5060>\r\n"));
  ASSERT_TRUE(rig.until([&] { return rig.server.count("SIP/2.0 200") == 1; }));
  EXPECT_THAT(rig.server.heard.back(), HasSubstr("m=audio 9 RTP/AVP"));
  rig.server.send(address, request("ACK", 10));
  rig.server.send(address, request("INFO", 11));
  ASSERT_TRUE(rig.until([&] { return rig.server.count("SIP/2.0 405") == 1; }));
  rig.server.send(address, request("BYE", 5));
  ASSERT_TRUE(rig.until([&] { return rig.server.count("SIP/2.0 500") == 1; }));
  ASSERT_TRUE(phone->agent.hang_up());
  EXPECT_TRUE(rig.until([&] { return rig.server.count("BYE sip:moved@10.0.0.1:5060 ") == 1; }));
}

}  // namespace
}  // namespace lamplighter::phone
