#include "service/lamp_desk.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lamplighter::service {
namespace {

using namespace std::chrono_literals;
using lamp::Light;

constexpr const char* kAor = "101@localhost";

struct LampDeskTest : ::testing::Test {
  /// Commits wait until the test says how they ended.
  struct Commit {
    DeskRecord record;
    LampDesk::Stored stored;
  };

  std::expected<std::vector<lamp::Change>, lamp::KeyboardError> set(const std::string& key, Light light) {
    const lamp::Key wanted{.light = light};
    const lamp::Edit edit{.name = key, .kind = lamp::Edit::Kind::kSet, .key = &wanted, .off = nullptr};
    return desk.change(kAor, {&edit, 1}, {}, false,
                       [this](std::expected<void, std::string> done) { told.push_back(std::move(done)); });
  }
  void answer(std::expected<void, std::string> result) {
    auto commit = std::move(commits.front());
    commits.erase(commits.begin());
    commit.stored(std::move(result));
  }
  void bind(const std::string& uri, WallTime registered, std::uint8_t worker = 0) {
    location::Binding binding;
    binding.uri = uri;
    binding.user_agent = "snom370/8.7";
    binding.registered = registered;
    binding.expires = clock.wall() + 1h;
    binding.flow.worker = worker;
    binding.flow.remote = {IpAddress::v4(0x7f000001), static_cast<std::uint16_t>(40000 + uri.size())};
    location.apply({.aor = kAor, .put = {binding}, .remove = {}});
  }

  ManualClock clock;
  lamp::Phones phones{{}, clock};
  location::Location location{{}, [](std::string_view a, std::string_view b) { return a == b; }};
  std::vector<Commit> commits;
  std::vector<lamp::Wake> wakes;
  std::vector<std::expected<void, std::string>> told;
  LampDesk desk{
      phones,
      location,
      clock,
      {.commit = [this](DeskRecord record,
                        LampDesk::Stored stored) { commits.push_back({std::move(record), std::move(stored)}); },
       .wake = [this](const lamp::Wake& wake) { wakes.push_back(wake); }}};
};

TEST_F(LampDeskTest, NobodyIsSentAnythingBeforeTheStoreHasIt) {
  bind("sip:101@a", clock.wall());
  ASSERT_TRUE(set("2", Light::kOn));
  EXPECT_TRUE(wakes.empty());
  EXPECT_TRUE(told.empty());
  answer({});
  ASSERT_EQ(told.size(), 1u);
  EXPECT_TRUE(told[0]);
  ASSERT_EQ(wakes.size(), 1u);
  EXPECT_EQ(phones.next(wakes[0].contact, 0).what, lamp::Step::What::kSend);
}

TEST_F(LampDeskTest, WhatTheStoreRefusesIsInForceDeliveredAndStoredLater) {
  bind("sip:101@a", clock.wall());
  ASSERT_TRUE(set("2", Light::kOn));
  answer(std::unexpected("disk full"));
  EXPECT_EQ(told.at(0).error(), "disk full");
  EXPECT_EQ(wakes.size(), 1u);
  EXPECT_EQ(desk.unstored(), 1u);
  for (int attempt = 0; attempt < 3; ++attempt) {
    desk.retry_unstored();
    ASSERT_EQ(commits.size(), 1u);
    answer(std::unexpected("disk full"));
    EXPECT_EQ(desk.unstored(), 1u);
  }
  desk.retry_unstored();
  EXPECT_EQ(commits.at(0).record.changes.at(0).key->light, Light::kOn);
  EXPECT_EQ(desk.unstored(), 1u);  // until it is
  desk.retry_unstored();
  EXPECT_EQ(commits.size(), 1u);  // one at a time
  answer({});
  EXPECT_EQ(desk.unstored(), 0u);
  desk.retry_unstored();
  EXPECT_TRUE(commits.empty());
}

// A press that flips: what it led to must not be on record without it, whichever commit brings the state there.
TEST_F(LampDeskTest, APressThatWasRefusedIsBroughtAgainWithTheState) {
  const lamp::Key on{.light = Light::kOn};
  const lamp::Key off;
  const lamp::Edit flip{.name = "2", .kind = lamp::Edit::Kind::kToggle, .key = &on, .off = &off};
  const PressMark first{.id = 1, .at = clock.wall()};
  const PressMark second{.id = 2, .at = clock.wall()};
  ASSERT_TRUE(desk.dialled(kAor, flip, {}, {}, first));
  answer(std::unexpected("disk full"));
  ASSERT_TRUE(desk.dialled(kAor, flip, {}, {}, second));
  ASSERT_EQ(commits.size(), 1u);
  EXPECT_EQ(commits[0].record.press, second);
  EXPECT_EQ(commits[0].record.earlier, std::vector{first});
  answer(std::unexpected("disk full"));
  desk.retry_unstored();
  ASSERT_EQ(commits.size(), 1u);
  EXPECT_FALSE(commits[0].record.press);
  EXPECT_EQ(commits[0].record.earlier, (std::vector{first, second}));
  answer({});
  ASSERT_TRUE(set("2", Light::kHold));
  EXPECT_TRUE(commits.at(0).record.earlier.empty());
}

TEST_F(LampDeskTest, ALaterStateThatIsStoredSettlesAnEarlierOneThatWasNot) {
  ASSERT_TRUE(set("2", Light::kOn));
  ASSERT_TRUE(set("2", Light::kHold));
  answer(std::unexpected("disk full"));
  answer({});
  EXPECT_EQ(desk.unstored(), 0u);
}

// The other way round: the later one failed, so what is on disk is not what is in force.
TEST_F(LampDeskTest, AnEarlierStateThatIsStoredDoesNotSettleALaterOneThatWasNot) {
  ASSERT_TRUE(set("2", Light::kOn));
  ASSERT_TRUE(set("2", Light::kHold));
  auto first = std::move(commits.at(0));
  commits.erase(commits.begin());
  answer(std::unexpected("disk full"));
  first.stored({});
  EXPECT_EQ(desk.unstored(), 1u);
}

TEST_F(LampDeskTest, AskingForWhatIsThereAlreadyIsAnsweredWhenThatIsStored) {
  ASSERT_TRUE(set("2", Light::kOn));
  const auto again = set("2", Light::kOn);
  ASSERT_TRUE(again);
  EXPECT_FALSE(again->at(0).changed);
  EXPECT_TRUE(told.empty());
  answer(std::unexpected("disk full"));
  answer(std::unexpected("disk full"));
  ASSERT_EQ(told.size(), 2u);
  EXPECT_FALSE(told[1]) << "it is not on disk, whoever asked for it first";
}

// PUT of a whole keyboard says "and nothing else": that must be on disk too before it is acknowledged.
TEST_F(LampDeskTest, AWholeKeyboardBringsRefusedClearingsToTheStoreAgain) {
  ASSERT_TRUE(set("1", Light::kOn));
  answer({});
  const lamp::Key on{.light = Light::kOn};
  const lamp::Edit only{.name = "2", .kind = lamp::Edit::Kind::kSet, .key = &on, .off = nullptr};
  const auto replace = [&] {
    ASSERT_TRUE(desk.change(kAor, {&only, 1}, {}, true, [this](auto done) { told.push_back(std::move(done)); }));
  };
  replace();
  answer(std::unexpected("disk full"));
  replace();
  ASSERT_EQ(commits.size(), 1u);
  std::vector<std::string> named;
  for (const auto& change : commits[0].record.changes) named.push_back(change.name);
  EXPECT_THAT(named, testing::UnorderedElementsAre("1", "2"));
  answer({});
  EXPECT_EQ(desk.unstored(), 0u);
}

TEST_F(LampDeskTest, ClearingWhatNeverWasNeedsNoStore) {
  const lamp::Edit edit{.name = "2", .kind = lamp::Edit::Kind::kClear, .key = nullptr, .off = nullptr};
  ASSERT_TRUE(desk.change(kAor, {&edit, 1}, {}, false, [this](auto done) { told.push_back(std::move(done)); }));
  EXPECT_TRUE(commits.empty());
  EXPECT_EQ(told.size(), 1u);
}

TEST_F(LampDeskTest, AnErrorIsAnsweredAtOnceAndStoresNothing) {
  const auto wrong = set("no such name at all", Light::kOn);
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().kind, lamp::KeyboardError::Kind::kName);
  EXPECT_TRUE(commits.empty());
  EXPECT_TRUE(told.empty());
}

TEST_F(LampDeskTest, TheFirstKeyOfAPhoneFindsItsContactsAndTheirModel) {
  bind("sip:101@a", clock.wall());
  const auto wrong = set("9999", Light::kOn);
  ASSERT_FALSE(wrong);
  EXPECT_THAT(wrong.error().what, testing::HasSubstr("snom370"));
}

TEST_F(LampDeskTest, ContactsThatComeAndGoAreFollowed) {
  ASSERT_TRUE(set("2", Light::kOn));
  answer({});
  EXPECT_TRUE(wakes.empty());
  bind("sip:101@a", clock.wall(), 1);
  desk.contacts_changed(kAor);
  ASSERT_EQ(wakes.size(), 1u);
  EXPECT_EQ(wakes[0].worker, 1);
  location.apply({.aor = kAor, .put = {}, .remove = {"sip:101@a"}});
  desk.contacts_changed(kAor);
  EXPECT_TRUE(phones.view(kAor)->contacts.empty());
}

TEST_F(LampDeskTest, PhonesWithoutKeysCostNothing) {
  bind("sip:101@a", clock.wall());
  desk.contacts_changed(kAor);
  EXPECT_EQ(phones.phones(), 0u);
}

TEST_F(LampDeskTest, WatchersHearOfTheirPhoneUntilTheyAreGone) {
  int heard = 0;
  const auto number = desk.watch(kAor, [&] { ++heard; });
  desk.progressed(kAor);
  desk.progressed("102@localhost");
  EXPECT_EQ(heard, 1);
  desk.unwatch(number);
  desk.progressed(kAor);
  EXPECT_EQ(heard, 1);
}

}  // namespace
}  // namespace lamplighter::service
