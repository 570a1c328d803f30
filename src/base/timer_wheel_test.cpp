#include "base/timer_wheel.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <map>

namespace lamplighter {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr TimePoint kStart{std::chrono::hours{1}};

std::vector<std::uint64_t> advance(TimerWheel& wheel, TimePoint now) {
  std::vector<std::uint64_t> fired;
  wheel.advance(now, [&](const TimerWheel::Expired& expired) { fired.push_back(expired.owner); });
  return fired;
}

TEST(TimerWheel, FiresAtTheFirstTickNotBefore) {
  TimerWheel wheel(kStart);
  wheel.schedule(kStart + 500us, 1, 0);
  wheel.schedule(kStart + 1ms, 2, 0);
  wheel.schedule(kStart + 1001us, 3, 0);
  EXPECT_THAT(advance(wheel, kStart + 999us), IsEmpty());
  EXPECT_THAT(advance(wheel, kStart + 1ms), ElementsAre(1, 2));
  EXPECT_THAT(advance(wheel, kStart + 1999us), IsEmpty());
  EXPECT_THAT(advance(wheel, kStart + 2ms), ElementsAre(3));
  EXPECT_EQ(wheel.size(), 0u);
  EXPECT_EQ(wheel.next(), std::nullopt);
}

TEST(TimerWheel, HandsOverOwnerAndKind) {
  TimerWheel wheel(kStart);
  wheel.schedule(kStart + 1ms, 0xffff'ffff'ffff'ffff, 7);
  TimerWheel::Expired seen{};
  wheel.advance(kStart + 1ms, [&](const TimerWheel::Expired& expired) { seen = expired; });
  EXPECT_EQ(seen.owner, 0xffff'ffff'ffff'ffff);
  EXPECT_EQ(seen.kind, 7u);
}

TEST(TimerWheel, OneJumpFiresTimersOfAllLevelsEarliestFirst) {
  TimerWheel wheel(kStart);
  wheel.schedule(kStart + 20h * 24, 6, 0);
  wheel.schedule(kStart + 5h, 5, 0);
  wheel.schedule(kStart + 64s, 4, 0);
  wheel.schedule(kStart + 65ms, 2, 0);
  wheel.schedule(kStart + 500ms, 3, 0);
  wheel.schedule(kStart + 64ms, 1, 0);
  EXPECT_THAT(advance(wheel, kStart + 30h * 24), ElementsAre(1, 2, 3, 4, 5, 6));
}

TEST(TimerWheel, EqualTicksFireInTheOrderTheyWereScheduled) {
  TimerWheel wheel(kStart);
  wheel.schedule(kStart + 70s, 1, 0);  // comes down two levels
  advance(wheel, kStart + 66s);
  wheel.schedule(kStart + 70s, 2, 0);  // one
  advance(wheel, kStart + 69'900ms);
  wheel.schedule(kStart + 70s, 3, 0);
  EXPECT_THAT(advance(wheel, kStart + 70s), ElementsAre(1, 2, 3));
}

TEST(TimerWheel, TimersBeyondItsReachAreExactToo) {
  TimerWheel wheel(kStart);
  const Duration reach = std::chrono::milliseconds{std::int64_t{1} << 32};
  wheel.schedule(kStart + 3 * reach + 5ms, 3, 0);
  wheel.schedule(kStart + reach + 1ms, 1, 0);
  wheel.schedule(TimePoint::max(), 4, 0);
  wheel.schedule(kStart + reach + 2ms, 2, 0);
  EXPECT_THAT(advance(wheel, kStart + reach), IsEmpty());
  EXPECT_THAT(advance(wheel, kStart + reach + 1ms), ElementsAre(1));
  EXPECT_THAT(advance(wheel, kStart + 3 * reach + 4ms), ElementsAre(2));
  EXPECT_THAT(advance(wheel, kStart + 3 * reach + 5ms), ElementsAre(3));
  EXPECT_EQ(wheel.size(), 1u);
}

TEST(TimerWheel, RunsOnAcrossTheEndOfItsTopLevel) {
  TimerWheel wheel(kStart);
  const Duration reach = std::chrono::milliseconds{std::int64_t{1} << 32};
  advance(wheel, kStart + reach - 10ms);
  wheel.schedule(kStart + reach + 90ms, 2, 0);
  wheel.schedule(kStart + reach - 1ms, 1, 0);
  EXPECT_THAT(advance(wheel, kStart + reach + 89ms), ElementsAre(1));
  EXPECT_THAT(advance(wheel, kStart + reach + 90ms), ElementsAre(2));
}

TEST(TimerWheel, CancelStopsATimerOnce) {
  TimerWheel wheel(kStart);
  auto handle = wheel.schedule(kStart + 10ms, 1, 0);
  EXPECT_TRUE(wheel.cancel(handle));
  EXPECT_FALSE(wheel.cancel(handle));
  EXPECT_FALSE(wheel.cancel({}));
  EXPECT_FALSE(wheel.cancel({12345, 1}));
  EXPECT_EQ(wheel.size(), 0u);
  EXPECT_THAT(advance(wheel, kStart + 1s), IsEmpty());
}

TEST(TimerWheel, AnOldHandleDoesNotTouchTheTimerThatTookItsPlace) {
  TimerWheel wheel(kStart);
  auto old = wheel.schedule(kStart + 10ms, 1, 0);
  advance(wheel, kStart + 10ms);
  auto young = wheel.schedule(kStart + 20ms, 2, 0);
  EXPECT_EQ(young.slot, old.slot);
  EXPECT_FALSE(wheel.cancel(old));
  EXPECT_THAT(advance(wheel, kStart + 20ms), ElementsAre(2));
}

TEST(TimerWheel, WhatFireSchedulesForNowFiresInTheNextCall) {
  TimerWheel wheel(kStart);
  wheel.schedule(kStart + 1ms, 1, 0);
  std::vector<std::uint64_t> fired;
  auto again = [&](const TimerWheel::Expired& expired) {
    fired.push_back(expired.owner);
    if (expired.owner < 3) wheel.schedule(kStart, expired.owner + 1, 0);
  };
  wheel.advance(kStart + 1ms, again);
  EXPECT_THAT(fired, ElementsAre(1));
  EXPECT_LE(wheel.next(), kStart + 1ms);
  wheel.advance(kStart + 1ms, again);
  EXPECT_THAT(fired, ElementsAre(1, 2));
  wheel.advance(kStart + 1ms, again);
  EXPECT_THAT(fired, ElementsAre(1, 2, 3));
}

TEST(TimerWheel, FireMayCancelWhatIsDueAndReuseItsPlace) {
  TimerWheel wheel(kStart);
  TimerHandle second;
  wheel.schedule(kStart + 1ms, 1, 0);
  second = wheel.schedule(kStart + 1ms, 2, 0);
  std::vector<std::uint64_t> fired;
  wheel.advance(kStart + 5ms, [&](const TimerWheel::Expired& expired) {
    fired.push_back(expired.owner);
    if (expired.owner != 1) return;
    EXPECT_TRUE(wheel.cancel(second));
    EXPECT_FALSE(wheel.cancel(second));
    wheel.schedule(kStart + 6ms, 3, 0);
  });
  EXPECT_THAT(fired, ElementsAre(1));
  EXPECT_THAT(advance(wheel, kStart + 6ms), ElementsAre(3));
}

TEST(TimerWheel, NextIsExactWhenNearAndNeverLate) {
  TimerWheel wheel(kStart);
  EXPECT_EQ(wheel.next(), std::nullopt);
  wheel.schedule(kStart + 200ms, 1, 0);
  EXPECT_EQ(wheel.next(), kStart + 200ms);
  wheel.schedule(kStart + 3ms, 2, 0);
  EXPECT_EQ(wheel.next(), kStart + 3ms);
  advance(wheel, kStart + 200ms);
  wheel.schedule(kStart + 40h, 3, 0);
  int calls = 0;
  while (wheel.size() > 0) {
    ASSERT_LE(wheel.next(), kStart + 40h);
    advance(wheel, *wheel.next());
    ASSERT_LT(++calls, 10);
  }
}

// Against the plainest model there is: a sorted list of everything that waits.
RC_GTEST_PROP(TimerWheel, BehavesLikeASortedList, ()) {
  struct Waiting {
    std::int64_t tick;
    std::uint64_t order;
    TimerHandle handle;
  };
  TimerWheel wheel(kStart);
  std::map<std::uint64_t, Waiting> model;  // by owner
  std::vector<std::pair<std::uint64_t, TimerHandle>> ever;
  std::uint64_t owners = 0;
  std::int64_t now_us = 0;
  auto span = [] {  // microseconds, of every magnitude up to 100 days
    auto magnitude = *rc::gen::inRange(0, 44);
    return *rc::gen::inRange<std::int64_t>(0, std::int64_t{1} << magnitude);
  };
  auto now_tick = [&] { return now_us / 1000; };

  auto steps = *rc::gen::inRange(1, 120);
  for (int i = 0; i < steps; ++i) {
    switch (*rc::gen::weightedElement<int>({{5, 0}, {2, 1}, {3, 2}, {1, 3}})) {
      case 0: {
        auto at = now_us + span() - *rc::gen::element<std::int64_t>(0, 0, 0, 5000);
        auto owner = ++owners;
        auto handle = wheel.schedule(kStart + std::chrono::microseconds{at}, owner, 1);
        std::int64_t tick = at <= 0 ? 0 : (at + 999) / 1000;
        model[owner] = {std::max(tick, now_tick()), owner, handle};  // what is late is due now
        ever.emplace_back(owner, handle);
        break;
      }
      case 1: {
        if (ever.empty()) break;
        auto [owner, handle] = ever[*rc::gen::inRange<std::size_t>(0, ever.size())];
        RC_ASSERT(wheel.cancel(handle) == (model.erase(owner) == 1));
        break;
      }
      case 2:
      case 3: {
        now_us += span();
        std::vector<std::pair<std::pair<std::int64_t, std::uint64_t>, std::uint64_t>> due;
        for (const auto& [owner, waiting] : model) {
          if (waiting.tick <= now_tick()) due.push_back({{waiting.tick, waiting.order}, owner});
        }
        std::sort(due.begin(), due.end());
        std::vector<std::uint64_t> expected;
        for (const auto& [when, owner] : due) {
          expected.push_back(owner);
          model.erase(owner);
        }
        RC_ASSERT(advance(wheel, kStart + std::chrono::microseconds{now_us}) == expected);
        break;
      }
    }
    RC_ASSERT(wheel.size() == model.size());
    RC_ASSERT(wheel.next().has_value() == !model.empty());
    for (const auto& [owner, waiting] : model) {
      RC_ASSERT((*wheel.next() <= kStart + std::chrono::milliseconds{waiting.tick}));
    }
  }
}

}  // namespace
}  // namespace lamplighter
