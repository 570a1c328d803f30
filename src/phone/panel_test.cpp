#include "phone/panel.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

#include "phone/text_width.h"

namespace lamplighter::phone {
namespace {

using lamp::Light;
using testing::HasSubstr;
using testing::Not;

PanelState snom370() {
  PanelState state{"101@127.0.0.1", "snom370", "registered at 127.0.0.1:5060", "idle", {}};
  for (int i = 1; i <= 12; ++i) state.keys.push_back({fmt::format("{}", i), {}});
  return state;
}

TEST(Panel, LooksLikeThePhoneOnEightyColumns) {
  auto state = snom370();
  state.call = "talking with sip:102@127.0.0.1";
  state.keys[1].key = {Light::kOn, lamp::Color::kGreen, "Light is on", "432", lamp::Press::kInvite};
  state.keys[2].key = {Light::kHold, {}, "Türöffner Eingang Süd, Hintertreppe", "*21", lamp::Press::kMessage};
  state.keys[6].key = {Light::kPickup, {}, "", "205", lamp::Press::kInvite};
  state.keys[7].key = {Light::kMessage, {}, "留守番電話", "700", lamp::Press::kInvite};
  EXPECT_EQ(draw(state, 0, false, 80),
            R"(┌─ 101@127.0.0.1 ──────────────────────────────────────────────────── snom370 ─┐
│ registered at 127.0.0.1:5060                  talking with sip:102@127.0.0.1 │
├──────────────────────────────────────┬───────────────────────────────────────┤
│   1 ○                                │   7 ● pickup                    → 205 │
│   2 ● on      Light is on      → 432 │   8 ● message 留守番電話        → 700 │
│   3 ● hold    Türöffner Einga… » *21 │   9 ○                                 │
│   4 ○                                │  10 ○                                 │
│   5 ○                                │  11 ○                                 │
│   6 ○                                │  12 ○                                 │
└──────────────────────────────────────┴───────────────────────────────────────┘
)");
}

TEST(Panel, NarrowTerminalGetsOneColumn) {
  auto state = snom370();
  state.keys.resize(3);
  state.keys[1].key = {Light::kOn, {}, "Light is on", "432", lamp::Press::kInvite};
  EXPECT_EQ(draw(state, 0, false, 40), R"(┌─ 101@127.0.0.1 ──────────── snom370 ─┐
│ registered at 127.0.0.1:5060    idle │
├──────────────────────────────────────┤
│   1 ○                                │
│   2 ● on      Light is on      → 432 │
│   3 ○                                │
└──────────────────────────────────────┘
)");
}

TEST(Panel, EveryLineHasTheWidthAsked) {
  auto state = snom370();
  state.name = std::string(300, 'n');
  state.call = std::string(300, 'c');
  for (auto& entry : state.keys) {
    entry.key = {Light::kMessage, {}, std::string(100, 'l'), std::string(100, '9'), lamp::Press::kInvite};
  }
  for (const std::size_t keys : {0u, 1u, 6u, 12u, 24u, 48u}) {
    state.keys.resize(keys, {"48", {}});
    for (int width = 40; width <= 200; ++width) {
      std::istringstream lines(draw(state, 0, false, width));
      for (std::string line; std::getline(lines, line);) ASSERT_EQ(text_width(line), width) << line;
    }
  }
}

TEST(Panel, SlowAndFastLightsBlink) {
  const auto lit = [](Light light) {
    std::string out;
    for (unsigned phase = 0; phase < 8; ++phase) out += is_lit(light, phase) ? '*' : '.';
    return out;
  };
  for (const auto light : {Light::kOn, Light::kSeized}) EXPECT_EQ(lit(light), "********");
  for (const auto light : {Light::kHold, Light::kPark, Light::kMessage, Light::kOffline, Light::kRecord}) {
    EXPECT_EQ(lit(light), "**..**..");
  }
  for (const auto light : {Light::kPickup, Light::kError}) EXPECT_EQ(lit(light), "*.*.*.*.");
  EXPECT_EQ(lit(Light::kOff), "........");

  auto state = snom370();
  state.keys[0].key.light = Light::kOn;
  EXPECT_FALSE(blinks(state));
  state.keys[0].key.light = Light::kPickup;
  EXPECT_TRUE(blinks(state));
  EXPECT_NE(draw(state, 0, false, 80), draw(state, 1, false, 80));
}

TEST(Panel, ColoursAreTheKeysOwnAndRedWithoutOne) {
  auto state = snom370();
  state.keys[0].key = {Light::kOn, {}, "", "", {}};
  state.keys[1].key = {Light::kOn, lamp::Color::kLocal, "", "", {}};
  state.keys[2].key = {Light::kOn, lamp::Color::kOrange, "", "", {}};
  const auto frame = draw(state, 0, true, 80);
  EXPECT_THAT(frame, HasSubstr("  1 \x1b[91m●\x1b[0m on"));
  EXPECT_THAT(frame, HasSubstr("  2 \x1b[92m●\x1b[0m on"));
  EXPECT_THAT(frame, HasSubstr("  3 \x1b[38;5;208m●\x1b[0m on"));
  EXPECT_THAT(draw(state, 0, false, 80), Not(HasSubstr("\x1b")));
}

TEST(TextWidth, CutsBetweenCharactersAndDisarmsControlCharacters) {
  EXPECT_EQ(fit("Türöffner", 4), "Tür…");
  EXPECT_EQ(fit("Tür", 5), "Tür  ");
  EXPECT_EQ(fit("留守番", 4), "留… ");  // a wide character does not fit into half its room
  EXPECT_EQ(text_width("e\u0301"), 1);
  EXPECT_EQ(fit("\x1b[2J\xff", 5), "?[2J?");
  EXPECT_EQ(fit("abc", 0), "");
}

}  // namespace
}  // namespace lamplighter::phone
