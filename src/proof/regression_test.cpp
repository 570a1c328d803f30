#include <gtest/gtest.h>

#include "proof/world.h"

// Histories that once broke a promise, as short as they could be made.
namespace lamplighter::proof {
namespace {

void expect_kept(std::string_view text) {
  const auto history = History::parse(text);
  ASSERT_TRUE(history) << history.error();
  const auto verdict = play(*history);
  EXPECT_FALSE(verdict.failure) << "(" << verdict.failure->invariant << ") " << verdict.failure->what;
}

//  phone, port 5300   port 5301   server
//    |-- INVITE 433 ------ . . . -->|      late
//    |                  |-- REGISTER -->|
//    |                            --|--->     the INVITE arrives: is the phone at 5300 again?
//    |   X<------------ MESSAGE ----|      nobody is there, for as long as the registration lasts
TEST(Regression, ALateDatagramFromWhereThePhoneWasDoesNotKeepItDark) {
  expect_kept(R"(
    phones 101 101 102 103
    workers 1
    seed 125
    net loss=0.30,dup=0.00,reorder=0.20,delay=51ms,jitter=60ms,reorder_by=30ms,seed=282
    move 2
    dial 3 433
    move 3
  )");
  expect_kept(R"(
    phones 101 102
    workers 1
    seed 834
    net loss=0.10,dup=0.10,reorder=0.20,delay=71ms,jitter=80ms,reorder_by=130ms,seed=702
    dial 1 431
    move 1
  )");
}

// The board clears key 2; before that is stored, somebody clears it once more. That is no change, but no reason to say
// that it is stored either.
TEST(Regression, AWriteThatChangesNothingIsAcknowledgedWhenItsStateIsStored) {
  expect_kept(R"(
    phones 101
    workers 1
    seed 226
    dial 1 433
    wait 1
    board 101 3=off
    clear 101 2
    crash 0
  )");
  expect_kept(R"(
    phones 101
    workers 1
    seed 756
    disk-fail
    board 101 1=on 2=off 3=on
    board 101 2=message
    clear 101 1
    crash 2
  )");
}

// The clock is set while the server is down: presses half a second old look twenty minutes old.
TEST(Regression, APressIsKnownAfterARestartWhateverTheClockSays) {
  expect_kept(R"(
    phones 101
    workers 1
    seed 50462
    wait 1000
    dial 1 441
    wall 1155
    unplug 1
    wait 10
    crash 2
  )");
  expect_kept(R"(
    phones 101
    workers 1
    seed 957
    dial 1 441
    net delay=41ms,jitter=60ms,seed=409
    wait 7
    wall 430
    move 1
    crash 0
  )");
}

// The phone dialled before any key was set; the look at the registrations that follows must not undo that it calls from
// another port than it registered from.
TEST(Regression, TheFirstCallersWayIsKept) {
  expect_kept(R"(
    phones 101 101 102
    workers 1
    seed 121
    dial 3 441
    crash 1
    move 3
    wait 1
    dial 3 431
  )");
}

// A press by MESSAGE has no Contact: from a new port it is a stranger's. The code that is dialled from there has one,
// and the server sees that both are one phone.
TEST(Regression, AStrangerWhoTurnsOutToBeAPhoneIsNotToldTwice) {
  expect_kept(R"(
    phones 101 101
    workers 1
    seed 50017
    disk-fail
    write 101 3 message toggle-by-message
    wait 6
    move 1
    press 1 3
    dial 1 433
    wait 8
  )");
}

// The same stranger presses again, from where the phone has dialled meanwhile: by its address that is the phone.
TEST(Regression, AStrangerDoesNotFollowAPhoneToItsNewPort) {
  expect_kept(R"(
    phones 101 102
    workers 1
    seed 14048
    write 101 1 hold toggle-by-message
    wait 7
    crash 3
    move 1
    start
    press 1 1
    move 1
    dial 1 431
    press 1 1
  )");
}

// The phone presses a key that is another one by now: what it dials now counts, and dialling a code again sends again.
TEST(Regression, APressOfAKeyThatHasChangedMeanwhileIsACodeDialledAgain) {
  expect_kept(R"(
    phones 101 101 102 103
    workers 1
    seed 42103
    write 101 3 off toggle-by-message
    dial 2 432
    wait 8
    write 101 3 on invite
    press 2 3
  )");
}

// The press could not be stored; half a second later the state that it led to was. The phone presses on, after a crash.
TEST(Regression, APressThatWasRefusedByTheStoreIsStoredWithTheStateItLedTo) {
  expect_kept(R"(
    phones 101 101
    workers 1
    seed 51320
    write 101 3 off message
    wait 7
    disk-fail
    press 1 3
    unplug 1
    wait 5
    disk-heal
    wait 612
    crash 2
  )");
}

// A press that was late, from the port that the phone has left: a stranger's for the server, told when that port is
// quiet.
TEST(Regression, AStrangerIsToldWhatThePhoneHasConfirmed) {
  expect_kept(R"(
    phones 101 101 102
    workers 1
    seed 61236
    write 101 4 message message
    wait 6
    net loss=0.10,dup=0.10,reorder=0.20,delay=71ms,jitter=80ms,reorder_by=180ms,seed=4372
    dial 2 431
    write 101 3 off invite
    wait 674
    clear 101 3
    dial 2 433
    press 2 4
    net loss=0.40,dup=0.00,reorder=0.10,delay=51ms,jitter=0ms,reorder_by=130ms,seed=2683
    move 2
    press 2 2
    wait 93
  )");
}

// What a phone shows looks like an old state, and is the one that the failing disk has lost: the loss that is allowed.
TEST(Regression, ALossIsALossAlsoWhenItLooksLikeSomethingOlder) {
  expect_kept(R"(
    phones 101 101
    workers 1
    seed 170470
    dial 2 441
    dial 2 441
    dial 1 431
    wait 94
    press 2 2
    disk-fail
    wait 9
    crash 1
  )");
}

// All lamps are right when the network is mended; then a code arrives that was dialled before, from a port that the
// phone has left.
TEST(Regression, AnOrderUnderWayIsWaitedFor) {
  expect_kept(R"(
    phones 101 101
    workers 1
    seed 170543
    dial 2 433
    net loss=0.05,dup=0.00,reorder=0.20,delay=61ms,jitter=40ms,reorder_by=30ms,seed=3047
    dial 1 431
    move 2
    move 1
  )");
}

// The old port is heard of before and after the registration from the new one: twice the phone has moved there.
TEST(Regression, APortThatIsHeardOfAgainAfterARegistrationIsAMove) {
  expect_kept(R"(
    phones 101 102
    workers 1
    seed 393569
    net loss=0.40,dup=0.30,reorder=0.10,delay=1ms,jitter=40ms,reorder_by=80ms,seed=4520
    write 101 3 message toggle
    dial 1 433
    dial 1 441
    net loss=0.20,dup=0.20,reorder=0.10,delay=1ms,jitter=20ms,reorder_by=80ms,seed=3676
    dial 1 441
    move 1
  )");
}

// A phone whose registration could not be stored presses from its new port, and is a stranger there; the code that it
// dials next says who it is. The stranger's request is given up, and the phone told when that cannot arrive any more.
TEST(Regression, AStrangerWhoTurnsOutToBeAPhoneIsToldAfterAPause) {
  expect_kept(R"(
    phones 101 101 102 103
    workers 1
    seed 875818
    write 101 3 hold toggle-by-message
    wait 8
    write 102 2 off message
    unplug 3
    reboot 3
    move 1
    write 101 3 off toggle-by-message
    wait 3
    disk-fail
    wait 3
    move 2
    net loss=0.30,dup=0.20,reorder=0.10,delay=41ms,jitter=20ms,reorder_by=130ms,seed=175
    wait 909
    wait 2757
    net loss=0.35,dup=0.20,reorder=0.30,delay=61ms,jitter=80ms,reorder_by=30ms,seed=2030
    dial 1 431
    press 1 3
    plug 3
    wait 3026
  )");
}

}  // namespace
}  // namespace lamplighter::proof
