#include "lamp/history.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <array>
#include <deque>
#include <string>
#include <utility>
#include <vector>

namespace lamplighter::lamp {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

HistoryNote entry(std::uint64_t version) { return {.version = version}; }

std::vector<std::uint64_t> versions(const History& history, std::uint64_t newest) {
  std::vector<std::uint64_t> found;
  for (const auto& each : history.of(newest)) found.push_back(each.version);
  return found;
}

TEST(History, AKeyWithoutEventsHasNone) {
  EXPECT_THAT(History(10).of(0), IsEmpty());
  EXPECT_THAT(History(0).of(0), IsEmpty());
}

TEST(History, EntriesComeBackWholeAndOldestFirst) {
  History history(10);
  std::uint64_t newest = 0;
  history.add(newest, {.kind = HistoryEntry::Kind::kChange,
                       .origin = Origin::Kind::kDial,
                       .look = {Light::kOn, Color::kRed},
                       .version = 1,
                       .detail = "431 dialled from 192.0.2.7:5060"});
  history.add(newest, {.kind = HistoryEntry::Kind::kRefused,
                       .status = 415,
                       .at = WallTime{std::chrono::seconds{7}},
                       .version = 1,
                       .latency = std::chrono::microseconds{1234},
                       .contact = "sip:101@192.0.2.7",
                       .call_id = "a84b4c"});
  const auto entries = history.of(newest);
  ASSERT_EQ(entries.size(), 2u);
  EXPECT_EQ(entries[0].kind, HistoryEntry::Kind::kChange);
  EXPECT_EQ(entries[0].origin, Origin::Kind::kDial);
  EXPECT_EQ(entries[0].detail, "431 dialled from 192.0.2.7:5060");
  EXPECT_EQ(entries[0].look, (Look{Light::kOn, Color::kRed}));
  EXPECT_EQ(entries[1].kind, HistoryEntry::Kind::kRefused);
  EXPECT_EQ(entries[1].status, 415);
  EXPECT_EQ(entries[1].at, WallTime{std::chrono::seconds{7}});
  EXPECT_EQ(entries[1].latency, std::chrono::microseconds{1234});
  EXPECT_EQ(entries[1].contact, "sip:101@192.0.2.7");
  EXPECT_EQ(entries[1].call_id, "a84b4c");
}

TEST(History, KeysHaveChainsOfTheirOwn) {
  History history(10);
  std::uint64_t first = 0, second = 0;
  history.add(first, entry(1));
  history.add(second, entry(2));
  history.add(first, entry(3));
  EXPECT_THAT(versions(history, first), ElementsAre(1, 3));
  EXPECT_THAT(versions(history, second), ElementsAre(2));
}

TEST(History, ABusyKeyPushesOutTheOldestWhoseverTheyAre) {
  History history(3);
  std::uint64_t quiet = 0, busy = 0;
  history.add(quiet, entry(1));
  history.add(quiet, entry(2));
  history.add(busy, entry(3));
  EXPECT_THAT(versions(history, quiet), ElementsAre(1, 2));
  history.add(busy, entry(4));
  EXPECT_THAT(versions(history, quiet), ElementsAre(2)) << "the chain ends where it is broken";
  history.add(busy, entry(5));
  EXPECT_THAT(versions(history, quiet), IsEmpty());
  EXPECT_THAT(versions(history, busy), ElementsAre(3, 4, 5));
  history.add(quiet, entry(6));
  EXPECT_THAT(versions(history, quiet), ElementsAre(6)) << "a chain goes on after all of it was pushed out";
  EXPECT_THAT(versions(history, busy), ElementsAre(4, 5));
}

TEST(History, OfOneEntryKeepsTheLatest) {
  History history(1);
  std::uint64_t first = 0, second = 0;
  history.add(first, entry(1));
  history.add(first, entry(2));
  EXPECT_THAT(versions(history, first), ElementsAre(2));
  history.add(second, entry(3));
  EXPECT_THAT(versions(history, first), IsEmpty());
  EXPECT_THAT(versions(history, second), ElementsAre(3));
}

TEST(History, OfNoEntriesKeepsNothing) {
  History history(0);
  std::uint64_t newest = 0;
  history.add(newest, entry(1));
  EXPECT_EQ(newest, 0u);
  EXPECT_THAT(history.of(newest), IsEmpty());
  EXPECT_THAT(history.of(5), IsEmpty()) << "a number from elsewhere";
}

TEST(History, EverythingHasAName) {
  using enum HistoryEntry::Kind;
  std::vector<std::string_view> events;
  for (const auto kind : {kChange, kConfirmed, kRefused, kRetrying, kUnreachable, kAbandoned}) {
    events.push_back(name_of(kind));
  }
  EXPECT_THAT(events, ElementsAre("change", "confirmed", "refused", "retrying", "unreachable", "abandoned"));
  EXPECT_EQ(name_of(Origin::Kind::kDial), "dial");
  EXPECT_EQ(name_of(Origin::Kind::kPress), "press");
  EXPECT_EQ(name_of(Origin::Kind::kApi), "api");
  EXPECT_EQ(name_of(Origin::Kind::kRestore), "restore");
}

// Against a plain list of the latest entries.
RC_GTEST_PROP(HistoryProperty, KeepsExactlyTheLatestOfEachKey, ()) {
  const auto capacity = *rc::gen::inRange<std::size_t>(1, 40);
  History history(capacity);
  std::array<std::uint64_t, 5> newest{};
  std::deque<std::pair<std::size_t, std::uint64_t>> model;  // key, version
  for (const auto key : *rc::gen::container<std::vector<std::size_t>>(rc::gen::inRange<std::size_t>(0, 5))) {
    const auto version = model.empty() ? 1 : model.back().second + 1;
    history.add(newest[key], entry(version));
    model.emplace_back(key, version);
    if (model.size() > capacity) model.pop_front();
    for (std::size_t each = 0; each < newest.size(); ++each) {
      std::vector<std::uint64_t> expected;
      for (const auto& [owner, number] : model) {
        if (owner == each) expected.push_back(number);
      }
      RC_ASSERT(versions(history, newest[each]) == expected);
    }
  }
}

}  // namespace
}  // namespace lamplighter::lamp
