#include "service/dial_plan.h"

#include <gtest/gtest.h>

namespace lamplighter::service {
namespace {

DialPlanSettings tutorial() {
  DialPlanSettings settings;
  settings.lights = {{"431", lamp::Light::kOn}, {"432", lamp::Light::kOff}, {"435", lamp::Light::kPickup}};
  return settings;
}

TEST(DialPlan, OrdersTheLightOfTheNumberWithItsLabel) {
  const DialPlan plan(tutorial());
  const auto* order = plan.match("snom370/8.4.35", "435");
  ASSERT_NE(order, nullptr);
  EXPECT_EQ(order->name, "2");
  EXPECT_EQ(order->key, (lamp::Key{lamp::Light::kPickup, {}, "Light is pickup", "432", lamp::Press::kInvite}));
}

TEST(DialPlan, LeavesOtherNumbersAndOtherPhonesToCallRouting) {
  const DialPlan plan(tutorial());
  EXPECT_EQ(plan.match("snom370/8.4.35", "449"), nullptr);
  EXPECT_EQ(plan.match("snom370/8.4.35", "4310"), nullptr);
  EXPECT_EQ(plan.match("Yealink SIP-T46S", "431"), nullptr);
  EXPECT_EQ(plan.match("Snom370/8.4.35", "431"), nullptr) << "the tutorial's match is case-sensitive";
  EXPECT_EQ(plan.match("", "431"), nullptr);
}

TEST(DialPlan, AnEmptyPatternMeansEveryPhone) {
  auto settings = tutorial();
  settings.user_agent.clear();
  EXPECT_NE(DialPlan(settings).match("", "431"), nullptr);
}

TEST(DialPlan, SaysNothingWhenSwitchedOff) {
  auto settings = tutorial();
  settings.enabled = false;
  EXPECT_EQ(DialPlan(settings).match("snom370/8.4.35", "431"), nullptr);
}

TEST(DialPlan, FillsInTheLightWhereverTheLabelAsks) {
  auto settings = tutorial();
  settings.label = "{light} / {light}";
  EXPECT_EQ(DialPlan(settings).match("snom", "431")->key.label, "on / on");
}

TEST(DialPlan, AToggleLightsADarkLampAndDarkensALitOne) {
  auto settings = tutorial();
  settings.toggles = {"441"};
  const DialPlan plan(settings);
  const auto* order = plan.match("snom370", "441");
  ASSERT_NE(order, nullptr);
  const auto edit = order->edit();
  EXPECT_EQ(edit.kind, lamp::Edit::Kind::kToggle);
  ASSERT_TRUE(edit.key && edit.off);
  EXPECT_EQ(edit.key->label, "Light is on");
  EXPECT_EQ(edit.off->label, "Light is off");
  EXPECT_EQ(plan.match("snom370", "431")->edit().kind, lamp::Edit::Kind::kSet);
}

TEST(DialPlan, FindsANumberForKeysThatHaveItWhateverThePhone) {
  const DialPlan plan(tutorial());
  EXPECT_NE(plan.find("431"), nullptr);
  EXPECT_EQ(plan.find("449"), nullptr);
}

}  // namespace
}  // namespace lamplighter::service
