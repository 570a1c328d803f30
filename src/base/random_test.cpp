#include "base/random.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace lamplighter {
namespace {

TEST(Random, TheSameSeedGivesTheSameNumbers) {
  Random a(42), b(42), c(43);
  bool differs = false;
  for (int i = 0; i < 100; ++i) {
    auto value = a.next();
    EXPECT_EQ(value, b.next());
    differs |= value != c.next();
  }
  EXPECT_TRUE(differs);
}

TEST(Random, BelowStaysBelowAndReachesEverything) {
  Random random(1);
  std::array<int, 7> counts{};
  for (int i = 0; i < 70'000; ++i) ++counts.at(random.below(7));
  for (int count : counts) EXPECT_NEAR(count, 10'000, 500);
  EXPECT_EQ(random.below(1), 0u);
}

TEST(Random, ChanceIsTrueAsOftenAsAsked) {
  Random random(1);
  int heads = 0;
  for (int i = 0; i < 100'000; ++i) heads += random.chance(0.1);
  EXPECT_NEAR(heads, 10'000, 500);
  for (int i = 0; i < 1000; ++i) {
    EXPECT_FALSE(random.chance(0));
    EXPECT_TRUE(random.chance(1));
    double unit = random.unit();
    EXPECT_GE(unit, 0);
    EXPECT_LT(unit, 1);
  }
}

TEST(Secret, DiffersEveryTime) {
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) seen.insert(secret_hex(16));
  EXPECT_EQ(seen.size(), 100u);
  EXPECT_THAT(secret_hex(16), testing::SizeIs(32));
  EXPECT_EQ(secret_hex(5).find_first_not_of("0123456789abcdef"), std::string::npos);
  EXPECT_EQ(secret_hex(0), "");
  EXPECT_NE(secret_u64(), secret_u64());
}

}  // namespace
}  // namespace lamplighter
