#include <gmock/gmock.h>

#include "server/core_test_support.h"

namespace lamplighter::server {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class DialToLight : public CoreTest {
 protected:
  Request press(const std::string& number, const std::string& branch = "z9hG4bKpress") {
    Request invite;
    invite.uri = "sip:" + number + "@127.0.0.1;user=phone";
    invite.to_header = "<sip:" + number + "@127.0.0.1;user=phone>";
    invite.branch = branch;
    invite.call_id = "press-" + branch;
    invite.extra = {"User-Agent: snom370/8.4.35"};
    return invite;
  }
  static std::string contact() { return "sip:101@127.0.0.1:40001"; }
};

//  phone            server
//    | INVITE 431     |
//    |--------------->|
//    |<----- 404 -----|  Not a call
//    |<--- MESSAGE ---|  k=2 c=on
//    | ACK, 200       |
//    |--------------->|  nothing comes back
TEST_F(DialToLight, AnswersNotACallAndLightsTheKeyAsTheTutorialDoes) {
  start();
  const auto out = receive("127.0.0.1:40001", press("431").text());
  ASSERT_EQ(out.size(), 2u);
  EXPECT_EQ(out[0].start_line(), "SIP/2.0 404 Not a call");
  EXPECT_EQ(out[0].to, at("127.0.0.1:40001"));

  const auto& lamp = out[1];
  EXPECT_EQ(lamp.to, at("127.0.0.1:40001"));
  EXPECT_EQ(lamp.start_line(), "MESSAGE sip:101@127.0.0.1:40001 SIP/2.0");
  EXPECT_THAT(lamp.header("From"), testing::StartsWith("<sip:server@127.0.0.1>;tag="));
  EXPECT_EQ(lamp.header("To"), "<sip:431@127.0.0.1;user=phone>");
  EXPECT_EQ(lamp.header("Content-Type"), "application/x-buttons");
  EXPECT_EQ(lamp.header("Content-Length"), std::to_string(lamp.body().size()));
  EXPECT_EQ(lamp.body(), "k=2\r\nc=on\r\nn=432\r\na=invite\r\nl=Light is on");

  Request ack = press("431");
  ack.method = "ACK";
  ack.to_header = out[0].header("To");
  EXPECT_TRUE(receive("127.0.0.1:40001", ack.text()).empty());
  EXPECT_TRUE(receive("127.0.0.1:40001", answer(lamp, 200, "OK", "phone")).empty());
  EXPECT_EQ(core().lamp_counters().confirmed.value(), 1u);

  EXPECT_TRUE(pass(seconds{40}).empty()) << "nothing is sent twice after it was answered";
  EXPECT_TRUE(core().idle());
}

// Byte for byte, with the contract's Contact that carries parameters (PROTOCOL §1 item 2).
TEST_F(DialToLight, TheRequestUriIsTheContactWithItsParameters) {
  start();
  auto invite = press("432");
  auto text = invite.text();
  const std::string plain = "Contact: <sip:101@127.0.0.1:40001>";
  text.replace(text.find(plain), plain.size(), "m: <sip:101@10.0.0.5:2051;line=abc123>;reg-id=1");
  const auto out = receive("127.0.0.1:40001", text);
  ASSERT_EQ(out.size(), 2u);
  EXPECT_EQ(out[1].start_line(), "MESSAGE sip:101@10.0.0.5:2051;line=abc123 SIP/2.0");
  EXPECT_EQ(out[1].to, at("127.0.0.1:40001")) << "sent to where the INVITE came from, not where the Contact points";
  EXPECT_EQ(out[1].body(), "k=2\r\nc=off\r\nn=432\r\na=invite\r\nl=Light is off");
}

//  phone            server
//    | INVITE 431     |
//    |--------------->|
//    |  (404 lost)  X-|
//    | INVITE again   |      the same press, told twice
//    |--------------->|
//    |<----- 404 -----|
//    |<--- MESSAGE ---|      exactly one
TEST_F(DialToLight, RetransmittedPressLightsOnce) {
  start();
  const auto first = receive("127.0.0.1:40001", press("431").text());
  ASSERT_EQ(first.size(), 2u);
  const auto again = receive("127.0.0.1:40001", press("431").text());
  ASSERT_EQ(again.size(), 1u);
  EXPECT_EQ(again[0].bytes, first[0].bytes);
  EXPECT_EQ(core().counters().presses.value(), 1u);
}

TEST_F(DialToLight, TheKeyIsDurableBeforeThePhoneHasAnswered) {
  start();
  receive("127.0.0.1:40001", press("431").text());
  const auto key = phones().find("101@localhost", "2");
  ASSERT_TRUE(key && key->key);
  EXPECT_EQ(key->key->light, lamp::Light::kOn);
  EXPECT_EQ(store.commits(), 1u);
}

//  phone            server
//    | INVITE 431     |
//    | INVITE 432     |   while the first MESSAGE is unanswered
//    |<--- MESSAGE ---|   on
//    | 200            |
//    |<--- MESSAGE ---|   off, only now
TEST_F(DialToLight, OneRequestInFlightAndTheNewestStateWins) {
  start();
  const auto on = receive("127.0.0.1:40001", press("431", "z9hG4bKa").text());
  ASSERT_EQ(on.size(), 2u);
  EXPECT_EQ(receive("127.0.0.1:40001", press("432", "z9hG4bKb").text()).size(), 1u) << "only the 404";
  const auto off = receive("127.0.0.1:40001", answer(on[1], 200, "OK", "phone"));
  ASSERT_EQ(off.size(), 1u);
  EXPECT_THAT(off[0].body(), testing::HasSubstr("c=off"));
}

TEST_F(DialToLight, AnUnansweredLampIsRetransmittedAndThenGivenUp) {
  start();
  receive("127.0.0.1:40001", press("431").text());
  const auto resent = pass(seconds{40});
  EXPECT_GT(resent.size(), 8u);
  EXPECT_EQ(core().lamp_counters().unreachable.value(), 1u);
  EXPECT_TRUE(core().idle());
}

TEST_F(DialToLight, ARefusedLampIsCountedAndForgotten) {
  start();
  const auto out = receive("127.0.0.1:40001", press("431").text());
  receive("127.0.0.1:40001", answer(out[1], 415, "Unsupported Media Type", "phone"));
  EXPECT_EQ(core().lamp_counters().refused.value(), 1u);
  pass(seconds{40});
  EXPECT_TRUE(core().idle());
}

TEST_F(DialToLight, OtherPhonesOtherNumbersAndOtherMethodsAreRoutedOn) {
  start();
  auto other_phone = press("431", "z9hG4bK1");
  other_phone.extra = {"User-Agent: Yealink SIP-T46S 66.85.0.5"};
  auto other_number = press("449", "z9hG4bK2");
  auto other_method = press("431", "z9hG4bK3");
  other_method.method = "INFO";
  for (const auto& request : {other_phone, other_number, other_method}) {
    const auto out = receive("127.0.0.1:40001", request.text());
    ASSERT_EQ(out.size(), 1u) << request.text();
    EXPECT_EQ(out[0].start_line(), "SIP/2.0 404 Not Found");
  }
  EXPECT_EQ(core().counters().presses.value(), 0u);
}

TEST_F(DialToLight, AStrangerMustProveWhoHeIsBeforeALampMoves) {
  start();
  const auto out = receive("192.0.2.66:5060", press("431").text());
  ASSERT_EQ(out.size(), 1u);
  EXPECT_EQ(out[0].status(), 407);
  EXPECT_FALSE(phones().find("101@localhost", "2"));
}

//  stranger         server
//    | INVITE 431     |
//    |--------------->|
//    |<----- 407 -----|
//    | INVITE 431     |  with the password of 101
//    |--------------->|
//    |<----- 404 -----|
//    |<--- MESSAGE ---|
TEST_F(DialToLight, WithAPasswordAPhoneMovesItsOwnLampsAndNobodyElses) {
  const auto ha1 = [](const std::string& user) {
    return sip::digest_ha1(sip::DigestAlgorithm::kMd5, user, "lamplighter", "secret");
  };
  credentials.replace({{"101", "lamplighter", ha1("101"), ""}, {"102", "lamplighter", ha1("102"), ""}});
  start();
  for (const auto* user : {"101", "102"}) {
    auto invite = press("431", std::string("z9hG4bKa") + user);
    const auto challenged = receive("192.0.2.66:5060", invite.text());
    ASSERT_EQ(challenged.at(0).status(), 407);
    const auto header = challenged[0].header("Proxy-Authenticate");
    const auto challenge = sip::parse_digest_challenge(header);
    ASSERT_TRUE(challenge);
    invite.branch = std::string("z9hG4bKb") + user;
    invite.cseq = "2";
    invite.extra.push_back("Proxy-Authorization: " +
                           sip::digest_authorization(*challenge, user, "secret", "INVITE", invite.uri, "0a4f113b", 1));
    const auto out = receive("192.0.2.66:5060", invite.text());
    if (std::string_view(user) == "101") {
      ASSERT_EQ(out.size(), 2u);
      EXPECT_EQ(out[0].start_line(), "SIP/2.0 404 Not a call");
    } else {
      ASSERT_EQ(out.size(), 1u) << "102 called itself 101";
      EXPECT_EQ(out[0].status(), 403);
    }
  }
  EXPECT_EQ(core().counters().presses.value(), 1u);
}

TEST_F(DialToLight, ReplyCodeReasonAndSenderAreSettings) {
  settings.dial_reply_code = 486;
  settings.dial_reply_reason = "Lamp set";
  settings.lamps.from = "sip:lamps@pbx.example.com";
  start();
  const auto out = receive("127.0.0.1:40001", press("431").text());
  ASSERT_EQ(out.size(), 2u);
  EXPECT_EQ(out[0].start_line(), "SIP/2.0 486 Lamp set");
  EXPECT_THAT(out[1].header("From"), testing::StartsWith("<sip:lamps@pbx.example.com>;tag="));
}

TEST_F(DialToLight, WithoutRportTheAnswerGoesToTheViaPortButTheLampToTheSource) {
  start();
  auto text = press("431").text();
  text.erase(text.find(";rport"), 6);
  text.replace(text.find("127.0.0.1:40001;branch"), 15, "127.0.0.1:49999");
  const auto out = receive("127.0.0.1:40001", text);
  ASSERT_EQ(out.size(), 2u);
  EXPECT_EQ(out[0].to, at("127.0.0.1:49999"));
  EXPECT_EQ(out[1].to, at("127.0.0.1:40001"));
}

}  // namespace
}  // namespace lamplighter::server
