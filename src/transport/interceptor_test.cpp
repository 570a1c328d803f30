#include "transport/interceptor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "transport/listen.h"

namespace lamplighter::transport {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

using Passed = std::vector<std::vector<Duration>>;

Passed pass_many(const FaultSettings& settings, int datagrams) {
  auto faults = make_faults(settings);
  Passed passed(datagrams);
  for (auto& delays : passed) faults->pass(Direction::kIn, {}, "x", delays);
  return passed;
}

double share(const Passed& passed, bool (*matches)(const std::vector<Duration>&)) {
  return static_cast<double>(std::count_if(passed.begin(), passed.end(), matches)) / passed.size();
}

TEST(Faults, WithoutSettingsEverythingPassesAtOnce) {
  for (const auto& delays : pass_many({}, 100)) EXPECT_THAT(delays, testing::ElementsAre(0ns));
}

TEST(Faults, LossAndDuplicationHappenAsOftenAsAsked) {
  auto passed = pass_many({.loss = 0.1, .duplication = 0.5}, 20'000);
  EXPECT_NEAR(share(passed, [](const auto& delays) { return delays.empty(); }), 0.1, 0.01);
  EXPECT_NEAR(share(passed, [](const auto& delays) { return delays.size() == 2; }), 0.45, 0.015);
  for (const auto& delays : pass_many({.loss = 1}, 100)) EXPECT_THAT(delays, testing::IsEmpty());
}

TEST(Faults, DelayJitterAndReorderingAddUp) {
  auto passed = pass_many({.reordering = 0.25, .delay = 20ms, .jitter = 10ms, .reorder_by = 100ms}, 10'000);
  for (const auto& delays : passed) {
    ASSERT_EQ(delays.size(), 1u);
    EXPECT_GE(delays[0], 20ms);
    EXPECT_TRUE(delays[0] <= 30ms || (delays[0] >= 120ms && delays[0] <= 130ms));
  }
  EXPECT_NEAR(share(passed, [](const auto& delays) { return delays[0] > 100ms; }), 0.25, 0.02);
}

TEST(Faults, TheSameSeedGivesTheSameFaults) {
  FaultSettings settings{.seed = 7, .loss = 0.3, .duplication = 0.3, .reordering = 0.3, .jitter = 5ms};
  EXPECT_EQ(pass_many(settings, 500), pass_many(settings, 500));
  auto other = settings;
  other.seed = 8;
  EXPECT_NE(pass_many(settings, 500), pass_many(other, 500));
}

TEST(FaultSettings, ReadsAnySubset) {
  auto all = FaultSettings::parse("loss=0.1,dup=0.05,reorder=0.2,delay=20ms,jitter=1s,reorder_by=50ms,seed=42");
  ASSERT_TRUE(all) << all.error();
  EXPECT_EQ(all->loss, 0.1);
  EXPECT_EQ(all->duplication, 0.05);
  EXPECT_EQ(all->reordering, 0.2);
  EXPECT_EQ(all->delay, 20ms);
  EXPECT_EQ(all->jitter, 1s);
  EXPECT_EQ(all->reorder_by, 50ms);
  EXPECT_EQ(all->seed, 42u);
  EXPECT_EQ(FaultSettings::parse("loss=1")->loss, 1);
  EXPECT_EQ(FaultSettings::parse("")->loss, 0);
}

TEST(FaultSettings, SaysWhatIsWrong) {
  auto error = [](std::string_view text) {
    auto parsed = FaultSettings::parse(text);
    return parsed ? "no error" : parsed.error();
  };
  EXPECT_THAT(error("los=0.1"), HasSubstr("unknown fault \"los\", expected loss, dup"));
  EXPECT_EQ(error("loss=10%"), "loss: expected a probability between 0 and 1, such as 0.1, not \"10%\"");
  EXPECT_THAT(error("loss=1.5"), HasSubstr("between 0 and 1"));
  EXPECT_THAT(error("loss=nan"), HasSubstr("between 0 and 1"));
  EXPECT_THAT(error("dup=-0.1"), HasSubstr("dup: expected"));
  EXPECT_THAT(error("loss"), HasSubstr("loss: expected"));
  EXPECT_EQ(error("delay=20"), "delay: expected a time up to an hour with its unit, such as 20ms or 1s, not \"20\"");
  EXPECT_THAT(error("jitter=99999999999999999999ms"), HasSubstr("jitter: expected"));
  EXPECT_THAT(error("delay=3601s"), HasSubstr("delay: expected"));
  EXPECT_THAT(error("seed=x"), HasSubstr("seed: expected a whole number"));
  EXPECT_THAT(error("loss=0.1,,dup=0.1"), HasSubstr("unknown fault \"\""));
}

TEST(Listen, ReadsAndPrints) {
  for (auto text : {"udp:127.0.0.1:5060", "udp:0.0.0.0:0", "udp:[::]:5060", "udp:[2001:db8::1]:65535"}) {
    auto listen = Listen::parse(text);
    ASSERT_TRUE(listen) << listen.error();
    EXPECT_EQ(listen->to_string(), text);
    EXPECT_EQ(listen->kind, TransportKind::kUdp);
  }
}

TEST(Listen, KnowsEveryTransport) {
  for (const auto kind :
       {TransportKind::kUdp, TransportKind::kTcp, TransportKind::kTls, TransportKind::kWs, TransportKind::kWss}) {
    const Listen listen{kind, SocketAddress::parse("[::1]:5061").value()};
    const auto again = Listen::parse(listen.to_string());
    ASSERT_TRUE(again) << again.error();
    EXPECT_EQ(again->kind, kind);
    EXPECT_EQ(listen.collides_with({TransportKind::kTcp, listen.address}), kind != TransportKind::kUdp);
    EXPECT_FALSE(listen.collides_with({kind, SocketAddress::parse("[::1]:5062").value()}));
  }
  EXPECT_EQ(Listen::parse("wss:0.0.0.0:8443")->to_string(), "wss:0.0.0.0:8443");
}

TEST(Listen, SaysWhatWasExpected) {
  for (auto text : {"", "127.0.0.1:5060", "UDP:127.0.0.1:5060", "sctp:127.0.0.1:5060"}) {
    EXPECT_THAT(Listen::parse(text).error(), HasSubstr("expected udp:ADDRESS:PORT")) << text;
  }
  EXPECT_THAT(Listen::parse("udp:localhost:5060").error(), HasSubstr("192.0.2.1:5060 or [2001:db8::1]:5060"));
  EXPECT_THAT(Listen::parse("udp:127.0.0.1").error(), HasSubstr("is not an address with a port"));
}

}  // namespace
}  // namespace lamplighter::transport
