#include "service/recent_presses.h"

#include <gtest/gtest.h>

namespace lamplighter::service {
namespace {

using namespace std::chrono_literals;

constexpr WallTime kStart{std::chrono::milliseconds{1'700'000'000'000}};

TEST(RecentPresses, CountsAPressOnce) {
  RecentPresses presses;
  EXPECT_TRUE(presses.first({1, kStart}));
  EXPECT_FALSE(presses.first({1, kStart + 31s}));
  EXPECT_TRUE(presses.first({2, kStart + 31s}));
}

TEST(RecentPresses, ForgetsWhatNobodyRepeatsAnyMore) {
  RecentPresses presses;
  for (std::uint64_t id = 0; id < 1000; ++id) presses.first({id, kStart});
  presses.first({5000, kStart + RecentPresses::kWindow});
  EXPECT_EQ(presses.size(), 1001u);
  presses.first({5001, kStart + RecentPresses::kWindow + 1ms});
  EXPECT_EQ(presses.size(), 2u);
}

TEST(RecentPresses, RemembersAcrossARestart) {
  RecentPresses presses;
  presses.restore(7, kStart);
  presses.restore(7, kStart);
  EXPECT_FALSE(presses.first({7, kStart + 10s}));
  EXPECT_EQ(presses.size(), 1u);
}

TEST(RecentPresses, AClockThatIsSetBackForgetsNothingTooEarly) {
  RecentPresses presses;
  presses.first({1, kStart});
  presses.first({2, kStart - 24h});
  EXPECT_FALSE(presses.first({1, kStart - 24h}));
}

}  // namespace
}  // namespace lamplighter::service
