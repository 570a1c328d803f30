#include "lamp/keyboard.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <map>
#include <thread>

namespace lamplighter::lamp {
namespace {

constexpr WallTime kNow{std::chrono::milliseconds{1'700'000'000'000}};
const Origin kDialled{Origin::Kind::kDial, "431 dialled"};

Key lit(Light light) { return {.light = light, .label = "Light", .number = "432"}; }

TEST(Keyboards, SettingAKeyReportsTheChangeAndItsOrigin) {
  Keyboards keyboards;
  const auto change = keyboards.set("101@example.com", "2", lit(Light::kOn), kDialled, kNow);
  ASSERT_TRUE(change);
  EXPECT_TRUE(change->changed);
  EXPECT_EQ(change->aor, "101@example.com");
  EXPECT_EQ(change->name, "2");
  EXPECT_EQ(change->key, lit(Light::kOn));
  EXPECT_EQ(change->origin, kDialled);
  EXPECT_EQ(change->at, kNow);
  EXPECT_EQ(keyboards.find("101@example.com", "2")->version, change->version);
}

TEST(Keyboards, SettingWhatIsThereIsReportedAsNoChange) {
  Keyboards keyboards;
  const auto first = keyboards.set("101@x", "2", lit(Light::kOn), kDialled, kNow);
  const auto again = keyboards.set("101@x", "2", lit(Light::kOn), kDialled, kNow + std::chrono::hours(1));
  ASSERT_TRUE(again);
  EXPECT_FALSE(again->changed);
  EXPECT_EQ(again->version, first->version);
  EXPECT_EQ(keyboards.snapshot("101@x").version(), first->version);
}

TEST(Keyboards, AKeyIsReplacedAsAWhole) {
  Keyboards keyboards;
  (void)keyboards.set("101@x", "2", Key{Light::kOn, Color::kRed, "Door", "99", Press::kMessage}, kDialled, kNow);
  (void)keyboards.set("101@x", "2", Key{.light = Light::kHold}, kDialled, kNow);
  EXPECT_EQ(keyboards.find("101@x", "2")->key, Key{.light = Light::kHold});
}

TEST(Keyboards, ClearingForgetsTheKeyAndClearingNothingIsNoChange) {
  Keyboards keyboards;
  const auto set = keyboards.set("101@x", "2", lit(Light::kOn), kDialled, kNow);
  const auto cleared = keyboards.set("101@x", "2", std::nullopt, kDialled, kNow);
  EXPECT_TRUE(cleared->changed);
  EXPECT_GT(cleared->version, set->version);
  EXPECT_EQ(keyboards.find("101@x", "2"), std::nullopt);
  EXPECT_FALSE(keyboards.set("101@x", "2", std::nullopt, kDialled, kNow)->changed);
  EXPECT_FALSE(keyboards.set("102@x", "2", std::nullopt, kDialled, kNow)->changed);
  EXPECT_EQ(keyboards.phones(), 1u) << "clearing what never was leaves no trace";
}

TEST(Keyboards, VersionsGrowOverClearingAndRestartsAndAClockSetBack) {
  Keyboards keyboards;
  const auto before = keyboards.set("101@x", "2", lit(Light::kOn), kDialled, kNow)->version;
  const auto back = keyboards.set("101@x", "2", lit(Light::kOff), kDialled, kNow - std::chrono::hours(24))->version;
  EXPECT_GT(back, before);
  const auto cleared = keyboards.set("101@x", "2", std::nullopt, kDialled, kNow)->version;
  EXPECT_GT(cleared, back);

  Keyboards restarted;  // nothing was stored: the key was cleared
  EXPECT_GT(restarted.set("101@x", "2", lit(Light::kOn), kDialled, kNow + std::chrono::seconds(1))->version, cleared);
}

TEST(Keyboards, RestoredKeysKeepTheirVersionsAndDoNotOvertakeNewerOnes) {
  Keyboards keyboards;
  keyboards.restore("101@x", "2", lit(Light::kOn), 5);
  keyboards.restore("101@x", "1", lit(Light::kHold), 9);
  keyboards.restore("101@x", "2", lit(Light::kError), 4);
  const auto keyboard = keyboards.snapshot("101@x");
  EXPECT_EQ(keyboard.version(), 9u);
  EXPECT_EQ(keyboard.find("2")->version, 5u);
  EXPECT_EQ(keyboard.find("2")->key.light, Light::kOn);
  EXPECT_GT(keyboards.set("101@x", "2", lit(Light::kOff), kDialled, WallTime{})->version, 9u);
}

TEST(Keyboards, KeysAreOrderedAsPeopleCount) {
  Keyboards keyboards;
  for (const auto name : {"10", "2", "1", "20"}) (void)keyboards.set("101@x", name, lit(Light::kOn), kDialled, kNow);
  std::vector<std::string> names;
  const auto keyboard = keyboards.snapshot("101@x");
  for (const auto& state : keyboard.keys()) names.push_back(state.name);
  EXPECT_THAT(names, testing::ElementsAre("1", "2", "10", "20"));
}

TEST(Keyboards, TheErrorForOneKeyTooManyNamesTheLimit) {
  Keyboards keyboards({.keys_per_phone = 2});
  ASSERT_TRUE(keyboards.set("101@x", "1", lit(Light::kOn), kDialled, kNow));
  ASSERT_TRUE(keyboards.set("101@x", "2", lit(Light::kOn), kDialled, kNow));
  const auto third = keyboards.set("101@x", "3", lit(Light::kOn), kDialled, kNow);
  ASSERT_FALSE(third);
  EXPECT_EQ(third.error().kind, KeyboardError::Kind::kTooManyKeys);
  EXPECT_EQ(third.error().what, "key 3: the phone has 2 keys set already, expected at most 2 (lamp.keys_per_phone)");
  EXPECT_TRUE(keyboards.set("101@x", "2", lit(Light::kOff), kDialled, kNow)) << "known keys can still change";
  EXPECT_TRUE(keyboards.set("102@x", "3", lit(Light::kOn), kDialled, kNow)) << "the limit is one phone's";
  EXPECT_TRUE(keyboards.set("101@x", "1", std::nullopt, kDialled, kNow));
  EXPECT_TRUE(keyboards.set("101@x", "3", lit(Light::kOn), kDialled, kNow)) << "clearing makes room";
}

TEST(Keyboards, BadNamesAndValuesAreRefusedAndChangeNothing) {
  Keyboards keyboards;
  EXPECT_EQ(keyboards.set("101@x", "", lit(Light::kOn), kDialled, kNow).error().kind, KeyboardError::Kind::kName);
  EXPECT_EQ(keyboards.set("101@x", "2\r\nc=on", std::nullopt, kDialled, kNow).error().kind, KeyboardError::Kind::kName);
  const auto label = keyboards.set("101@x", "2", Key{.label = "a\tb"}, kDialled, kNow);
  ASSERT_FALSE(label);
  EXPECT_EQ(label.error().kind, KeyboardError::Kind::kValue);
  EXPECT_EQ(label.error().what, "label: control character 0x09 at byte 2, expected text without control characters");
  const auto number = keyboards.set("101@x", "2", Key{.number = std::string(257, '1')}, kDialled, kNow);
  ASSERT_FALSE(number);
  EXPECT_EQ(number.error().what, "number: 257 bytes, expected at most 256");
  EXPECT_EQ(keyboards.phones(), 0u);
}

TEST(Keyboards, ForEachVisitsEveryPhoneOnce) {
  Keyboards keyboards;
  for (int phone = 0; phone < 500; ++phone) {
    (void)keyboards.set(std::to_string(phone) + "@x", "2", lit(Light::kOn), kDialled, kNow);
  }
  std::map<std::string, std::size_t> seen;
  keyboards.for_each(
      [&](std::string_view aor, const Keyboard& keyboard) { seen[std::string(aor)] += keyboard.keys().size(); });
  EXPECT_EQ(seen.size(), 500u);
  EXPECT_THAT(seen, testing::Each(testing::Pair(testing::_, 1u)));
  EXPECT_EQ(keyboards.phones(), 500u);
}

TEST(Keyboards, ChangesFromManyThreadsGetDifferentVersions) {
  Keyboards keyboards;
  constexpr int kThreads = 4, kChanges = 500;
  std::array<std::vector<std::uint64_t>, kThreads> versions;
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < kThreads; ++thread) {
      threads.emplace_back([&keyboards, &mine = versions[thread], name = std::to_string(thread)] {
        for (int i = 0; i < kChanges; ++i) {
          mine.push_back(keyboards.set("101@x", name, lit(i % 2 ? Light::kOn : Light::kOff), kDialled, kNow)->version);
        }
      });
    }
  }
  std::set<std::uint64_t> all;
  for (const auto& mine : versions) {
    EXPECT_TRUE(std::ranges::is_sorted(mine));
    all.insert(mine.begin(), mine.end());
  }
  EXPECT_EQ(all.size(), kThreads * kChanges);
}

// Against a plain map: what a keyboard holds is what was set last, and versions only grow.
RC_GTEST_PROP(KeyboardProperty, HoldsWhatWasSetLast, ()) {
  Keyboard keyboard;
  std::map<std::string, Key> model;
  std::uint64_t last = 0;
  const auto steps = *rc::gen::container<std::vector<std::tuple<int, int>>>(
      rc::gen::tuple(rc::gen::inRange(1, 15), rc::gen::inRange(0, 4)));
  for (const auto& [number, light] : steps) {
    const auto name = std::to_string(number);
    const auto key = light == 3 ? std::nullopt : std::optional(lit(lights()[light]));
    const bool differs = key ? !model.contains(name) || model[name] != *key : model.contains(name);
    const auto outcome = keyboard.set(name, key, WallTime{std::chrono::milliseconds{number}});
    RC_ASSERT(outcome.changed == differs);
    RC_ASSERT((outcome.version > last) == differs);
    last = std::max(last, outcome.version);
    if (key) {
      model[name] = *key;
    } else {
      model.erase(name);
    }
    RC_ASSERT(keyboard.keys().size() == model.size());
    for (const auto& [known, value] : model) RC_ASSERT(keyboard.find(known)->key == value);
  }
}

}  // namespace
}  // namespace lamplighter::lamp
