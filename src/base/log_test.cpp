#include "base/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>
#include <stdexcept>

#include "base/clock.h"
#include "base/flow.h"

namespace lamplighter {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

std::string logged(std::string_view level) {
  testing::internal::CaptureStderr();
  set_up_log(level);
  log::debug("store: opened {}", 7);
  log::warn("transport: small buffer");
  auto text = testing::internal::GetCapturedStderr();
  set_up_log("info");
  return text;
}

TEST(Log, WritesOneLineAnEventToStderr) {
  EXPECT_TRUE(std::regex_match(logged("info"),
                               std::regex(R"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} W transport: small buffer\n)")));
}

TEST(Log, TheLevelDecidesWhatIsWritten) {
  EXPECT_THAT(logged("debug"), HasSubstr(" D store: opened 7\n"));
  EXPECT_THAT(logged("warn"), Not(HasSubstr("opened")));
  EXPECT_THAT(logged("error"), IsEmpty());
  EXPECT_THAT(logged("off"), IsEmpty());
}

TEST(Log, AnUnknownLevelIsRefused) { EXPECT_THROW(set_up_log("loud"), std::invalid_argument); }

TEST(Flow, TransportsAreNamedAsInAVia) {
  EXPECT_EQ(name_of(TransportKind::kUdp), "UDP");
  EXPECT_EQ(name_of(TransportKind::kTcp), "TCP");
  EXPECT_EQ(name_of(TransportKind::kTls), "TLS");
  EXPECT_EQ(name_of(TransportKind::kWs), "WS");
  EXPECT_EQ(name_of(TransportKind::kWss), "WSS");
  EXPECT_FALSE(is_reliable(TransportKind::kUdp));
  EXPECT_TRUE(is_reliable(TransportKind::kWss));
}

TEST(ManualClock, SmallStepsAddUpOnTheWallToo) {
  using namespace std::chrono_literals;
  ManualClock clock;
  auto start = clock.now();
  auto wall = clock.wall();
  for (int i = 0; i < 10'000; ++i) clock.advance(100us);
  EXPECT_EQ(clock.now() - start, 1s);
  EXPECT_EQ(clock.wall() - wall, 1s);
}

}  // namespace
}  // namespace lamplighter
