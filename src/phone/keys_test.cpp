// Keys and lamps: what a MESSAGE does to them, and what a press sends.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "phone/test_rig.h"

namespace lamplighter::phone {
namespace {

using namespace std::chrono_literals;
using test::buttons;
using test::Rig;
using testing::HasSubstr;
using testing::StartsWith;
using Type = Event::Type;

struct Keys : testing::Test {
  Rig rig;
  std::unique_ptr<Rig::Phone> phone = rig.phone(101);
  int sent = 0;

  const lamp::Key& key(std::string_view name) { return phone->agent.keyboard().find(name)->key; }
  /// Sends a document and returns the answer's first line.
  std::string set(std::string_view body, std::string_view type = "application/x-buttons") {
    rig.server.heard.clear();
    rig.server.send(phone->node.address(), buttons(body, ++sent, type));
    EXPECT_TRUE(rig.until([&] { return !rig.server.heard.empty(); }, 5s));
    if (rig.server.heard.empty()) return {};
    return rig.server.heard[0].substr(0, rig.server.heard[0].find('\r'));
  }
};

TEST_F(Keys, LampShowsWhatWasSent) {
  EXPECT_EQ(set("k=2\r\nc=on\r\no=green\r\nn=432\r\na=invite\r\nl=Light is on"), "SIP/2.0 200 OK");
  EXPECT_EQ(key("2"), (lamp::Key{lamp::Light::kOn, lamp::Color::kGreen, "Light is on", "432", lamp::Press::kInvite}));
  ASSERT_EQ(phone->events.all.size(), 1u);
  EXPECT_THAT(to_json(phone->events.all[0]),
              HasSubstr(R"("event":"key","key":"2","light":"on","color":"green","label":"Light is on",)"
                        R"("number":"432","action":"invite"})"));
}

TEST_F(Keys, BlockReplacesTheWholeKey) {
  set("k=2\r\nc=on\r\no=green\r\nn=432\r\na=message\r\nl=Light is on");
  set("k=2\r\nc=hold");
  EXPECT_EQ(key("2"), lamp::Key{.light = lamp::Light::kHold});
}

TEST_F(Keys, OneDocumentMaySetSeveralKeys) {
  set("k=1\r\nc=on\r\n\r\nk=12\r\nc=error");
  EXPECT_EQ(key("1").light, lamp::Light::kOn);
  EXPECT_EQ(key("12").light, lamp::Light::kError);
}

TEST_F(Keys, KeyThePhoneDoesNotHaveIsIgnoredAndTold) {
  EXPECT_EQ(set("k=13\r\nc=on"), "SIP/2.0 200 OK");
  ASSERT_NE(phone->events.last(Type::kIgnored), nullptr);
  EXPECT_EQ(phone->events.last(Type::kIgnored)->key, "13");
}

TEST_F(Keys, BrokenDocumentIsRefusedWithTheReason) {
  EXPECT_EQ(set("k=2\r\nc=blink"), "SIP/2.0 400 Bad application/x-buttons body");
  EXPECT_THAT(rig.server.heard[0], HasSubstr("Warning: 399 10.0.0.101:5060 \"line 2: "));
  EXPECT_EQ(key("2"), lamp::Key{});
  EXPECT_THAT(phone->events.last(Type::kRefused)->reason, HasSubstr("line 2"));
}

TEST_F(Keys, OtherContentIsRefusedWithWhatWouldBeAccepted) {
  EXPECT_EQ(set("hello", "text/plain"), "SIP/2.0 415 Unsupported Media Type");
  EXPECT_THAT(rig.server.heard[0], HasSubstr("Accept: application/x-buttons\r\n"));
}

TEST_F(Keys, RetransmittedMessageIsTakenOnce) {
  rig.server.send(phone->node.address(), buttons("k=2\r\nc=on"));
  rig.server.send(phone->node.address(), buttons("k=2\r\nc=on"));
  ASSERT_TRUE(rig.until([&] { return rig.server.heard.size() == 2; }));
  EXPECT_EQ(rig.server.heard[0], rig.server.heard[1]);
  EXPECT_EQ(phone->events.count(Type::kKey), 1u);
}

TEST_F(Keys, RebootForgetsEveryLamp) {
  set("k=2\r\nc=on\r\nn=432");
  phone->agent.reboot();
  EXPECT_EQ(key("2"), lamp::Key{});
  rig.server.heard.clear();
  rig.server.send(phone->node.address(), buttons("k=2\r\nc=on", 99));
  rig.network.run_for(1s);
  EXPECT_TRUE(rig.server.heard.empty());  // nobody listens while it boots
  rig.network.run_for(2s);
  EXPECT_EQ(set("k=2\r\nc=on"), "SIP/2.0 200 OK");
  EXPECT_EQ(key("2").light, lamp::Light::kOn);
}

TEST_F(Keys, UnpluggedPhoneIsSilentAndKeepsItsLamps) {
  set("k=2\r\nc=on");
  phone->agent.unplug();
  rig.server.heard.clear();
  rig.server.send(phone->node.address(), buttons("k=2\r\nc=off", 99));
  ASSERT_TRUE(phone->agent.dial("431"));
  rig.network.run_for(2s);
  EXPECT_TRUE(rig.server.heard.empty());
  EXPECT_EQ(key("2").light, lamp::Light::kOn);
  phone->agent.plug();
  EXPECT_TRUE(rig.until([&] { return rig.server.count("INVITE") > 0; }));  // the next retransmission gets out
}

//  phone                server
//    | INVITE 432 (key 2)  |
//    |-------------------->|
//    |<------------- 404 --|
//    | ACK                 |
//    |-------------------->|
TEST_F(Keys, PressDialsTheNumberBehindTheKey) {
  rig.server.handle = [&](const sip::Message& request, const Flow& flow) {
    if (request.method() == sip::Method::kInvite) rig.server.reply(request, flow, 404);
  };
  set("k=2\r\nc=on\r\nn=432");
  ASSERT_TRUE(phone->agent.press("2"));
  ASSERT_TRUE(rig.until([&] { return rig.server.count("ACK") == 1; }));
  EXPECT_EQ(rig.server.count("INVITE sip:432@10.0.0.1 SIP/2.0"), 1u);
  EXPECT_EQ(phone->agent.call(), nullptr);
  const auto* ended = phone->events.last(Type::kCall);
  EXPECT_EQ(ended->status, 404);
  EXPECT_TRUE(ended->outgoing);
}

TEST_F(Keys, PressCanSendAMessageInstead) {
  rig.server.handle = [&](const sip::Message& request, const Flow& flow) {
    if (request.method() != sip::Method::kMessage) return;
    EXPECT_EQ(request.request_uri(), "sip:432@10.0.0.1");
    EXPECT_EQ(request.body(), "k=2");
    rig.server.reply(request, flow, 202);
  };
  set("k=2\r\nc=on\r\nn=432\r\na=message");
  ASSERT_TRUE(phone->agent.press("2"));
  ASSERT_TRUE(rig.until([&] { return phone->events.count(Type::kMessage) == 1; }));
  EXPECT_EQ(phone->events.last(Type::kMessage)->status, 202);
}

TEST_F(Keys, PressWithoutANumberDoesNothing) {
  ASSERT_TRUE(phone->agent.press("2"));
  rig.network.run_for(2s);
  EXPECT_TRUE(rig.server.heard.empty());
  EXPECT_EQ(phone->events.count(Type::kPress), 1u);
  EXPECT_EQ(phone->agent.press("13").error(), "there is no key 13, this snom370 has 1 to 12");
}

TEST_F(Keys, OptionsAndUnknownMethodsSayWhatThePhoneCan) {
  const auto ask = [&](std::string_view method) {
    rig.server.heard.clear();
    rig.server.send(phone->node.address(),
                    fmt::format("{0} sip:101@10.0.0.101 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK{0}\r\n"
                                "From: <sip:s@10.0.0.1>;tag=s\r\nTo: <sip:101@10.0.0.1>\r\nCall-ID: {0}\r\n"
                                "CSeq: 1 {0}\r\nContent-Length: 0\r\n\r\n",
                                method));
    EXPECT_TRUE(rig.until([&] { return !rig.server.heard.empty(); }, 5s));
    return rig.server.heard.at(0);
  };
  const auto options = ask("OPTIONS");
  EXPECT_THAT(options, StartsWith("SIP/2.0 200 OK\r\n"));
  EXPECT_THAT(options, HasSubstr("Accept: application/sdp, application/x-buttons\r\n"));
  const auto unknown = ask("DANCE");
  EXPECT_THAT(unknown, StartsWith("SIP/2.0 405 "));
  EXPECT_THAT(unknown, HasSubstr("Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, MESSAGE\r\n"));
  EXPECT_THAT(ask("BYE"), StartsWith("SIP/2.0 481 "));
}

}  // namespace
}  // namespace lamplighter::phone
