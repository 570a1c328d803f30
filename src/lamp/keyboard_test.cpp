#include "lamp/keyboard.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace lamplighter::lamp {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

constexpr std::uint64_t kMillis = 1'700'000'000'000;
constexpr WallTime kNow{milliseconds{kMillis}};

Key lit(Light light) { return {.light = light, .label = "Light", .number = "432"}; }

TEST(Keyboard, AKeySetIsFoundInItsSlotWithItsVersion) {
  Keyboard keyboard;
  EXPECT_EQ(keyboard.find("2"), std::nullopt);
  const auto slot = keyboard.set("2", lit(Light::kOn), kNow);
  ASSERT_EQ(slot, 0);
  EXPECT_EQ(keyboard.find("2"), slot);
  EXPECT_EQ(keyboard.at(*slot), (KeyState{"2", lit(Light::kOn), kMillis}));
  EXPECT_EQ(keyboard.name(*slot), "2");
  EXPECT_EQ(keyboard.key(*slot), lit(Light::kOn));
  EXPECT_EQ(keyboard.version(*slot), kMillis);
  EXPECT_EQ(keyboard.version(), kMillis);
  EXPECT_EQ(keyboard.released(*slot), 0u) << "the store has not spoken yet";
  EXPECT_EQ(keyboard.size(), 1u);
  EXPECT_EQ(keyboard.set_keys(), 1u);
}

TEST(Keyboard, SettingWhatIsThereChangesNothing) {
  Keyboard keyboard;
  const auto slot = *keyboard.set("2", lit(Light::kOn), kNow);
  EXPECT_EQ(keyboard.set("2", lit(Light::kOn), kNow + hours(1)), std::nullopt);
  EXPECT_EQ(keyboard.version(slot), kMillis);
  EXPECT_EQ(keyboard.version(), kMillis);
}

TEST(Keyboard, AKeyIsReplacedAsAWhole) {
  Keyboard keyboard;
  const auto slot = *keyboard.set("2", Key{Light::kOn, Color::kRed, "Door", "99", Press::kMessage}, kNow);
  EXPECT_EQ(keyboard.set("2", Key{.light = Light::kHold}, kNow), slot);
  EXPECT_EQ(keyboard.key(slot), Key{.light = Light::kHold});
}

TEST(Keyboard, AnyPartOfAKeyThatDiffersIsAChange) {
  const Key base{Light::kOn, Color::kRed, "Door", "99", Press::kMessage};
  for (const Key& other :
       {Key{Light::kOff, Color::kRed, "Door", "99", Press::kMessage},
        Key{Light::kOn, std::nullopt, "Door", "99", Press::kMessage}, Key{Light::kOn, Color::kRed, "", "99"},
        Key{Light::kOn, Color::kRed, "Door", "98", Press::kMessage},
        Key{Light::kOn, Color::kRed, "Door", "99", Press::kToggle}}) {
    Keyboard keyboard;
    (void)keyboard.set("2", base, kNow);
    EXPECT_TRUE(keyboard.set("2", other, kNow));
  }
}

TEST(Keyboard, AClearedKeyKeepsItsSlotAndGetsAVersion) {
  Keyboard keyboard;
  const auto slot = *keyboard.set("2", lit(Light::kOn), kNow);
  EXPECT_EQ(keyboard.set("2", std::nullopt, kNow), slot);
  EXPECT_EQ(keyboard.at(slot), (KeyState{"2", std::nullopt, kMillis + 1}));
  EXPECT_EQ(keyboard.size(), 1u);
  EXPECT_EQ(keyboard.set_keys(), 0u);
  EXPECT_EQ(keyboard.set("2", lit(Light::kOn), kNow), slot);
  EXPECT_EQ(keyboard.set_keys(), 1u);
}

TEST(Keyboard, ClearingWhatIsNotSetChangesNothing) {
  Keyboard keyboard;
  EXPECT_EQ(keyboard.set("2", std::nullopt, kNow), std::nullopt);
  EXPECT_EQ(keyboard.size(), 0u) << "clearing what never was leaves no trace";
  (void)keyboard.set("2", lit(Light::kOn), kNow);
  (void)keyboard.set("2", std::nullopt, kNow);
  const auto version = keyboard.version();
  EXPECT_EQ(keyboard.set("2", std::nullopt, kNow + hours(1)), std::nullopt);
  EXPECT_EQ(keyboard.version(), version);
}

TEST(Keyboard, SlotsAreNumberedInOrderOfFirstUseAndStayWhereTheyAre) {
  Keyboard keyboard;
  EXPECT_EQ(keyboard.set("10", lit(Light::kOn), kNow), 0);
  EXPECT_EQ(keyboard.set("2", lit(Light::kOn), kNow), 1);
  EXPECT_EQ(keyboard.set("10", std::nullopt, kNow), 0);
  EXPECT_EQ(keyboard.set("1", lit(Light::kOn), kNow), 2);
  EXPECT_EQ(keyboard.set("10", lit(Light::kHold), kNow), 0);
  EXPECT_EQ(keyboard.find("2"), 1);
}

TEST(Keyboard, VersionsFollowTheWallClockAndGrowWhenItIsSetBack) {
  Keyboard keyboard;
  const auto version_after = [&](Light light, WallTime now) {
    return keyboard.version(*keyboard.set("2", light == Light::kOff ? std::nullopt : std::optional(lit(light)), now));
  };
  EXPECT_EQ(version_after(Light::kOn, kNow), kMillis);
  EXPECT_EQ(version_after(Light::kHold, kNow), kMillis + 1) << "two within a millisecond";
  EXPECT_EQ(version_after(Light::kPark, kNow - hours(24)), kMillis + 2);
  EXPECT_EQ(version_after(Light::kOff, kNow - hours(24)), kMillis + 3) << "clearing is a change like any other";
  EXPECT_EQ(version_after(Light::kOn, WallTime{milliseconds{-5}}), kMillis + 4) << "before 1970";
  EXPECT_EQ(version_after(Light::kHold, kNow + hours(1)), kMillis + 3'600'000);
}

TEST(Keyboard, VersionsAreThoseOfTheWholeKeyboard) {
  Keyboard keyboard;
  std::set<std::uint64_t> versions;
  for (const auto name : {"1", "2", "3", "4"})
    versions.insert(keyboard.version(*keyboard.set(name, lit(Light::kOn), kNow)));
  EXPECT_EQ(versions.size(), 4u);
  EXPECT_EQ(keyboard.version(), *versions.rbegin());
}

TEST(Keyboard, AVersionThatWasPassedIsNotGivenAgain) {
  Keyboard keyboard;
  keyboard.pass(kMillis + 50);
  EXPECT_EQ(keyboard.version(*keyboard.set("2", lit(Light::kOn), kNow)), kMillis + 51);
  keyboard.pass(3);
  EXPECT_EQ(keyboard.version(), kMillis + 51);
}

TEST(Keyboard, TheStoresVerdictOnlyMovesForward) {
  Keyboard keyboard;
  const auto slot = *keyboard.set("2", lit(Light::kOn), kNow);
  keyboard.release(slot, 7);
  EXPECT_EQ(keyboard.released(slot), 7u);
  keyboard.release(slot, 5);
  EXPECT_EQ(keyboard.released(slot), 7u);
  (void)keyboard.set("2", lit(Light::kOff), kNow);
  EXPECT_EQ(keyboard.released(slot), 7u) << "the new state has yet to be stored";
}

TEST(Keyboard, RestoredStatesKeepTheirVersionsAndCountAsReleased) {
  Keyboard keyboard;
  keyboard.restore({"2", lit(Light::kOn), 5});
  keyboard.restore({"1", std::nullopt, 9});
  EXPECT_EQ(keyboard.version(), 9u);
  EXPECT_EQ(keyboard.at(0), (KeyState{"2", lit(Light::kOn), 5}));
  EXPECT_EQ(keyboard.released(0), 5u);
  EXPECT_EQ(keyboard.at(1), (KeyState{"1", std::nullopt, 9})) << "a cleared key is restored as such";
  EXPECT_EQ(keyboard.set_keys(), 1u);
  EXPECT_EQ(keyboard.version(*keyboard.set("2", lit(Light::kOff), WallTime{})), 10u);
}

TEST(Keyboard, ARestoredStateDoesNotOvertakeANewerOne) {
  Keyboard keyboard;
  keyboard.restore({"2", lit(Light::kOn), 5});
  keyboard.restore({"2", lit(Light::kError), 4});
  keyboard.restore({"2", lit(Light::kError), 5});
  EXPECT_EQ(keyboard.key(0), lit(Light::kOn));
  keyboard.restore({"2", std::nullopt, 6});
  EXPECT_EQ(keyboard.at(0), (KeyState{"2", std::nullopt, 6}));
  keyboard.restore({"2", lit(Light::kOn), 5});
  EXPECT_EQ(keyboard.key(0), std::nullopt) << "what was cleared does not come back";
  EXPECT_EQ(keyboard.set_keys(), 0u);
}

TEST(Keyboard, AClearedSlotCanBecomeAnotherKeys) {
  Keyboard keyboard;
  const auto slot = *keyboard.set("2", lit(Light::kOn), kNow);
  (void)keyboard.set("3", lit(Light::kOn), kNow);
  (void)keyboard.set("2", std::nullopt, kNow);
  keyboard.release(slot, keyboard.version(slot));
  keyboard.history(slot) = 17;
  const auto before = keyboard.version();
  keyboard.reuse(slot, "77");
  EXPECT_EQ(keyboard.find("2"), std::nullopt);
  EXPECT_EQ(keyboard.find("77"), slot);
  EXPECT_EQ(keyboard.at(slot), (KeyState{"77", std::nullopt, 0}));
  EXPECT_EQ(keyboard.released(slot), 0u);
  EXPECT_EQ(std::as_const(keyboard).history(slot), 0u) << "the past of another key";
  EXPECT_EQ(keyboard.set("77", lit(Light::kOn), WallTime{}), slot);
  EXPECT_EQ(keyboard.version(slot), before + 1);
  EXPECT_EQ(keyboard.size(), 2u);
  EXPECT_EQ(keyboard.set_keys(), 2u);
}

TEST(Keyboard, AClearedKeyLooksDark) {
  EXPECT_EQ(look_of(std::nullopt), (Look{Light::kOff, std::nullopt}));
  EXPECT_EQ(look_of(Key{.light = Light::kHold, .color = Color::kRed, .label = "x"}), (Look{Light::kHold, Color::kRed}));
}

TEST(Keyboard, NamesAreOrderedAsPeopleCount) {
  std::vector<std::string> names{"10", "P1", "2", "20", "1", "A1"};
  std::ranges::sort(names, name_before);
  EXPECT_THAT(names, testing::ElementsAre("1", "2", "10", "20", "A1", "P1"));
}

// Against a plain map: what a keyboard holds is what was set last, and versions only grow.
RC_GTEST_PROP(KeyboardProperty, HoldsWhatWasSetLast, ()) {
  Keyboard keyboard;
  std::map<std::string, std::optional<Key>> model;  // cleared ones too
  std::uint64_t last = 0;
  const auto steps = *rc::gen::container<std::vector<std::tuple<int, int>>>(
      rc::gen::tuple(rc::gen::inRange(1, 15), rc::gen::inRange<int>(0, 4)));
  for (const auto& [number, light] : steps) {
    const auto name = std::to_string(number);
    const auto key = light == 3 ? std::nullopt : std::optional(lit(lights()[static_cast<std::size_t>(light)]));
    const bool differs = model.contains(name) ? model[name] != key : key.has_value();
    const auto slot = keyboard.set(name, key, WallTime{milliseconds{number}});
    RC_ASSERT(slot.has_value() == differs);
    if (slot) {
      RC_ASSERT(keyboard.version(*slot) > last);
      last = keyboard.version(*slot);
      model[name] = key;
    }
    RC_ASSERT(keyboard.version() == last);
    RC_ASSERT(keyboard.size() == model.size());
    std::size_t set = 0;
    for (const auto& [known, value] : model) {
      RC_ASSERT(keyboard.key(*keyboard.find(known)) == value);
      set += static_cast<std::size_t>(value.has_value());
    }
    RC_ASSERT(keyboard.set_keys() == set);
  }
}

// In whatever order stored states come back, the newest of each key wins.
RC_GTEST_PROP(KeyboardProperty, RestoringIsIndependentOfTheOrder, ()) {
  const auto steps = *rc::gen::container<std::vector<std::tuple<int, bool>>>(
      rc::gen::tuple(rc::gen::inRange(1, 5), rc::gen::arbitrary<bool>()));
  std::vector<KeyState> states;
  for (const auto& [number, set] : steps) {
    const std::uint64_t version = states.size() + 1;
    states.push_back(
        {std::to_string(number), set ? std::optional(Key{.label = std::to_string(version)}) : std::nullopt, version});
  }
  Keyboard forwards, backwards;
  for (const auto& state : states) forwards.restore(state);
  std::ranges::reverse(states);
  for (const auto& state : states) backwards.restore(state);
  RC_ASSERT(forwards.version() == backwards.version());
  RC_ASSERT(forwards.set_keys() == backwards.set_keys());
  for (const auto& state : states) {
    RC_ASSERT(forwards.at(*forwards.find(state.name)) == backwards.at(*backwards.find(state.name)));
  }
}

}  // namespace
}  // namespace lamplighter::lamp
