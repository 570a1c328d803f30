#include "base/clock.h"

#include <gtest/gtest.h>

namespace lamplighter {
namespace {

using namespace std::chrono_literals;

class JumpGuardTest : public testing::Test {
 protected:
  ManualClock machine;
  const WallTime start = machine.wall();
  const JumpGuard clock{machine};
};

TEST_F(JumpGuardTest, GoesAsTheMachinesClockGoes) {
  for (const auto step : {Duration(1ms), Duration(300us), Duration(700us), Duration(24h)}) {
    machine.advance(step);
    EXPECT_EQ(clock.now(), machine.now());
    EXPECT_EQ(clock.wall(), machine.wall());
  }
  EXPECT_EQ(clock.wall(), start + 24h + 2ms);
  EXPECT_FALSE(clock.jump());
}

TEST_F(JumpGuardTest, AWallClockSetForwardEndsNothingEarly) {
  machine.advance(10s);
  machine.set_wall(machine.wall() + 2h);
  EXPECT_EQ(clock.wall(), start + 10s);
  EXPECT_EQ(clock.jump(), 2h);
  machine.advance(5s);
  EXPECT_EQ(clock.wall(), start + 15s);
  EXPECT_EQ(clock.jump(), 2h) << "still that far off";
}

TEST_F(JumpGuardTest, AWallClockSetBackRevivesNothing) {
  machine.advance(10s);
  machine.set_wall(start - 24h);
  EXPECT_EQ(clock.wall(), start + 10s);
  EXPECT_EQ(clock.jump(), -24h - 10s);
}

TEST_F(JumpGuardTest, SmallCorrectionsAreNoJump) {
  machine.set_wall(start + 2s);
  EXPECT_FALSE(clock.jump());
  machine.set_wall(start - 2s);
  EXPECT_FALSE(clock.jump());
  machine.set_wall(start + 2001ms);
  EXPECT_EQ(clock.jump(), 2001ms);
  machine.set_wall(start - 2001ms);
  EXPECT_EQ(clock.jump(), -2001ms);
}

TEST_F(JumpGuardTest, AClockThatIsSetRightAgainIsNoJumpAnyMore) {
  machine.set_wall(start + 1h);
  ASSERT_TRUE(clock.jump());
  machine.set_wall(start);
  EXPECT_FALSE(clock.jump());
}

TEST_F(JumpGuardTest, TheNextStartTakesTheNewTimeOver) {
  machine.set_wall(start + 1h);
  const JumpGuard next(machine);
  EXPECT_EQ(next.wall(), start + 1h);
  EXPECT_FALSE(next.jump());
}

}  // namespace
}  // namespace lamplighter
