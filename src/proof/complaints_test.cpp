#include <gtest/gtest.h>

#include "proof/world.h"

// The complaints heard most about lamps, and what else the proof would notice: each history goes well, and goes wrong
// when the mechanism that is there for it is taken out.
namespace lamplighter::proof {
namespace {

struct Case {
  std::string_view history;
  char invariant;  ///< broken without the mechanism
  Without without;
};

void expect_needed(const Case& test) {
  const auto history = History::parse(test.history);
  ASSERT_TRUE(history) << history.error();
  const auto with = play(*history);
  EXPECT_FALSE(with.failure) << with.failure->what;
  const auto verdict = play(*history, {.without = test.without, .trace = {}});
  ASSERT_TRUE(verdict.failure) << "nobody noticed that the mechanism was missing";
  EXPECT_EQ(verdict.failure->invariant, test.invariant) << verdict.failure->what;
}

//  phone           server
//    |<-- MESSAGE ---|      on
//    |  (reboots)    |      the lamp is dark
//    |-- REGISTER -->|      a new Call-ID
//    |<-- MESSAGE ---|      on
TEST(Complaints, StaleAfterReboot) {
  expect_needed({.history = R"(
    phones 101
    write 101 1 on invite
    wait 1000
    reboot 1
    wait 5000
  )",
                 .invariant = 'a',
                 .without = {.registration_news = true}});
}

//  phone 1         server         phone 2
//    |-- INVITE 431 ->|              |
//    |<--- MESSAGE ---|-- MESSAGE -->|      on
//    |-- INVITE 432 ->|              |
//    |<--- MESSAGE ---|-- MESSAGE -->|      off
TEST(Complaints, NotFollowingChangesElsewhere) {
  expect_needed({.history = R"(
    phones 101 101
    dial 1 431
    wait 1000
    dial 1 432
    wait 1000
  )",
                 .invariant = 'a',
                 .without = {.other_contacts = true}});
}

//  phone           server
//    |    X- MESSAGE |      and every copy of it, for 32 s
//    |    (mended)   |
//    |<-- MESSAGE ---|      at the next try
TEST(Complaints, StuckAfterLoss) {
  expect_needed({.history = R"(
    phones 101
    write 101 1 on invite
    wait 1000
    net loss=1
    write 101 1 off invite
    wait 60000
  )",
                 .invariant = 'a',
                 .without = {.retries = true}});
}

//  phone           server
//    |-- INVITE 441 ->|      flips; stored
//    |  X<--- 404 ----|
//    |     (crash)    |
//    |-- INVITE 441 ->|      the same one, sent again: answered, nothing more
TEST(Complaints, APressTwiceAfterARestart) {
  expect_needed({.history = R"(
    phones 101
    wait 1000
    dial 1 441
    unplug 1
    wait 20
    crash 0
    start
    plug 1
    wait 10000
  )",
                 .invariant = 'b',
                 .without = {.remembered_presses = true}});
}

TEST(Complaints, EverythingAgainAfterARestart) {
  expect_needed({.history = R"(
    phones 101
    write 101 1 on invite
    wait 5000
    crash 0
    start
    wait 5000
  )",
                 .invariant = 'c',
                 .without = {.kept_confirmations = true}});
}

TEST(Complaints, AWriteThatWasAcknowledgedIsGone) {
  expect_needed({.history = R"(
    phones 101
    write 101 1 on invite
    crash 0
    start
  )",
                 .invariant = 'e',
                 .without = {.waiting_for_store = true}});
}

}  // namespace
}  // namespace lamplighter::proof
