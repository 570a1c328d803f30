#include "load/generator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <set>

#include "load/test_responder.h"
#include "sip/digest.h"

namespace lamplighter::load {
namespace {

using namespace std::chrono_literals;

std::string lamp(std::string_view invite, int number) {
  return "MESSAGE " + contact_uri(invite) + " SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKlamp" +
         std::to_string(number) +
         "\r\nFrom: <sip:server@127.0.0.1>;tag=s\r\nTo: <sip:431@127.0.0.1>\r\nCall-ID: l\r\nCSeq: " +
         std::to_string(number) + " MESSAGE\r\nContent-Length: 0\r\n\r\n";
}

Options options_for(const Responder& server) {
  Options options;
  options.server = server.address();
  options.phones = 8;
  options.sockets = 3;
  options.t1 = 30ms;
  options.timeout = 3s;
  return options;
}

std::unique_ptr<Generator> open(const Options& options) {
  auto generator = Generator::open(options);
  EXPECT_TRUE(generator) << generator.error();
  return std::move(*generator);
}

//  phone           server
//    | INVITE 431    |
//    |-------------->|
//    |<---- 404 -----|
//    |---- ACK ----->|
//    |<-- MESSAGE ---|
//    |---- 200 ----->|   one press; the next is 432
TEST(Generator, PressesKeysInTurnAndLosesNothing) {
  std::set<std::string> dialled;
  std::uint64_t acks = 0, oks = 0, invites = 0;
  Responder server([&, number = 0](std::string_view message) mutable -> std::vector<std::string> {
    if (is(message, "ACK")) ++acks;
    if (message.starts_with("SIP/2.0 200")) ++oks;
    if (!is(message, "INVITE")) return {};
    ++invites;
    dialled.emplace(message.substr(7, message.find(' ', 7) - 7));
    return {answer(message, "404 Not a call"), lamp(message, ++number)};
  });
  const auto result = open(options_for(server))->run(Mode::kPress, {.duration = 20s, .count = 400});
  server.stop();
  EXPECT_GE(acks, 390U);  // the last ones may be on their way
  EXPECT_GE(oks, 390U);
  EXPECT_EQ(result.done, 400U);
  EXPECT_EQ(result.refused + result.timeouts + result.unfinished + result.unexpected, 0U);
  EXPECT_EQ(result.statuses, (std::map<int, std::uint64_t>{{404, 400}}));
  EXPECT_EQ(result.lamp.count(), 400U);
  EXPECT_GE(invites, 400U);
  EXPECT_THAT(dialled, testing::ElementsAre("sip:431@127.0.0.1", "sip:432@127.0.0.1"));
  EXPECT_FALSE(result.server_gone);
}

//  phone           server
//    | INVITE      -X|        Timer A
//    | INVITE        |
//    |-------------->|
//    |<-- MESSAGE ---|        overtakes the 404
//    |<-- MESSAGE ---|        its 200 was lost: answered again, not a second lamp
//    |<---- 404 -----|
TEST(Generator, SendsAgainWhatIsLostAndCountsRepeatsOnce) {
  std::set<std::string> seen;
  Responder server([&, number = 0](std::string_view message) mutable -> std::vector<std::string> {
    if (!is(message, "INVITE")) return {};
    if (seen.emplace(header_value(message, "Call-ID")).second) return {};
    const auto text = lamp(message, ++number);
    return {text, text, answer(message, "404 Not a call")};
  });
  const auto result = open(options_for(server))->run(Mode::kPress, {.duration = 20s, .count = 16});
  EXPECT_EQ(result.done, 16U);
  EXPECT_GE(result.retransmissions, 16U);
  EXPECT_GE(result.repeats, 16U);
  EXPECT_EQ(result.lamp.count(), 16U);
}

TEST(Generator, GivesUpWithoutALampAndSaysSo) {
  Responder server([](std::string_view message) -> std::vector<std::string> {
    return is(message, "INVITE") ? std::vector{answer(message, "404 Not a call")} : std::vector<std::string>{};
  });
  auto options = options_for(server);
  options.timeout = 100ms;
  const auto result = open(options)->run(Mode::kPress, {.duration = 20s, .count = 8});
  EXPECT_EQ(result.done, 0U);
  EXPECT_EQ(result.timeouts, 8U);
  EXPECT_EQ(result.answer.count(), 8U);
}

TEST(Generator, TakesACallThatIsRoutedForARefusal) {
  Responder server([](std::string_view message) -> std::vector<std::string> {
    return is(message, "INVITE") ? std::vector{answer(message, "404 Not Found")} : std::vector<std::string>{};
  });
  const auto result = open(options_for(server))->run(Mode::kPress, {.duration = 20s, .count = 8});
  EXPECT_EQ(result.refused, 8U);
  EXPECT_EQ(result.done, 0U);
}

//  phone                     server
//    | REGISTER                |
//    |------------------------>|
//    |<-- 401, a nonce --------|
//    | REGISTER, credentials   |
//    |------------------------>|
//    |<-- 200 -----------------|   the next one has credentials at once, nc=2
TEST(Generator, RegistersWithItsPasswordAndKeepsTheNonce) {
  std::uint64_t challenges = 0;
  bool all_matched = true;
  Responder server([&](std::string_view message) -> std::vector<std::string> {
    const auto value = header_value(message, "Authorization");
    if (value.empty()) {
      ++challenges;
      return {answer(
          message, "401 Unauthorized",
          "WWW-Authenticate: " + sip::digest_challenge(sip::DigestAlgorithm::kMd5, "here", "n1", false) + "\r\n")};
    }
    const auto credentials = sip::parse_digest_credentials(value);
    all_matched &= credentials && sip::digest_matches(*credentials,
                                                      sip::digest_ha1(sip::DigestAlgorithm::kMd5, credentials->username,
                                                                      "here", "secret"),
                                                      "REGISTER");
    return {answer(message, "200 OK")};
  });
  auto options = options_for(server);
  options.password = "secret";
  const auto result = open(options)->run(Mode::kRegister, {.duration = 20s, .count = 40});
  server.stop();
  EXPECT_EQ(result.done, 40U);
  EXPECT_TRUE(all_matched);
  EXPECT_EQ(challenges, 8U);
}

TEST(Generator, WithAWrongPasswordIsRefused) {
  Responder server([&](std::string_view message) -> std::vector<std::string> {
    return {
        answer(message, "401 Unauthorized",
               "WWW-Authenticate: " + sip::digest_challenge(sip::DigestAlgorithm::kMd5, "here", "n1", false) + "\r\n")};
  });
  auto options = options_for(server);
  options.password = "guess";
  const auto result = open(options)->run(Mode::kRegister, {.duration = 20s, .count = 8});
  EXPECT_EQ(result.refused, 8U);
  EXPECT_EQ(result.statuses.at(401), 8U);
}

TEST(Generator, LogsPromisesAndFindsTheOneThatWasNotKept) {
  const auto path = testing::TempDir() + "/lamplighter_load_promises." + std::to_string(getpid());
  std::remove(path.c_str());
  std::map<std::string, std::string> bound;
  Responder server([&](std::string_view message) -> std::vector<std::string> {
    const std::string aor(header_value(message, "To"));
    if (!header_value(message, "Contact").empty()) bound[aor] = contact_uri(message);
    const auto forgotten = aor.find("1003") != std::string::npos && header_value(message, "Contact").empty();
    return {answer(message, "200 OK", forgotten ? "" : "Contact: <" + bound[aor] + ">;expires=60\r\n")};
  });
  auto options = options_for(server);
  options.acknowledged_log = path;
  EXPECT_EQ(open(options)->run(Mode::kRegister, {.duration = 20s, .count = 24}).done, 24U);

  options.acknowledged_log.clear();
  std::ifstream log(path);
  for (Promise promise; log >> promise.aor >> promise.contact;) options.promises.push_back(promise);
  ASSERT_EQ(options.promises.size(), 8U);  // one line a phone, refreshes add none
  const auto result = open(options)->run(Mode::kQuery, {.duration = 20s, .count = 8});
  EXPECT_EQ(result.done, 8U);
  ASSERT_EQ(result.missing.size(), 1U);
  EXPECT_EQ(result.missing[0].aor, "sip:1003@127.0.0.1");
  std::remove(path.c_str());
}

TEST(Generator, NoticesThatNobodyListens) {
  SocketAddress nobody;
  {
    const Responder server([](std::string_view) { return std::vector<std::string>{}; });
    nobody = server.address();
  }
  Options options;
  options.server = nobody;
  const auto result = open(options)->run(Mode::kOptions, {.duration = 20s, .count = 10});
  EXPECT_TRUE(result.server_gone);
  EXPECT_EQ(result.done, 0U);
}

TEST(Generator, EndsWhenToldTo) {
  std::atomic<bool> stop = false;
  std::atomic<int> answered = 0;
  Responder server([&](std::string_view message) -> std::vector<std::string> {
    if (++answered == 50) stop = true;
    return {answer(message, "200 OK")};
  });
  auto options = options_for(server);
  options.stop = &stop;
  const auto result = open(options)->run(Mode::kOptions, {.duration = 20s});
  EXPECT_GE(result.done, 50U);
  EXPECT_LT(result.done, 100U);
}

}  // namespace
}  // namespace lamplighter::load
