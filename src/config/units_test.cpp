#include "config/units.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace lamplighter::config {
namespace {

using namespace std::chrono_literals;

TEST(Units, ReadsDurationsAndSecondsWithoutUnit) {
  EXPECT_EQ(parse_duration("500ms"), 500ms);
  EXPECT_EQ(parse_duration("5s"), 5s);
  EXPECT_EQ(parse_duration("5"), 5s);
  EXPECT_EQ(parse_duration("2m"), 2min);
  EXPECT_EQ(parse_duration("1h"), 1h);
  EXPECT_EQ(parse_duration("1d"), 24h);
  EXPECT_EQ(parse_duration("0"), 0ms);
  for (const auto bad : {"", "s", "-5s", "5 s", "5sec", "1.5s", "99999999999999999999s", "9999999999999999d"}) {
    EXPECT_EQ(parse_duration(bad), std::nullopt) << bad;
  }
}

TEST(Units, ReadsSizesAndBytesWithoutUnit) {
  EXPECT_EQ(parse_size("4MiB"), 4 << 20);
  EXPECT_EQ(parse_size("64KiB"), 64 << 10);
  EXPECT_EQ(parse_size("1GiB"), 1 << 30);
  EXPECT_EQ(parse_size("512"), 512);
  EXPECT_EQ(parse_size("512B"), 512);
  for (const auto bad : {"", "4MB", "MiB", "-1", "4 MiB", "9999999999999GiB"}) EXPECT_EQ(parse_size(bad), std::nullopt);
}

TEST(Units, FormatsInTheLargestFittingUnit) {
  EXPECT_EQ(format_duration(3600s), "1h");
  EXPECT_EQ(format_duration(90s), "90s");
  EXPECT_EQ(format_duration(1500ms), "1500ms");
  EXPECT_EQ(format_duration(0ms), "0s");
  EXPECT_EQ(format_size(4 << 20), "4MiB");
  EXPECT_EQ(format_size(1000), "1000B");
}

RC_GTEST_PROP(UnitsProperty, WhatIsFormattedIsReadBack, ()) {
  const auto count = *rc::gen::inRange<std::int64_t>(0, std::int64_t{1} << 50);
  RC_ASSERT(parse_duration(format_duration(std::chrono::milliseconds(count))) == std::chrono::milliseconds(count));
  RC_ASSERT(parse_size(format_size(count)) == count);
}

TEST(Units, QuotesTextAndKeysAsTomlWants) {
  EXPECT_EQ(quote("a \"b\" \\ \n"), R"("a \"b\" \\ \u000a")");
  EXPECT_EQ(format_key("431"), "431");
  EXPECT_EQ(format_key("*431"), R"("*431")");
  EXPECT_EQ(format_key(""), R"("")");
}

}  // namespace
}  // namespace lamplighter::config
