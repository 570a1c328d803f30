#include "phone/registration.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "phone/test_rig.h"
#include "sip/digest.h"

namespace lamplighter::phone {
namespace {

using namespace std::chrono_literals;
using test::grant;
using test::Rig;
using testing::HasSubstr;
using testing::MatchesRegex;
using Type = Event::Type;

sip::Message parsed(std::string_view bytes) {
  sip::Message message;
  EXPECT_TRUE(message.parse(bytes)) << bytes;
  return message;
}

TEST(Registration, SaysWhoAndWhatThePhoneIs) {
  Rig rig;
  auto phone = rig.phone(101);
  rig.server.handle = [&](const auto& request, const auto& flow) { grant(rig.server, request, flow); };
  ASSERT_TRUE(phone->agent.register_now());
  ASSERT_TRUE(rig.until([&] { return phone->agent.registration() == RegistrationState::kRegistered; }));

  ASSERT_EQ(rig.server.heard.size(), 1u);
  const auto request = parsed(rig.server.heard[0]);
  EXPECT_TRUE(sip::validate(request));
  EXPECT_EQ(request.request_uri(), "sip:10.0.0.1");
  EXPECT_EQ(request.header(sip::HeaderId::kUserAgent), "snom370/8.7.5.35");
  EXPECT_EQ(request.header(sip::HeaderId::kSupported), "gruu");
  EXPECT_EQ(request.header(sip::HeaderId::kExpires), "3600");
  EXPECT_THAT(std::string{request.header(sip::HeaderId::kContact)},
              MatchesRegex("<sip:101@10.0.0.101:5060;line=[0-9a-f]+>;reg-id=1;q=1.0;"
                           "\\+sip.instance=\"<urn:uuid:[-0-9a-f]+>\""));
  EXPECT_EQ(phone->events.last(Type::kRegistered)->expires, 3600s);
}

TEST(Registration, IsRefreshedAtHalfTheGrantedTime) {
  Rig rig;
  auto phone = rig.phone(101);
  // The contact's own parameter counts, not the Expires header, and not other contacts.
  rig.server.handle = [&](const auto& request, const auto& flow) {
    rig.server.reply(
        request, flow, 200,
        fmt::format("Contact: <sip:101@10.0.0.9>;expires=7\r\nContact: {};expires=100\r\nExpires: 3600\r\n",
                    request.header(sip::HeaderId::kContact)));
  };
  ASSERT_TRUE(phone->agent.register_now());
  rig.network.run_for(49s);
  EXPECT_EQ(rig.server.heard.size(), 1u);
  rig.network.run_for(2s);
  ASSERT_EQ(rig.server.heard.size(), 2u);
  const auto first = parsed(rig.server.heard[0]);
  const auto second = parsed(rig.server.heard[1]);
  EXPECT_EQ(first.header(sip::HeaderId::kCallId), second.header(sip::HeaderId::kCallId));
  EXPECT_EQ(first.header(sip::HeaderId::kContact), second.header(sip::HeaderId::kContact));
  EXPECT_EQ(first.header(sip::HeaderId::kCSeq), "1 REGISTER");
  EXPECT_EQ(second.header(sip::HeaderId::kCSeq), "2 REGISTER");
}

//  phone                 server
//    | REGISTER             |
//    |--------------------->|
//    |<------- 401 nonce a -|
//    | REGISTER (a)         |
//    |--------------------->|
//    |<------------- 200 ---|
//    |  half the time later |
//    | REGISTER (a, nc 2)   |
//    |--------------------->|
//    |<- 401 nonce b, stale-|
//    | REGISTER (b)         |
//    |--------------------->|
//    |<------------- 200 ---|
class Digest : public testing::TestWithParam<sip::DigestAlgorithm> {};

TEST_P(Digest, ChallengesAreAnsweredAndStaleNoncesReplaced) {
  Rig rig;
  auto phone = rig.phone(101, [](Settings& settings) {
    settings.password = "secret";
    settings.expires = 60s;
  });
  std::string nonce = "a";
  const auto ha1 = sip::digest_ha1(GetParam(), "101", "lamps", "secret");
  unsigned good = 0, stale = 0, bare = 0;
  rig.server.handle = [&](const sip::Message& request, const Flow& flow) {
    const auto given = request.header(sip::HeaderId::kAuthorization);
    const auto credentials = sip::parse_digest_credentials(given);
    const bool known = credentials && credentials->nonce == nonce;
    if (!known) {
      ++(given.empty() ? bare : stale);
      const auto challenge = sip::digest_challenge(GetParam(), "lamps", nonce, !given.empty());
      return rig.server.reply(request, flow, 401, fmt::format("WWW-Authenticate: {}\r\n", challenge));
    }
    EXPECT_TRUE(sip::digest_matches(*credentials, ha1, "REGISTER"));
    ++good;
    grant(rig.server, request, flow);
  };
  ASSERT_TRUE(phone->agent.register_now());
  ASSERT_TRUE(rig.until([&] { return good == 1; }));
  nonce = "b";
  ASSERT_TRUE(rig.until([&] { return good == 2; }));
  EXPECT_EQ(bare, 1u);
  EXPECT_EQ(stale, 1u);
  EXPECT_EQ(phone->events.count(Type::kRegisterFailed), 0u);
}
INSTANTIATE_TEST_SUITE_P(Algorithms, Digest,
                         testing::Values(sip::DigestAlgorithm::kMd5, sip::DigestAlgorithm::kSha256));

TEST(Registration, WrongPasswordIsToldAndTriedAgainLater) {
  Rig rig;
  auto phone = rig.phone(101, [](Settings& settings) { settings.password = "wrong"; });
  rig.server.handle = [&](const sip::Message& request, const Flow& flow) {
    const auto challenge = sip::digest_challenge(sip::DigestAlgorithm::kSha256, "lamps", "n", false);
    rig.server.reply(request, flow, 401, fmt::format("WWW-Authenticate: {}\r\n", challenge));
  };
  ASSERT_TRUE(phone->agent.register_now());
  ASSERT_TRUE(rig.until([&] { return phone->events.count(Type::kRegisterFailed) == 1; }));
  EXPECT_EQ(rig.server.heard.size(), 2u);  // without and with credentials, then it gives up for now
  EXPECT_EQ(phone->events.last(Type::kRegisterFailed)->status, 401);
  EXPECT_EQ(phone->events.last(Type::kRegisterFailed)->reason, "wrong user or password");
  ASSERT_TRUE(rig.until([&] { return phone->events.count(Type::kRegisterFailed) == 3; }));
  EXPECT_EQ(phone->events.last(Type::kRegisterFailed)->retry_in, Duration{4s});  // 1, 2, 4 …
}

TEST(Registration, AsksForMoreTimeWhenTheServerSaysTooBrief) {
  Rig rig;
  auto phone = rig.phone(101, [](Settings& settings) { settings.expires = 5s; });
  rig.server.handle = [&](const sip::Message& request, const Flow& flow) {
    if (request.header(sip::HeaderId::kExpires) == "5") {
      return rig.server.reply(request, flow, 423, "Min-Expires: 60\r\n");
    }
    grant(rig.server, request, flow);
  };
  ASSERT_TRUE(phone->agent.register_now());
  ASSERT_TRUE(rig.until([&] { return phone->events.count(Type::kRegistered) == 1; }));
  EXPECT_EQ(phone->events.last(Type::kRegistered)->expires, 60s);
  EXPECT_EQ(rig.server.heard.size(), 2u);
}

TEST(Registration, ServerThatNeverGrantsEnoughIsAFailureNotALoop) {
  Rig rig;
  auto phone = rig.phone(101);
  rig.server.handle = [&](const sip::Message& request, const Flow& flow) {
    rig.server.reply(request, flow, 423, "Min-Expires: 60\r\n");  // less than was asked for
  };
  ASSERT_TRUE(phone->agent.register_now());
  ASSERT_TRUE(rig.until([&] { return phone->events.count(Type::kRegisterFailed) == 1; }));
  EXPECT_EQ(rig.server.heard.size(), 1u);
}

TEST(Registration, SilentServerIsReportedSoonAndTriedForEver) {
  Rig rig;
  auto phone = rig.phone(101);
  ASSERT_TRUE(phone->agent.register_now());
  ASSERT_TRUE(rig.until([&] { return phone->events.count(Type::kNoAnswer) == 1; }, 4s));
  EXPECT_EQ(phone->events.last(Type::kNoAnswer)->server, "10.0.0.1:5060");
  ASSERT_TRUE(rig.until([&] { return phone->events.count(Type::kRegisterFailed) == 2; }, 120s));
  EXPECT_EQ(phone->events.last(Type::kRegisterFailed)->attempt, 2u);
  EXPECT_THAT(phone->agent.registration_detail(), HasSubstr("no answer from 10.0.0.1:5060 (attempt 2)"));

  rig.server.handle = [&](const auto& request, const auto& flow) { grant(rig.server, request, flow); };
  EXPECT_TRUE(rig.until([&] { return phone->agent.registration() == RegistrationState::kRegistered; }));
}

TEST(Registration, GetsThroughHeavyLoss) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    Rig rig;
    rig.network.intercept(transport::make_faults({.seed = seed, .loss = 0.4, .duplication = 0.1, .reordering = 0.1}));
    auto phone = rig.phone(101);
    rig.server.handle = [&](const auto& request, const auto& flow) { grant(rig.server, request, flow); };
    ASSERT_TRUE(phone->agent.register_now());
    EXPECT_TRUE(rig.until([&] { return phone->agent.registration() == RegistrationState::kRegistered; }, 120s));
  }
}

TEST(Registration, UnregisteringRemovesTheContactAndStaysAway) {
  Rig rig;
  auto phone = rig.phone(101, [](Settings& settings) { settings.expires = 60s; });
  rig.server.handle = [&](const auto& request, const auto& flow) { grant(rig.server, request, flow); };
  ASSERT_TRUE(phone->agent.register_now());
  ASSERT_TRUE(rig.until([&] { return phone->events.count(Type::kRegistered) == 1; }));
  ASSERT_TRUE(phone->agent.unregister());
  ASSERT_TRUE(rig.until([&] { return phone->events.count(Type::kUnregistered) == 1; }));
  EXPECT_EQ(parsed(rig.server.heard.back()).header(sip::HeaderId::kExpires), "0");
  const auto heard = rig.server.heard.size();
  rig.network.run_for(600s);
  EXPECT_EQ(rig.server.heard.size(), heard);
}

// RFC 3261 §10.2: no second REGISTER before the first is answered.
TEST(Registration, UnregisterWaitsForTheRegisterUnderWay) {
  Rig rig;
  auto phone = rig.phone(101);
  rig.server.handle = [&](const auto& request, const auto& flow) { grant(rig.server, request, flow); };
  ASSERT_TRUE(phone->agent.register_now());
  ASSERT_TRUE(phone->agent.unregister());
  ASSERT_TRUE(rig.until([&] { return phone->agent.registration() == RegistrationState::kOff; }));
  ASSERT_EQ(rig.server.heard.size(), 2u);
  EXPECT_EQ(parsed(rig.server.heard[0]).header(sip::HeaderId::kExpires), "3600");
  EXPECT_EQ(parsed(rig.server.heard[1]).header(sip::HeaderId::kExpires), "0");
}

TEST(Registration, RebootIsAFreshPhoneWithTheSameInstance) {
  Rig rig;
  auto phone = rig.phone(101);
  rig.server.handle = [&](const auto& request, const auto& flow) { grant(rig.server, request, flow); };
  ASSERT_TRUE(phone->agent.register_now());
  ASSERT_TRUE(rig.until([&] { return phone->events.count(Type::kRegistered) == 1; }));
  phone->agent.reboot();
  EXPECT_TRUE(phone->agent.booting());
  rig.network.run_for(1900ms);
  EXPECT_EQ(rig.server.heard.size(), 1u);  // silent while it boots
  ASSERT_TRUE(rig.until([&] { return phone->events.count(Type::kRegistered) == 2; }));

  const auto before = parsed(rig.server.heard[0]);
  const auto after = parsed(rig.server.heard[1]);
  EXPECT_NE(before.header(sip::HeaderId::kCallId), after.header(sip::HeaderId::kCallId));
  EXPECT_EQ(after.header(sip::HeaderId::kCSeq), "1 REGISTER");
  const auto contact_before = sip::parse_name_addr(before.header(sip::HeaderId::kContact));
  const auto contact_after = sip::parse_name_addr(after.header(sip::HeaderId::kContact));
  EXPECT_NE(contact_before->uri_text, contact_after->uri_text);  // another line=
  EXPECT_EQ(contact_before->params.get("+sip.instance"), contact_after->params.get("+sip.instance"));
}

}  // namespace
}  // namespace lamplighter::phone
