#include "location/location.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>

namespace lamplighter::location {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr WallTime kNow{1'700'000'000'000ms};
constexpr std::string_view kAor = "101@example.com";

// Stands in for RFC 3261 §19.1.4: good enough for URIs that differ in case only.
bool same_uri(std::string_view a, std::string_view b) {
  return std::ranges::equal(
      a, b, {}, [](unsigned char c) { return std::tolower(c); }, [](unsigned char c) { return std::tolower(c); });
}

class LocationTest : public testing::Test {
 protected:
  using Result = std::expected<Change, Refusal>;

  Result plan(std::string_view call_id, std::uint32_t cseq, std::vector<RequestedContact> contacts) {
    RegisterRequest request;
    request.aor = kAor;
    request.call_id = call_id;
    request.cseq = cseq;
    request.user_agent = user_agent;
    request.contacts = contacts;
    return location.plan(request, now);
  }

  Result plan_wildcard(std::string_view call_id, std::uint32_t cseq) {
    RegisterRequest request;
    request.aor = kAor;
    request.call_id = call_id;
    request.cseq = cseq;
    request.wildcard = true;
    return location.plan(request, now);
  }

  Result apply(Result change) {
    if (change) location.apply(*change);
    return change;
  }

  std::vector<std::string> bound(std::string_view aor = kAor) {
    std::vector<Binding> found;
    location.lookup(aor, now, found);
    std::vector<std::string> uris;
    for (const auto& binding : found) uris.push_back(binding.uri);
    return uris;
  }

  Binding only() {
    std::vector<Binding> found;
    location.lookup(kAor, now, found);
    EXPECT_EQ(found.size(), 1u);
    return found.empty() ? Binding{} : found.front();
  }

  static RequestedContact contact(std::string_view uri, std::chrono::seconds expires = 3600s,
                                  std::string_view instance = {}, std::uint32_t reg_id = 0) {
    return {.uri = uri, .instance = instance, .reg_id = reg_id, .q = 1000, .expires = expires};
  }

  Location location{Limits{.contacts_per_aor = 3}, same_uri};
  WallTime now = kNow;
  std::string_view user_agent = "snom370/8.4.35";
};

TEST_F(LocationTest, NothingIsBoundAtFirst) {
  EXPECT_THAT(bound(), IsEmpty());
  EXPECT_EQ(location.aors(), 0u);
  EXPECT_EQ(location.bindings(), 0u);
}

TEST_F(LocationTest, PlanningChangesNothing) {
  const auto change = plan("a", 1, {contact("sip:101@192.0.2.1")});
  ASSERT_TRUE(change);
  ASSERT_EQ(change->put.size(), 1u);
  EXPECT_EQ(change->aor, kAor);
  EXPECT_EQ(change->put[0].user_agent, "snom370/8.4.35");
  EXPECT_EQ(change->put[0].registered, kNow);
  EXPECT_EQ(change->put[0].refreshed, kNow);
  EXPECT_EQ(change->put[0].expires, kNow + 1h);
  EXPECT_THAT(bound(), IsEmpty());
  location.apply(*change);
  EXPECT_THAT(bound(), ElementsAre("sip:101@192.0.2.1"));
  EXPECT_EQ(location.aors(), 1u);
  EXPECT_EQ(location.bindings(), 1u);
}

TEST_F(LocationTest, AQueryPlansNothing) {
  apply(plan("a", 1, {contact("sip:101@192.0.2.1")}));
  const auto change = plan("a", 1, {});
  ASSERT_TRUE(change) << "a query has no order to keep";
  EXPECT_TRUE(change->empty());
}

TEST_F(LocationTest, ARefreshKeepsTheTimeOfTheFirstRegistration) {
  apply(plan("a", 1, {contact("sip:101@192.0.2.1")}));
  now += 30min;
  apply(plan("a", 2, {contact("sip:101@192.0.2.1")}));
  const auto binding = only();
  EXPECT_EQ(binding.registered, kNow);
  EXPECT_EQ(binding.refreshed, kNow + 30min);
  EXPECT_EQ(binding.expires, kNow + 90min);
  EXPECT_EQ(binding.cseq, 2u);
}

TEST_F(LocationTest, ARefreshIsCalledOneWhenNothingElseIsNew) {
  EXPECT_FALSE(apply(plan("a", 1, {contact("sip:101@192.0.2.1"), contact("sip:101@192.0.2.2")}))->refresh);
  now += 30min;
  EXPECT_TRUE(plan("a", 2, {contact("sip:101@192.0.2.1")})->refresh);
  EXPECT_TRUE(plan("a", 2, {contact("sip:101@192.0.2.2"), contact("sip:101@192.0.2.1", 60s)})->refresh);

  auto other_q = contact("sip:101@192.0.2.1");
  other_q.q = 500;
  EXPECT_FALSE(plan("a", 2, {contact("sip:101@192.0.2.2"), other_q})->refresh);
  EXPECT_FALSE(plan("a", 2, {contact("sip:101@192.0.2.1"), contact("sip:101@192.0.2.3")})->refresh) << "one is new";
  EXPECT_FALSE(plan("a", 2, {contact("sip:101@192.0.2.1"), contact("sip:101@192.0.2.2", 0s)})->refresh) << "one goes";
  EXPECT_FALSE(plan("b", 2, {contact("sip:101@192.0.2.1")})->refresh) << "another life";
  EXPECT_FALSE(plan("a", 2, {})->refresh);
  user_agent = "snom370/8.7.5.46";
  EXPECT_FALSE(plan("a", 2, {contact("sip:101@192.0.2.1")})->refresh);
}

TEST_F(LocationTest, WhatCameBackOnAnotherFlowIsRecordedAsAWhole) {
  apply(plan("a", 1, {contact("sip:101@192.0.2.1")}));
  const auto stored = only();
  for (const bool moved : {false, true}) {
    Location restarted{{}, same_uri};
    restarted.restore(kAor, stored, moved);
    std::vector<RequestedContact> contacts{contact("sip:101@192.0.2.1")};
    RegisterRequest request;
    request.aor = kAor;
    request.call_id = "a";
    request.cseq = 2;
    request.user_agent = user_agent;
    request.contacts = contacts;
    const auto first = restarted.plan(request, now);
    EXPECT_EQ(first->refresh, !moved);
    restarted.apply(*first);
    request.cseq = 3;
    EXPECT_TRUE(restarted.plan(request, now)->refresh);
  }
}

TEST_F(LocationTest, ANewCallIdIsARebootedPhoneAndAlwaysTaken) {
  apply(plan("before", 700, {contact("sip:101@192.0.2.1")}));
  now += 1min;
  ASSERT_TRUE(apply(plan("after", 1, {contact("sip:101@192.0.2.1")})));
  const auto binding = only();
  EXPECT_EQ(binding.registered, now);
  EXPECT_EQ(binding.cseq, 1u);
  EXPECT_EQ(binding.call_id, "after");
}

TEST_F(LocationTest, TheSameCallIdNeedsAHigherCSeq) {
  apply(plan("a", 5, {contact("sip:101@192.0.2.1")}));
  EXPECT_EQ(plan("a", 5, {contact("sip:101@192.0.2.1")}).error(), Refusal::kOutOfOrder);
  EXPECT_EQ(plan("a", 4, {contact("sip:101@192.0.2.1", 0s)}).error(), Refusal::kOutOfOrder);
  EXPECT_TRUE(plan("a", 4, {contact("sip:101@192.0.2.9")})) << "order counts per binding, and this one is new";
}

//  phone                     location
//    | REGISTER Call-ID a, 700    |
//    |--------------------------->|
//    X boots                      |
//    | REGISTER Call-ID a, 1      |     within 32 s of 700: it could be a delayed copy
//    |--------------------------->|
//    |<------------------- 500 ---|
//    | REGISTER Call-ID a, 2      |     later: nothing of before 700 is under way any more
//    |--------------------------->|
//    |<------------------- 200 ---|     another life
TEST_F(LocationTest, ACSeqThatStartsAgainIsABootedPhoneOnceNoCopyCanBeUnderWay) {
  apply(plan("a", 699, {contact("sip:101@192.0.2.1")}));
  now += 10min;
  apply(plan("a", 700, {contact("sip:101@192.0.2.1")}));
  now += 32s - 1ms;
  EXPECT_EQ(plan("a", 1, {contact("sip:101@192.0.2.1")}).error(), Refusal::kOutOfOrder) << "counted from the refresh";
  EXPECT_EQ(plan_wildcard("a", 1).error(), Refusal::kOutOfOrder);
  now += 1ms;
  ASSERT_TRUE(apply(plan("a", 1, {contact("sip:101@192.0.2.1")})));
  EXPECT_EQ(only().registered, now);
  EXPECT_EQ(only().refreshed, now);
  EXPECT_EQ(only().cseq, 1u);
  EXPECT_TRUE(plan("a", 2, {contact("sip:101@192.0.2.1")})) << "and counts on from there";
}

TEST_F(LocationTest, APhoneThatStartsItsCSeqAgainMayRemoveItsContacts) {
  apply(plan("a", 700, {contact("sip:101@192.0.2.1"), contact("sip:101@192.0.2.2")}));
  now += 32s;
  EXPECT_THAT(plan("a", 1, {contact("sip:101@192.0.2.1", 0s)})->remove, ElementsAre("sip:101@192.0.2.1"));
  EXPECT_EQ(plan_wildcard("a", 1)->remove.size(), 2u);
}

TEST_F(LocationTest, HowLongCopiesCountIsALimit) {
  EXPECT_EQ(Limits{}.stray, 64 * 500ms) << "64*T1";
  Location quick{{.contacts_per_aor = 3, .stray = 2s}, same_uri};
  quick.apply(*plan("a", 5, {contact("sip:1@h")}));
  std::vector<RequestedContact> contacts{contact("sip:1@h")};
  RegisterRequest request;
  request.aor = kAor;
  request.call_id = "a";
  request.cseq = 1;
  request.contacts = contacts;
  EXPECT_FALSE(quick.plan(request, now + 1999ms));
  EXPECT_TRUE(quick.plan(request, now + 2s));
}

// Two workers read the clock, then the one that read it first comes second.
TEST_F(LocationTest, AnOlderClockReadingDoesNotLetACopyThrough) {
  apply(plan("a", 5, {contact("sip:101@192.0.2.1")}));
  now -= 3ms;
  EXPECT_EQ(plan("a", 5, {contact("sip:101@192.0.2.1")}).error(), Refusal::kOutOfOrder);
}

TEST_F(LocationTest, AClockSetBackLocksNoPhoneOut) {
  apply(plan("a", 5, {contact("sip:101@192.0.2.1")}));
  now -= 1h;
  ASSERT_TRUE(apply(plan("a", 1, {contact("sip:101@192.0.2.1")})));
  EXPECT_EQ(only().registered, kNow + 1ms) << "later than the life before, whatever the clock says";
  EXPECT_EQ(only().refreshed, now);
  EXPECT_EQ(only().expires, now + 1h);
}

TEST_F(LocationTest, AnotherUserAgentIsAnotherLife) {
  apply(plan("a", 1, {contact("sip:101@192.0.2.1")}));
  now += 1min;
  user_agent = "snom370/8.7.5.46";  // new firmware: it has booted in between
  apply(plan("a", 2, {contact("sip:101@192.0.2.1")}));
  EXPECT_EQ(only().registered, now);
  now += 1min;
  apply(plan("a", 3, {contact("sip:101@192.0.2.1")}));
  EXPECT_EQ(only().registered, kNow + 1min) << "told once";
}

TEST_F(LocationTest, AnotherInstanceOnTheSameUriIsAnotherLife) {
  apply(plan("a", 1, {contact("sip:101@192.0.2.1", 3600s, "<urn:uuid:1>")}));
  now += 1min;
  apply(plan("a", 2, {contact("sip:101@192.0.2.1", 3600s, "<urn:uuid:2>")}));
  EXPECT_EQ(only().registered, now);
  EXPECT_EQ(only().instance, "<urn:uuid:2>");
}

TEST_F(LocationTest, LivesWithinOneMillisecondDiffer) {
  apply(plan("a", 1, {contact("sip:101@192.0.2.1")}));
  apply(plan("b", 1, {contact("sip:101@192.0.2.1")}));
  EXPECT_EQ(only().registered, kNow + 1ms);
  apply(plan("c", 1, {contact("sip:101@192.0.2.1")}));
  EXPECT_EQ(only().registered, kNow + 2ms);
  EXPECT_EQ(only().expires, kNow + 1h) << "only the name of the life is moved";
  now += 1s;
  apply(plan("d", 1, {contact("sip:101@192.0.2.1")}));
  EXPECT_EQ(only().registered, now) << "and it catches up with the clock";
}

TEST_F(LocationTest, AContactThatHadExpiredWhenTheClockWasSetBackStillComesBackLater) {
  apply(plan("a", 1, {contact("sip:101@192.0.2.1")}));
  now -= 2h;  // before the first life began
  apply(plan("b", 1, {contact("sip:101@192.0.2.1", 60s)}));
  EXPECT_EQ(only().registered, kNow + 1ms);
  now += 60s;  // expired, not swept
  ASSERT_TRUE(apply(plan("c", 1, {contact("sip:101@192.0.2.1")})));
  EXPECT_EQ(only().registered, kNow + 2ms);
}

TEST_F(LocationTest, OneContactOutOfOrderRefusesThemAll) {
  apply(plan("a", 5, {contact("sip:101@192.0.2.1")}));
  EXPECT_EQ(plan("a", 4, {contact("sip:101@192.0.2.2"), contact("sip:101@192.0.2.1")}).error(), Refusal::kOutOfOrder);
}

TEST_F(LocationTest, ExpiresZeroRemovesThatContactOnly) {
  apply(plan("a", 1, {contact("sip:101@192.0.2.1"), contact("sip:101@192.0.2.2")}));
  apply(plan("a", 2, {contact("sip:101@192.0.2.1", 0s)}));
  EXPECT_THAT(bound(), ElementsAre("sip:101@192.0.2.2"));
}

TEST_F(LocationTest, RemovingWhatIsNotBoundIsNoChange) {
  const auto change = plan("a", 1, {contact("sip:101@192.0.2.1", 0s)});
  ASSERT_TRUE(change);
  EXPECT_TRUE(change->empty());
}

TEST_F(LocationTest, TheWildcardRemovesEverything) {
  apply(plan("a", 1, {contact("sip:101@192.0.2.1")}));
  apply(plan("b", 9, {contact("sip:101@192.0.2.2")}));
  ASSERT_TRUE(apply(plan_wildcard("c", 1)));
  EXPECT_THAT(bound(), IsEmpty());
  EXPECT_EQ(location.aors(), 0u);
}

TEST_F(LocationTest, TheWildcardKeepsTheOrderToo) {
  apply(plan("a", 7, {contact("sip:101@192.0.2.1")}));
  EXPECT_EQ(plan_wildcard("a", 7).error(), Refusal::kOutOfOrder);
  EXPECT_TRUE(plan_wildcard("a", 8));
}

TEST_F(LocationTest, TheSameInstanceWithAnotherUriReplacesTheOldContact) {
  apply(plan("a", 1, {contact("sip:101@192.0.2.1:1111", 3600s, "<urn:uuid:1>")}));
  const auto change = apply(plan("b", 1, {contact("sip:101@192.0.2.1:2222", 3600s, "<urn:uuid:1>")}));
  EXPECT_THAT(change->remove, ElementsAre("sip:101@192.0.2.1:1111"));
  EXPECT_THAT(bound(), ElementsAre("sip:101@192.0.2.1:2222"));
}

TEST_F(LocationTest, DifferentRegIdsOfOneInstanceStandSideBySide) {
  apply(plan("a", 1, {contact("sip:101@192.0.2.1", 3600s, "<urn:uuid:1>", 1)}));
  apply(plan("b", 1, {contact("sip:101@192.0.2.2", 3600s, "<urn:uuid:1>", 2)}));
  EXPECT_EQ(bound().size(), 2u);
}

TEST_F(LocationTest, ALateRequestDoesNotBringBackTheInstancesOldContact) {
  apply(plan("a", 2, {contact("sip:101@192.0.2.1:2222", 3600s, "<urn:uuid:1>")}));
  EXPECT_EQ(plan("a", 1, {contact("sip:101@192.0.2.1:1111", 3600s, "<urn:uuid:1>")}).error(), Refusal::kOutOfOrder);
}

TEST_F(LocationTest, AnEquivalentUriIsTheSameBindingInItsNewSpelling) {
  apply(plan("a", 1, {contact("sip:101@phone.example.com")}));
  now += 1min;
  const auto change = apply(plan("a", 2, {contact("sip:101@PHONE.example.com")}));
  EXPECT_THAT(change->remove, ElementsAre("sip:101@phone.example.com"));
  EXPECT_EQ(only().uri, "sip:101@PHONE.example.com");
  EXPECT_EQ(only().registered, kNow);
}

TEST_F(LocationTest, TheLaterOfTwoEqualContactsInOneRequestStands) {
  const auto change = apply(plan("a", 1, {contact("sip:101@192.0.2.1", 60s), contact("sip:101@192.0.2.1", 120s)}));
  ASSERT_EQ(change->put.size(), 1u);
  EXPECT_EQ(only().expires, kNow + 120s);
}

TEST_F(LocationTest, MoreContactsThanTheLimitAreRefusedAsAWhole) {
  apply(plan("a", 1, {contact("sip:1@h"), contact("sip:2@h")}));
  EXPECT_EQ(plan("b", 1, {contact("sip:3@h"), contact("sip:4@h")}).error(), Refusal::kTooManyContacts);
  EXPECT_TRUE(apply(plan("b", 1, {contact("sip:1@h", 0s), contact("sip:3@h"), contact("sip:4@h")})));
  EXPECT_EQ(bound().size(), 3u);
  EXPECT_TRUE(apply(plan("b", 2, {contact("sip:3@h")}))) << "a refresh at the limit";
}

// Found by the property: an instance that moves to a new URI while its old URI is claimed anew, in one request.
TEST_F(LocationTest, OneContactThatMatchesOldOnesInTwoWaysDoesNotSlipPastTheLimit) {
  apply(plan("a", 1, {contact("sip:1@h"), contact("sip:5@h")}));
  apply(plan("b", 1, {contact("sip:2@h", 3600s, "<urn:uuid:j>")}));
  EXPECT_EQ(plan("c", 1, {contact("sip:3@h", 3600s, "<urn:uuid:j>"), contact("sip:2@h")}).error(),
            Refusal::kTooManyContacts);
}

TEST_F(LocationTest, ExpiredContactsDoNotCountAgainstTheLimit) {
  apply(plan("a", 1, {contact("sip:1@h", 60s), contact("sip:2@h", 60s), contact("sip:3@h", 60s)}));
  now += 60s;
  EXPECT_TRUE(apply(plan("b", 1, {contact("sip:4@h")})));
  EXPECT_THAT(bound(), ElementsAre("sip:4@h"));
}

TEST_F(LocationTest, StoredContactsBeyondALoweredLimitMayBeRefreshed) {
  Change stored{.aor = std::string(kAor), .put = {}, .remove = {}};
  for (auto uri : {"sip:1@h", "sip:2@h", "sip:3@h", "sip:4@h"}) {
    Binding binding;
    binding.uri = uri;
    binding.call_id = "a";
    binding.cseq = 1;
    binding.expires = now + 1h;
    stored.put.push_back(binding);
  }
  location.apply(stored);
  EXPECT_TRUE(plan("a", 2, {contact("sip:4@h")}));
  EXPECT_EQ(plan("a", 2, {contact("sip:5@h")}).error(), Refusal::kTooManyContacts);
}

TEST_F(LocationTest, LooksUpBestQFirstThenNewest) {
  auto low = contact("sip:low@h");
  low.q = 500;
  apply(plan("a", 1, {low}));
  now += 1s;
  apply(plan("b", 1, {contact("sip:older@h")}));
  now += 1s;
  apply(plan("c", 1, {contact("sip:newer@h")}));
  EXPECT_THAT(bound(), ElementsAre("sip:newer@h", "sip:older@h", "sip:low@h"));
}

TEST_F(LocationTest, LookupReusesAndClearsTheCallersVector) {
  apply(plan("a", 1, {contact("sip:1@h")}));
  std::vector<Binding> found(5);
  location.lookup(kAor, now, found);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].uri, "sip:1@h");
  location.lookup("nobody@example.com", now, found);
  EXPECT_THAT(found, IsEmpty());
}

TEST_F(LocationTest, ExpiredBindingsAreRemovedAndReportedWithinOneRound) {
  apply(plan("a", 1, {contact("sip:1@h", 60s), contact("sip:2@h", 600s)}));
  now += 60s;
  EXPECT_THAT(bound(), ElementsAre("sip:2@h")) << "not looked up, even before the sweep";
  std::vector<Change> all;
  for (int call = 0; call < 64; ++call) {
    for (auto& change : location.expire(now)) all.push_back(change);
  }
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].aor, kAor);
  EXPECT_THAT(all[0].remove, ElementsAre("sip:1@h"));
  EXPECT_EQ(all[0].remove_if_expired_by, now);
  EXPECT_EQ(location.bindings(), 1u);
}

//  phone          location        store
//    | REGISTER 1    | reserve       |
//    |-------------->|-------------->| (committing)
//    | REGISTER 2    | reserve       |     planned as if 1 were there
//    |-------------->|-------------->|
TEST_F(LocationTest, RequestsOnTheirWayToTheStoreCountForTheNextOnes) {
  const auto reserve = [&](std::string_view call_id, std::uint32_t cseq, std::vector<RequestedContact> contacts) {
    RegisterRequest request;
    request.aor = kAor;
    request.call_id = call_id;
    request.cseq = cseq;
    request.contacts = contacts;
    return location.reserve(request, now);
  };
  const auto first = reserve("a", 1, {contact("sip:1@h"), contact("sip:2@h")});
  ASSERT_TRUE(first);
  EXPECT_NE(first->ticket, 0u);
  EXPECT_THAT(bound(), IsEmpty()) << "not visible before it is durable";
  EXPECT_EQ(location.aors(), 0u);

  EXPECT_EQ(reserve("a", 1, {contact("sip:1@h")}).error(), Refusal::kOutOfOrder);
  EXPECT_EQ(reserve("b", 1, {contact("sip:3@h"), contact("sip:4@h")}).error(), Refusal::kTooManyContacts);
  const auto second = reserve("b", 1, {contact("sip:3@h")});
  ASSERT_TRUE(second);

  location.settle(kAor, second->ticket, true);
  EXPECT_THAT(bound(), ElementsAre("sip:3@h"));
  location.settle(kAor, first->ticket, false);
  EXPECT_THAT(bound(), ElementsAre("sip:3@h")) << "the store refused the first one";
  EXPECT_TRUE(reserve("a", 1, {contact("sip:1@h")})) << "so it may come again";
}

//  phone            location         store
//    | REGISTER a, 1     |               |
//    | remove a, 2       |-------------->| (committing)
//    | REGISTER b, 1     |-------------->|     in the same millisecond
//    | 200 to a MESSAGE  |-------------->|     "confirmed in the life of a": must not be taken for b's
TEST_F(LocationTest, ALifeThatIsStillBeingRemovedDiffersFromTheNext) {
  apply(plan("a", 1, {contact("sip:1@h")}));
  RegisterRequest removal;
  std::vector<RequestedContact> none{contact("sip:1@h", 0s)};
  removal.aor = kAor;
  removal.call_id = "a";
  removal.cseq = 2;
  removal.contacts = none;
  ASSERT_TRUE(location.reserve(removal, now));
  EXPECT_EQ(plan("b", 1, {contact("sip:1@h")})->put.at(0).registered, kNow + 1ms);
}

TEST_F(LocationTest, AFailedReservationLeavesNothingBehind) {
  std::vector<RequestedContact> contacts{contact("sip:1@h")};
  RegisterRequest request;
  request.aor = kAor;
  request.call_id = "a";
  request.contacts = contacts;
  const auto reserved = location.reserve(request, now);
  location.settle(kAor, reserved->ticket, false);
  location.settle(kAor, reserved->ticket, true);  // twice: nothing
  EXPECT_EQ(location.aors(), 0u);
  EXPECT_EQ(location.bindings(), 0u);
}

TEST_F(LocationTest, ARefreshThatOvertakesTheSweepKeepsItsBinding) {
  apply(plan("a", 1, {contact("sip:1@h", 60s)}));
  now += 60s;
  Change sweep{.aor = std::string(kAor), .put = {}, .remove = {"sip:1@h"}, .remove_if_expired_by = now};
  apply(plan("a", 2, {contact("sip:1@h", 60s)}));
  location.apply(sweep);
  EXPECT_THAT(bound(), ElementsAre("sip:1@h"));
}

//  phone          location        store
//    | REGISTER      | reserve       |
//    |-------------->|-------------->| (committing)
//    |           sweep: not now      |     the refresh must find its binding on record
TEST_F(LocationTest, TheSweepWaitsForWhatIsOnItsWayToTheStore) {
  apply(plan("a", 1, {contact("sip:1@h", 60s)}));
  now += 59s;
  std::vector<RequestedContact> contacts{contact("sip:1@h", 60s)};
  RegisterRequest request;
  request.aor = kAor;
  request.call_id = "a";
  request.cseq = 2;
  request.user_agent = user_agent;
  request.contacts = contacts;
  const auto reserved = location.reserve(request, now);
  ASSERT_TRUE(reserved);
  EXPECT_TRUE(reserved->change.refresh);
  const auto swept = [&] {
    std::size_t count = 0;
    for (int call = 0; call < 64; ++call) count += location.expire(now).size();
    return count;
  };
  now += 1s;
  EXPECT_EQ(swept(), 0u);
  location.settle(kAor, reserved->ticket, false);
  EXPECT_EQ(swept(), 1u) << "the store refused it";
  EXPECT_EQ(location.bindings(), 0u);
}

TEST_F(LocationTest, VisitsEveryAor) {
  for (int i = 0; i < 500; ++i) {
    Binding binding;
    binding.uri = "sip:x@h";
    binding.expires = now + 1h;
    location.apply({.aor = std::to_string(i) + "@example.com", .put = {binding}, .remove = {}});
  }
  std::size_t seen = 0;
  location.for_each([&](std::string_view, std::span<const Binding> bindings) { seen += bindings.size(); });
  EXPECT_EQ(seen, 500u);
  EXPECT_EQ(location.aors(), 500u);
}

}  // namespace
}  // namespace lamplighter::location
