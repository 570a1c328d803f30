#include "lamp/key.h"

#include <gtest/gtest.h>

namespace lamplighter::lamp {
namespace {

TEST(Key, EveryLightHasANameThatLeadsBackToIt) {
  EXPECT_EQ(lights().size(), 10u);
  for (const Light light : lights()) EXPECT_EQ(light_from(name_of(light)), light) << name_of(light);
  EXPECT_EQ(light_names(), "off on hold pickup park message offline error seized record");
}

TEST(Key, NamesOfLightsAreMatchedExactly) {
  EXPECT_EQ(light_from("blink"), std::nullopt);
  EXPECT_EQ(light_from("On"), std::nullopt);
  EXPECT_EQ(light_from("on "), std::nullopt);
  EXPECT_EQ(light_from(""), std::nullopt);
}

TEST(Key, ColoursAndPressesLeadBackToo) {
  for (const auto color : {Color::kRed, Color::kGreen, Color::kOrange, Color::kLocal, Color::kRemote}) {
    EXPECT_EQ(color_from(name_of(color)), color);
  }
  for (const auto press : {Press::kInvite, Press::kMessage, Press::kToggle}) {
    EXPECT_EQ(press_from(name_of(press)), press);
  }
  EXPECT_EQ(name_of(Press::kToggle), "toggle");
  EXPECT_EQ(color_from("blue"), std::nullopt);
  EXPECT_EQ(press_from("dial"), std::nullopt);
}

TEST(Key, ANameIsATokenOfAtMost32Characters) {
  EXPECT_TRUE(check_key_name("2"));
  EXPECT_TRUE(check_key_name("P12"));
  EXPECT_TRUE(check_key_name(std::string(32, '7')));
  for (const std::string bad : {"", "2 3", "2\r\nc=on", "ä", "2="}) EXPECT_FALSE(check_key_name(bad)) << bad;
  const auto long_name = check_key_name(std::string(33, '7'));
  ASSERT_FALSE(long_name);
  EXPECT_NE(long_name.error().find("expected a key name of 1 to 32"), std::string::npos);
}

}  // namespace
}  // namespace lamplighter::lamp
