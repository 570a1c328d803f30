#include "lamp/delivery_test.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace lamplighter::lamp {
namespace {

using namespace std::chrono_literals;
using std::chrono::seconds;
using State = DeliveryState;
using What = Delivery::Next::What;
using testing::ElementsAre;
using testing::IsEmpty;

TEST(Delivery, ADesiredStateIsSentAndConfirmedBySuccess) {
  OneContact contact;
  EXPECT_EQ(contact.plan(), "settled") << "an empty keyboard has nothing to say";
  const auto slot = contact.light("2", Light::kOn);
  EXPECT_EQ(contact.plan(), "sends 2");
  EXPECT_EQ(contact.state(), State::kPending);
  EXPECT_FALSE(contact.delivery.all_confirmed(contact.desired));

  EXPECT_EQ(contact.send(), 1u);
  EXPECT_TRUE(contact.delivery.in_flight());
  EXPECT_EQ(contact.delivery.sent_at(), contact.now);
  ASSERT_EQ(contact.delivery.carried().size(), 1u);
  EXPECT_EQ(contact.delivery.carried()[0].version, contact.desired.version(slot));
  EXPECT_EQ(contact.plan(), "under way");
  EXPECT_THAT(contact.answer(100), IsEmpty());
  EXPECT_EQ(contact.plan(), "under way") << "a provisional answer says nothing yet";

  const auto confirmed = contact.answer(202);
  ASSERT_EQ(confirmed.size(), 1u);
  EXPECT_EQ(confirmed[0].slot, slot);
  EXPECT_EQ(confirmed[0].version, contact.desired.version(slot));
  EXPECT_EQ(confirmed[0].look, Look{Light::kOn});
  EXPECT_EQ(contact.plan(), "settled");
  EXPECT_EQ(contact.state(), State::kConfirmed);
  EXPECT_EQ(contact.delivery.progress(slot).look, Look{Light::kOn});
  EXPECT_TRUE(contact.delivery.all_confirmed(contact.desired));
  EXPECT_THAT(contact.delivery.carried(), IsEmpty());
}

// Every event in every phase: what the machine does next, and how the key stands. Of each phase: how it stands without
// any event, and with those events that make a difference.
TEST(Delivery, EveryEventInEveryPhase) {
  const std::map<std::string, void (*)(OneContact&)> events = {
      {"answer 180", [](OneContact& contact) { contact.answer(180); }},
      {"answer 200", [](OneContact& contact) { contact.answer(200); }},
      {"answer 302", [](OneContact& contact) { contact.answer(302); }},
      {"answer 480", [](OneContact& contact) { contact.answer(480); }},
      {"timeout", [](OneContact& contact) { contact.time_out(); }},
      {"outcome of another attempt",
       [](OneContact& contact) {
         for (const std::uint32_t other : {contact.delivery.attempt() - 1, contact.delivery.attempt() + 1}) {
           EXPECT_THAT(contact.delivery.answered(other, 200, {}, contact.timing, contact.random, contact.now),
                       IsEmpty());
           contact.delivery.timed_out(other, contact.timing, contact.random, contact.now);
         }
       }},
      {"heard",
       [](OneContact& contact) { EXPECT_EQ(contact.delivery.heard(contact.now), contact.delivery.in_flight()); }},
      {"boot", [](OneContact& contact) { contact.reborn(); }},
      {"boot elsewhere", [](OneContact& contact) { contact.reborn(true); }},
      {"another way",
       [](OneContact& contact) { contact.delivery.abandon(), contact.delivery.keep_quiet(contact.now + 3s); }},
      {"doubt", [](OneContact& contact) { contact.delivery.doubt(0); }},
      {"new state", [](OneContact& contact) { contact.light("2", Light::kHold); }},
  };
  struct Phase {
    const char* name;
    void (*reach)(OneContact&);
    std::string stands;
    std::map<std::string, std::string> with;
  };
  const Phase phases[] = {
      {"to be sent", [](OneContact&) {}, "sends 2, pending", {{"another way", "waits 3s, pending"}}},
      {"under way",
       [](OneContact& contact) { contact.send(); },
       "under way, pending",
       {{"answer 200", "settled, confirmed"},
        {"answer 302", "settled, refused"},
        {"answer 480", "waits 10s, retrying"},
        {"timeout", "waits 10s, unreachable"},
        {"boot elsewhere", "sends 2, pending"},
        {"another way", "waits 3s, pending"}}},
      {"confirmed",
       [](OneContact& contact) { contact.send(), contact.answer(200); },
       "settled, confirmed",
       {{"boot", "sends 2, pending"},
        {"boot elsewhere", "sends 2, pending"},
        {"doubt", "sends 2, pending"},
        {"new state", "sends 2, pending"}}},
      {"refused",
       [](OneContact& contact) { contact.send(), contact.answer(415); },
       "settled, refused",
       {{"boot", "sends 2, pending"},
        {"boot elsewhere", "sends 2, pending"},
        {"doubt", "sends 2, pending"},
        {"new state", "sends 2, pending"}}},
      {"asked to wait",  // whatever is changed or doubted
       [](OneContact& contact) { contact.send(), contact.answer(503); },
       "waits 10s, retrying",
       {{"heard", "sends 2, retrying"}, {"boot", "sends 2, pending"}, {"boot elsewhere", "sends 2, pending"}}},
      {"silent",  // for 5 s an old copy may be under way, whatever is heard or changed
       [](OneContact& contact) { contact.send(), contact.time_out(); },
       "waits 10s, unreachable",
       {{"heard", "waits 5s, unreachable"},
        {"boot", "waits 5s, pending"},
        {"boot elsewhere", "waits 5s, pending"},
        {"new state", "waits 5s, unreachable"}}},
  };
  for (const auto& [name, reach, stands, with] : phases) {
    for (const auto& [event, happen] : events) {
      OneContact contact;
      const auto slot = contact.light("2", Light::kOn);
      reach(contact);
      EXPECT_EQ(contact.plan() + ", " + std::string(name_of(contact.state(slot))), stands) << name;
      happen(contact);
      const auto changed = with.find(event);
      EXPECT_EQ(contact.plan() + ", " + std::string(name_of(contact.state(slot))),
                changed == with.end() ? stands : changed->second)
          << name << ", then " << event;
    }
  }
}

TEST(Delivery, AFinalErrorRefusesExactlyTheStateThatWasSent) {
  for (const int status : {300, 302, 400, 401, 404, 415, 488, 501, 505, 600, 603, 699}) {
    OneContact contact;
    const auto slot = contact.light("2", Light::kOn);
    contact.send();
    EXPECT_THAT(contact.answer(status), IsEmpty());
    EXPECT_EQ(contact.state(slot), State::kRefused);
    EXPECT_EQ(contact.status(slot), status);
    EXPECT_FALSE(contact.delivery.all_confirmed(contact.desired));
    EXPECT_EQ(contact.delivery.waits_until(), std::nullopt);

    contact.light("2", Light::kOff);
    EXPECT_EQ(contact.plan(), "sends 2") << "another state may be welcome";
    EXPECT_EQ(contact.status(slot), 0);
  }
}

TEST(Delivery, ErrorsThatPassAreTriedAgain) {
  for (const int status : {408, 429, 480, 486, 491, 500, 502, 503, 504}) {
    OneContact contact;
    const auto slot = contact.light("2", Light::kOn);
    contact.send();
    EXPECT_THAT(contact.answer(status), IsEmpty());
    EXPECT_EQ(contact.state(slot), State::kRetrying);
    EXPECT_EQ(contact.status(slot), status);
    EXPECT_EQ(contact.delivery.waits_until(), contact.now + 10s);
    contact.now += 10s;
    EXPECT_EQ(contact.plan(), "sends 2");
  }
}

//  server               phone
//    | MESSAGE (v1)      |
//    |------------------>|
//    |  v2, v3 desired   |      one request at a time: they wait
//    |<------ 200 -------|
//    | MESSAGE (v3)      |      the newest wins, v2 is never sent
//    |------------------>|
//    |<------ 200 -------|
TEST(Delivery, WhatIsDesiredMeanwhileWaitsForTheAnswerAndTheNewestWins) {
  OneContact contact;
  const auto slot = contact.light("2", Light::kOn);
  const auto first = contact.desired.version(slot);
  contact.send();
  contact.light("2", Light::kHold);
  contact.light("2", Light::kPark);
  EXPECT_EQ(contact.plan(), "under way");
  const auto confirmed = contact.answer(200);
  ASSERT_EQ(confirmed.size(), 1u);
  EXPECT_EQ(confirmed[0].version, first);
  EXPECT_EQ(confirmed[0].look, Look{Light::kOn}) << "the phone shows the older state until then";
  EXPECT_EQ(contact.state(slot), State::kPending);

  EXPECT_EQ(contact.plan(), "sends 2");
  contact.send();
  EXPECT_EQ(contact.answer(200).at(0).look, Look{Light::kPark});
  EXPECT_EQ(contact.state(slot), State::kConfirmed);
  EXPECT_EQ(contact.plan(), "settled");
}

TEST(Delivery, ARefusalOfAnOldStateSendsTheNewOne) {
  OneContact contact;
  const auto slot = contact.light("2", Light::kOn);
  contact.send();
  contact.light("2", Light::kHold);
  contact.answer(415);
  EXPECT_EQ(contact.state(slot), State::kPending);
  EXPECT_EQ(contact.plan(), "sends 2");
}

TEST(Delivery, TheNewestChangeGoesFirst) {
  OneContact contact;
  for (const auto name : {"1", "2", "3"}) contact.light(name, Light::kOn);
  EXPECT_EQ(contact.plan(), "sends 3");
  contact.light("1", Light::kOff);
  EXPECT_EQ(contact.plan(), "sends 1");
  std::vector<std::string> order;
  while (contact.next().what == What::kSend) {
    order.push_back(contact.plan());
    contact.send();
    contact.answer(200);
  }
  EXPECT_THAT(order, ElementsAre("sends 1", "sends 3", "sends 2"));
}

TEST(Delivery, ABatchTakesTheNewestAndIsConfirmedAsAWhole) {
  OneContact contact;
  contact.pace.batch = 3;
  for (const auto name : {"1", "2", "3", "4"}) contact.light(name, Light::kOn);
  EXPECT_EQ(contact.plan(), "sends 4 3 2");
  contact.send();
  EXPECT_EQ(contact.answer(200).size(), 3u);
  EXPECT_EQ(contact.plan(), "sends 1");
  contact.send();
  contact.answer(200);
  EXPECT_TRUE(contact.delivery.all_confirmed(contact.desired));
}

TEST(Delivery, ARefusedBatchIsRefusedAsAWhole) {
  OneContact contact;
  contact.pace.batch = 2;
  contact.light("1", Light::kOn);
  contact.light("2", Light::kOn);
  contact.send();
  contact.answer(488);
  EXPECT_EQ(contact.status(0), 488);
  EXPECT_EQ(contact.status(1), 488);
}

TEST(Delivery, ABatchOfNoneIsABatchOfOne) {
  OneContact contact;
  contact.pace.batch = 0;
  contact.light("1", Light::kOn);
  contact.light("2", Light::kOn);
  EXPECT_EQ(contact.plan(), "sends 2");
}

TEST(Delivery, TheGapIsKeptAfterEveryOutcome) {
  for (const int status : {200, 415}) {
    OneContact contact;
    contact.pace.gap = 2s;
    contact.light("1", Light::kOn);
    contact.light("2", Light::kOn);
    EXPECT_EQ(contact.plan(), "sends 2") << "nothing to keep a gap to";
    contact.send();
    contact.now += 7s;
    contact.answer(status);
    EXPECT_EQ(contact.plan(), "waits 2s");
    contact.delivery.heard(contact.now);
    EXPECT_EQ(contact.plan(), "waits 2s") << "the phone's pace is not ours to hurry";
    contact.now += 2s;
    EXPECT_EQ(contact.plan(), "sends 1");
  }
}

// --- Pauses

TEST(Delivery, PausesDoubleUpToTheirLimitAndStartAnewAfterAnAnswer) {
  OneContact contact;
  contact.light("2", Light::kOn);
  for (const auto pause : {10s, 20s, 40s, 60s, 60s}) {
    contact.send();
    contact.time_out();
    EXPECT_EQ(contact.delivery.waits_until(), contact.now + pause);
    EXPECT_EQ(contact.next().at, contact.now + pause);
    contact.now += pause - 1ms;
    EXPECT_EQ(contact.next().what, What::kWait);
    contact.now += 1ms;
  }
  contact.send();
  contact.answer(200);
  EXPECT_EQ(contact.delivery.waits_until(), std::nullopt);
  contact.light("2", Light::kOff);
  contact.send();
  contact.answer(503);
  EXPECT_EQ(contact.delivery.waits_until(), contact.now + 10s);
}

TEST(Delivery, AThousandFailuresPauseNoLongerThanSeven) {
  OneContact contact;
  contact.light("2", Light::kOn);
  for (int failure = 0; failure < 1000; ++failure) {
    contact.send();
    contact.answer(503);
    contact.now = *contact.delivery.waits_until();
    EXPECT_EQ(contact.state(), State::kRetrying);
  }
  contact.send();
  contact.answer(503);
  EXPECT_EQ(contact.delivery.waits_until(), contact.now + 60s);
}

TEST(Delivery, AFirstPauseBeyondTheLimitIsCutToo) {
  OneContact contact;
  contact.timing.retry_first = 90s;
  contact.light("2", Light::kOn);
  contact.send();
  contact.answer(503);
  EXPECT_EQ(contact.delivery.waits_until(), contact.now + 60s);
}

TEST(Delivery, JitterSpreadsPausesBothWaysWithinItsBounds) {
  OneContact contact;
  contact.timing.jitter = 0.25;
  contact.light("2", Light::kOn);
  Duration shortest = Duration::max(), longest{0};
  for (int round = 0; round < 500; ++round) {
    OneContact fresh = contact;
    fresh.random = Random(static_cast<std::uint64_t>(round));
    fresh.send();
    fresh.answer(503);
    const Duration pause = *fresh.delivery.waits_until() - fresh.now;
    shortest = std::min(shortest, pause);
    longest = std::max(longest, pause);
  }
  EXPECT_GE(shortest, 7500ms);
  EXPECT_LT(shortest, 7800ms);
  EXPECT_LE(longest, 12500ms);
  EXPECT_GT(longest, 12200ms);
}

TEST(Delivery, RetryAfterIsObeyedUpToFiveMinutes) {
  struct Row {
    seconds asked, pause;
  };
  for (const auto& [asked, pause] : {Row{30s, 30s}, Row{2s, 10s}, Row{0s, 10s}, Row{300s, 300s}, Row{301s, 300s},
                                     Row{seconds::max(), 300s}, Row{seconds{-5}, 10s}}) {
    OneContact contact;
    contact.light("2", Light::kOn);
    contact.send();
    contact.answer(503, asked);
    EXPECT_EQ(contact.delivery.waits_until(), contact.now + pause) << asked.count();
  }
}

TEST(Delivery, APhoneThatIsHeardIsTriedAtOnceButNotBesideAnOldCopy) {
  OneContact contact;
  contact.light("2", Light::kOn);
  contact.send();
  contact.time_out();
  contact.now += 3s;
  EXPECT_FALSE(contact.delivery.heard(contact.now));
  EXPECT_EQ(contact.plan(), "waits 2s");
  EXPECT_EQ(contact.delivery.waits_until(), contact.now + 2s);
  contact.now += 2s;
  EXPECT_EQ(contact.plan(), "sends 2");
  contact.send();
  EXPECT_TRUE(contact.delivery.heard(contact.now)) << "this one may be sent again right away";
  EXPECT_EQ(contact.plan(), "under way");
}

TEST(Delivery, ASilentContactIsTriedWithEachNewChangeOnceTheOldCopyIsGone) {
  OneContact contact;
  contact.light("1", Light::kOn);
  contact.send();
  contact.time_out();
  EXPECT_EQ(contact.plan(), "waits 10s");
  contact.light("2", Light::kOn);
  EXPECT_EQ(contact.plan(), "waits 5s");
  contact.now += 5s;
  EXPECT_EQ(contact.plan(), "sends 2");
  contact.send();
  contact.time_out();
  EXPECT_EQ(contact.plan(), "waits 20s") << "that was the change's one try";
  contact.light("3", Light::kOn);
  contact.now += 5s;
  contact.send();
  contact.answer(200);
  EXPECT_EQ(contact.plan(), "sends 2") << "it is back: the others need not sit out the pause";
}

// --- Slots and numbers

TEST(Delivery, AForgottenSlotStartsFromNothingAlsoWhileItIsUnderWay) {
  OneContact contact;
  const auto slot = contact.light("1", Light::kOn);
  contact.clear("1");
  contact.send();
  contact.answer(200);
  contact.delivery.doubt(slot);
  contact.send();
  contact.delivery.forget(slot);
  contact.desired.reuse(slot, "77");
  EXPECT_THAT(contact.answer(200), IsEmpty());
  EXPECT_EQ(contact.delivery.progress(slot).recorded, 0u);
  EXPECT_EQ(contact.plan(), "settled");
  EXPECT_EQ(contact.light("77", Light::kOn), slot);
  EXPECT_EQ(contact.plan(), "sends 77");
}

TEST(Delivery, AttemptsHaveNumbersOfTheirOwn) {
  OneContact contact;
  EXPECT_EQ(contact.delivery.attempt(), 0u) << "none yet";
  std::set<std::uint32_t> seen;
  for (int round = 0; round < 20; ++round) {
    contact.light("1", round % 2 == 0 ? Light::kOn : Light::kOff);
    EXPECT_TRUE(seen.insert(contact.send()).second);
    round % 3 == 0 ? contact.reborn(true) : void(contact.answer(200));
  }
  EXPECT_FALSE(seen.contains(0));
}

TEST(Delivery, StatesHaveNames) {
  EXPECT_EQ(name_of(State::kPending), "pending");
  EXPECT_EQ(name_of(State::kConfirmed), "confirmed");
  EXPECT_EQ(name_of(State::kRetrying), "retrying");
  EXPECT_EQ(name_of(State::kUnreachable), "unreachable");
  EXPECT_EQ(name_of(State::kRefused), "refused");
}

}  // namespace
}  // namespace lamplighter::lamp
