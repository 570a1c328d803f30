#include "load/latency.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace lamplighter::load {
namespace {

using namespace std::chrono_literals;

TEST(Latency, OfNothingIsZero) {
  const Latency latency;
  EXPECT_EQ(latency.count(), 0U);
  EXPECT_EQ(latency.quantile(0.99), 0ns);
  EXPECT_EQ(latency.mean(), 0ns);
}

TEST(Latency, OfOneValueIsThatValue) {
  Latency latency;
  latency.add(1234567ns);
  EXPECT_EQ(latency.quantile(0), 1234567ns);
  EXPECT_EQ(latency.quantile(0.999), 1234567ns);
  EXPECT_EQ(latency.max(), 1234567ns);
}

TEST(Latency, SeparatesTheTailFromTheRest) {
  Latency latency;
  for (int i = 0; i < 990; ++i) latency.add(1ms);
  for (int i = 0; i < 10; ++i) latency.add(500ms);
  EXPECT_NEAR(static_cast<double>(latency.quantile(0.99).count()), 1e6, 1.6e4);
  EXPECT_EQ(latency.quantile(0.999), 500ms);
  EXPECT_EQ(latency.mean(), 5'990us);
}

TEST(Latency, TakesTimesBeyondItsRange) {
  Latency latency;
  latency.add(-5ns);
  latency.add(24h);
  EXPECT_EQ(latency.count(), 2U);
  EXPECT_EQ(latency.quantile(0.5), 0ns);
  EXPECT_EQ(latency.max(), 24h);
}

// The same answer as sorting all values gives, but for the width of a bucket.
RC_GTEST_PROP(Latency, QuantilesAreWithinTwoPercentOfTheExactOnes, ()) {
  const auto values = *rc::gen::nonEmpty(
      rc::gen::container<std::vector<std::int64_t>>(rc::gen::inRange<std::int64_t>(0, 60'000'000'000)));
  const auto share = *rc::gen::elementOf(std::vector<double>{0.1, 0.5, 0.9, 0.99, 0.999});
  Latency latency;
  for (const auto value : values) latency.add(std::chrono::nanoseconds{value});
  auto sorted = values;
  std::ranges::sort(sorted);
  const auto rank = static_cast<std::size_t>(std::ceil(share * static_cast<double>(sorted.size())));
  const auto exact = sorted[std::max<std::size_t>(rank, 1) - 1];
  const auto found = latency.quantile(share).count();
  RC_ASSERT(found >= exact);
  RC_ASSERT(static_cast<double>(found) <= static_cast<double>(exact) * 1.0157 + 1);
}

}  // namespace
}  // namespace lamplighter::load
