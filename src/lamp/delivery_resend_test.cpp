#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "lamp/delivery_test.h"

namespace lamplighter::lamp {
namespace {

using namespace std::chrono_literals;
using State = DeliveryState;
using testing::IsEmpty;

// --- The reasons to send again

TEST(Delivery, APhoneThatBootedIsToldEverythingAgain) {
  OneContact contact;
  contact.pace.batch = 9;
  contact.light("1", Light::kOn);
  const auto refused = contact.light("2", Light::kOn);
  for (const int status : {200, 415}) {
    contact.pace.batch = 1;
    contact.send();
    contact.answer(status);
  }
  EXPECT_EQ(contact.plan(), "settled");
  contact.reborn();
  contact.pace.batch = 9;
  EXPECT_EQ(contact.plan(), "sends 2 1") << "new firmware may take what the old one refused";
  EXPECT_EQ(contact.state(refused), State::kPending);
  EXPECT_EQ(contact.delivery.progress(0).confirmed, 0u);
}

TEST(Delivery, KeysThatAreConfirmedDarkAreDarkAfterABoot) {
  OneContact contact;
  const auto cleared = contact.light("1", Light::kOn);
  const auto unconfirmed = contact.light("2", Light::kOn);
  contact.clear("1");
  contact.send();
  contact.answer(200);
  contact.clear("2");
  contact.reborn();
  EXPECT_EQ(contact.state(cleared), State::kConfirmed);
  EXPECT_EQ(contact.state(unconfirmed), State::kPending);
  EXPECT_EQ(contact.plan(), "sends 2");
}

TEST(Delivery, ADarkKeyWithALabelIsToldAgainAfterABoot) {
  OneContact contact;
  contact.light("1", Light::kOff);
  contact.send();
  contact.answer(200);
  contact.reborn();
  EXPECT_EQ(contact.plan(), "sends 1");
}

//  server               phone
//    | MESSAGE (v1)      |
//    |------------------>|
//    |<---- REGISTER ----|      booted: what v1 lit may be dark again
//    |<------ 200 -------|      of the life before, or of this one: who knows
//    | MESSAGE (v1)      |
//    |------------------>|
TEST(Delivery, AnAnswerToARequestFromBeforeTheBootCountsForNothing) {
  for (const int status : {200, 415, 503}) {
    OneContact contact;
    const auto slot = contact.light("2", Light::kOn);
    const auto attempt = contact.send();
    contact.reborn();
    EXPECT_EQ(contact.plan(), "under way") << "never two at a time";
    EXPECT_THAT(contact.answer(status), IsEmpty());
    EXPECT_EQ(contact.state(slot), State::kPending) << status;
    EXPECT_EQ(contact.plan(), "sends 2");
    EXPECT_EQ(contact.send(), attempt + 1);
    EXPECT_EQ(contact.answer(200).size(), 1u) << "the second one counts";
  }
}

TEST(Delivery, SilenceOfAPhoneThatBootedMeanwhileIsNotHeldAgainstIt) {
  OneContact contact;
  const auto slot = contact.light("2", Light::kOn);
  contact.send();
  contact.reborn();
  contact.time_out();
  EXPECT_EQ(contact.state(slot), State::kPending);
  EXPECT_EQ(contact.delivery.waits_until(), std::nullopt);
  EXPECT_EQ(contact.plan(), "waits 5s") << "the old request's last copy";
  contact.now += 5s;
  contact.send();
  contact.time_out();
  EXPECT_EQ(contact.state(slot), State::kUnreachable) << "the second one counts";
}

TEST(Delivery, APhoneThatMovedIsNoLongerWaitedForAtItsOldAddress) {
  OneContact contact;
  contact.light("2", Light::kOn);
  const auto old = contact.send();
  contact.reborn(true);
  EXPECT_FALSE(contact.delivery.in_flight());
  EXPECT_THAT(contact.delivery.carried(), IsEmpty());
  EXPECT_NE(contact.delivery.attempt(), old);
  EXPECT_EQ(contact.plan(), "sends 2");
  const auto fresh = contact.send();
  EXPECT_THAT(contact.delivery.answered(old, 200, {}, contact.timing, contact.random, contact.now), IsEmpty());
  contact.delivery.timed_out(old, contact.timing, contact.random, contact.now);
  EXPECT_EQ(contact.plan(), "under way") << "the old attempt's outcomes are nobody's";
  EXPECT_EQ(contact.delivery.answered(fresh, 200, {}, contact.timing, contact.random, contact.now).size(), 1u);
}

TEST(Delivery, AContactReachedAnotherWayKeepsWhatItConfirmedAndOnlyLosesWhatWasUnderWay) {
  OneContact contact;
  contact.light("1", Light::kOn);
  contact.send();
  contact.answer(200);
  contact.light("2", Light::kOn);
  const auto old = contact.send();
  contact.delivery.abandon();
  EXPECT_FALSE(contact.delivery.in_flight());
  EXPECT_THAT(contact.delivery.carried(), IsEmpty());
  EXPECT_THAT(contact.delivery.answered(old, 200, {}, contact.timing, contact.random, contact.now), IsEmpty());
  EXPECT_EQ(contact.state(0), State::kConfirmed);
  EXPECT_EQ(contact.plan(), "sends 2");
}

TEST(Delivery, ANewWayIsQuietOnlyAsLongAsTheOwnerSays) {
  OneContact contact;
  contact.light("1", Light::kOn);
  contact.send();
  contact.time_out();
  contact.delivery.heard(contact.now);
  EXPECT_EQ(contact.plan(), "waits 5s");
  EXPECT_EQ(contact.delivery.quiet_until(), contact.now + 5s);
  contact.delivery.abandon();
  EXPECT_EQ(contact.plan(), "sends 1") << "nothing was sent there yet";
  contact.delivery.keep_quiet(contact.now + 3s);
  contact.delivery.keep_quiet(contact.now + 2s);
  EXPECT_EQ(contact.plan(), "waits 3s") << "a shorter silence does not end a longer one";
  contact.reborn(true);
  EXPECT_EQ(contact.plan(), "waits 3s") << "nor does a boot";
}

TEST(Delivery, ARequestIsStaleFromTheBootUntilItEnds) {
  OneContact contact;
  contact.light("2", Light::kOn);
  contact.reborn();
  EXPECT_FALSE(contact.delivery.stale()) << "nothing was under way";
  for (void (*end)(OneContact&) :
       {+[](OneContact& each) { each.answer(200); }, +[](OneContact& each) { each.time_out(); },
        +[](OneContact& each) { each.reborn(true); }, +[](OneContact& each) { each.delivery.abandon(); }}) {
    contact.now += 5s;
    contact.send();
    EXPECT_FALSE(contact.delivery.stale());
    contact.reborn();
    EXPECT_TRUE(contact.delivery.stale());
    end(contact);
    EXPECT_FALSE(contact.delivery.stale());
  }
}

TEST(Delivery, BehindCountsWhatIsToBeSentNowOrLater) {
  OneContact contact;
  EXPECT_EQ(contact.delivery.behind(contact.desired), 0u);
  for (const auto name : {"1", "2", "3"}) contact.light(name, Light::kOn);
  contact.change("4", Key{.light = Light::kOn});
  EXPECT_EQ(contact.delivery.behind(contact.desired), 3u) << "4 waits for the store";
  contact.send();
  contact.answer(200);
  contact.send();
  contact.answer(415);
  EXPECT_EQ(contact.delivery.behind(contact.desired), 1u);
  contact.send();
  contact.time_out();
  EXPECT_EQ(contact.delivery.behind(contact.desired), 1u);
}

TEST(Delivery, ADoubtedKeyIsSentAgainAndOnlyThatOne) {
  OneContact contact;
  contact.pace.batch = 2;
  const auto doubted = contact.light("1", Light::kOn);
  contact.light("2", Light::kOn);
  contact.send();
  contact.answer(200);
  contact.delivery.doubt(doubted);
  EXPECT_EQ(contact.state(doubted), State::kPending);
  EXPECT_EQ(contact.delivery.progress(doubted).look, Look{});
  EXPECT_EQ(contact.plan(), "sends 1");
  contact.delivery.doubt(700);  // a slot nobody has heard of
  EXPECT_EQ(contact.plan(), "sends 1");
}

//  server               phone
//    | MESSAGE 1, 2      |
//    |------------------>|
//    |<--- INVITE 431 ---|      "what does key 1 show?" asked after it was sent
//    |<------ 200 -------|
//    | MESSAGE 1         |
//    |------------------>|
TEST(Delivery, OnlyWhatIsSentAfterTheDoubtSettlesIt) {
  for (const int status : {200, 415}) {
    OneContact contact;
    contact.pace.batch = 2;
    contact.light("1", Light::kOn);
    contact.light("2", Light::kOn);
    contact.send();
    contact.delivery.doubt(0);
    EXPECT_EQ(contact.delivery.carried().size(), 2u) << "both are under way, whatever becomes of them";
    EXPECT_EQ(contact.answer(status).size(), status == 200 ? 1u : 0u);
    EXPECT_EQ(contact.state(0), State::kPending);
    EXPECT_EQ(contact.state(1), status == 200 ? State::kConfirmed : State::kRefused);
    EXPECT_EQ(contact.plan(), "sends 1");
    contact.send();
    EXPECT_EQ(contact.answer(200).size(), 1u);
    EXPECT_EQ(contact.plan(), "settled");
  }
}

// --- What the store knows

TEST(Delivery, NothingIsSentBeforeTheStoreHasSomethingNewerThanWhatWasConfirmed) {
  OneContact contact;
  const auto slot = contact.change("2", Key{.light = Light::kOn});
  EXPECT_EQ(contact.plan(), "settled") << "a crash now would forget that the key is lit";
  EXPECT_EQ(contact.state(slot), State::kPending);
  contact.desired.release(slot, contact.desired.version(slot));
  EXPECT_EQ(contact.plan(), "sends 2");
  contact.send();
  contact.answer(200);

  const auto second = contact.desired.version(contact.change("2", Key{.light = Light::kHold}));
  EXPECT_EQ(contact.plan(), "settled");
  contact.change("2", Key{.light = Light::kPark});
  contact.desired.release(slot, second);
  EXPECT_EQ(contact.plan(), "sends 2")
      << "a crash now would bring back the second state, which is not the confirmed one";
  contact.send();
  EXPECT_EQ(contact.answer(200).at(0).look, Look{Light::kPark});
}

TEST(Delivery, ADoubtDoesNotLetAnUnstoredStateOut) {
  OneContact contact;
  const auto slot = contact.light("2", Light::kOn);
  contact.send();
  contact.answer(200);
  contact.change("2", Key{.light = Light::kHold});
  contact.delivery.doubt(slot);
  EXPECT_EQ(contact.plan(), "settled") << "the store says: on, and confirmed";
  contact.desired.release(slot, contact.desired.version(slot));
  EXPECT_EQ(contact.plan(), "sends 2");
}

TEST(Delivery, AfterARestartOnlyWhatIsNotConfirmedIsSent) {
  OneContact contact;
  contact.desired.restore({"1", Key{.light = Light::kOn}, 5});
  contact.desired.restore({"2", Key{.light = Light::kOn}, 7});
  contact.delivery.restore(0, 5, Look{Light::kOn});
  contact.delivery.restore(1, 6, Look{Light::kHold});
  EXPECT_EQ(contact.state(0), State::kConfirmed);
  EXPECT_EQ(contact.delivery.progress(1).look, Look{Light::kHold});
  EXPECT_EQ(contact.plan(), "sends 2");
}

// The confirmation of a state can reach the store, and the crash come before the state itself does.
TEST(Delivery, AStateWhoseConfirmedSuccessorWasLostIsSentAgain) {
  OneContact contact;
  contact.desired.restore({"1", Key{.light = Light::kOn}, 5});
  contact.delivery.restore(0, 6, Look{Light::kHold});
  EXPECT_EQ(contact.state(0), State::kPending);
  EXPECT_EQ(contact.plan(), "sends 1");
  contact.send();
  EXPECT_EQ(contact.answer(200).at(0).look, Look{Light::kOn});
  EXPECT_EQ(contact.plan(), "settled");
}

}  // namespace
}  // namespace lamplighter::lamp
