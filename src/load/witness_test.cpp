#include "load/witness.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

#include "load/test_lamp_server.h"

namespace lamplighter::load {
namespace {

using namespace std::chrono_literals;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

// Takes the server away in the midst of things, some times, and returns what the witness has to say.
class WitnessTest : public testing::Test {
 protected:
  Witness::Report crash(LampServer& server, int times, std::uint64_t seed = 1) {
    Options options;
    options.server = server.sip();
    options.http = server.http();
    options.phones = 40;
    options.in_flight = 20;
    options.connections = 4;
    options.toggles = {"441"};
    options.timeout = 5s;
    options.seed = seed;
    auto generator = Generator::open(options);
    EXPECT_TRUE(generator);
    Witness witness(**generator);
    Witness::Report report;
    for (int round = 0; round < times; ++round) {
      const auto enough = server.requests() + 300;
      std::thread killer([&] {
        while (server.requests() < enough) std::this_thread::yield();
        server.go_away();
      });
      report = witness.work(60s);
      killer.join();
      EXPECT_TRUE(report.server_gone);
      server.come_back();
      EXPECT_TRUE(witness.wait_for_server(20s));
      witness.verify(report, 5s);
      if (!report.broken.empty()) break;
      acknowledged_ += report.acknowledged;
      again_ += report.again;
    }
    return report;
  }
  std::uint64_t acknowledged_ = 0, again_ = 0;
};

TEST_F(WitnessTest, AnHonestServerKeepsEveryPromise) {
  LampServer server;
  const auto report = crash(server, 4);
  EXPECT_THAT(report.broken, IsEmpty());
  EXPECT_GT(acknowledged_, 100U);
  EXPECT_GT(again_, 0U);
  EXPECT_GT(report.lamps, 0U);
}

TEST_F(WitnessTest, AWriteThatIsLostIsFound) {
  LampServer server({.loses_writes = true});
  EXPECT_THAT(crash(server, 3).broken, Contains(HasSubstr("possible after what was acknowledged")));
}

//  phone            server
//    | INVITE 441     |
//    |--------------->|   on
//    |<----- 404 -----|
//    |<--- MESSAGE ---|
//    |                X
//    |                |   again, and forgetful
//    | INVITE 441     |
//    |--------------->|   off
TEST_F(WitnessTest, AToggleThatCountsTwiceIsFound) {
  LampServer server({.forgets_presses = true});
  EXPECT_THAT(crash(server, 5).broken, Contains(HasSubstr("a press that came again counted twice")));
}

TEST_F(WitnessTest, ALampThatLiesIsFound) {
  LampServer server({.lights_nothing = true});
  EXPECT_THAT(crash(server, 3).broken, Contains(HasSubstr("the API says that all is confirmed, but key")));
}

TEST_F(WitnessTest, ARefusalWithoutADoubtIsABrokenPromise) {
  LampServer server({.refuses_writes = true});
  EXPECT_THAT(crash(server, 1).broken, Contains(HasSubstr("a write was answered 503")));
}

}  // namespace
}  // namespace lamplighter::load
