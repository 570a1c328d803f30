#include "view/phone_view.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "phone/text_width.h"
#include "view/words.h"

namespace lamplighter::view {
namespace {

using testing::HasSubstr;
using testing::Not;

WallTime now() { return *parse_time("2026-11-23T22:01:00.000Z"); }

constexpr std::string_view kTwoPhones = R"({"phone":"101@127.0.0.1","registered":true,"confirmed":false,
"contacts":[
 {"contact":"sip:101@127.0.0.1:40001","model":"snom370","user_agent":"snom370/8.7","address":"127.0.0.1:40001",
  "transport":"UDP","registered_at":"2026-11-23T22:00:00.000Z","expires_in":3540,"delivering":true,"in_flight":false},
 {"contact":"sip:101@127.0.0.1:40002;line=q","model":"snomD785","user_agent":"snomD785/10","address":"127.0.0.1:40002",
  "transport":"UDP","registered_at":"2026-11-23T21:00:00.000Z","expires_in":60,"delivering":true,"in_flight":false,
  "next_try":"2026-11-23T22:01:11.200Z"}],
"keys":[
 {"key":"10","version":3,"desired":null,"state":"confirmed","contacts":[
  {"contact":"sip:101@127.0.0.1:40001","state":"confirmed","shows":{"light":"off"}},
  {"contact":"sip:101@127.0.0.1:40002;line=q","state":"confirmed","shows":{"light":"off"}}]},
 {"key":"2","version":1,"desired":{"light":"on","label":"Light is on","number":"432","action":"invite"},
  "state":"refused","contacts":[
  {"contact":"sip:101@127.0.0.1:40001","state":"refused","status":415,"shows":{"light":"off"}},
  {"contact":"sip:101@127.0.0.1:40002;line=q","state":"unreachable","shows":null}]},
 {"key":"3","version":2,"desired":{"light":"hold","label":"Türöffner Eingang Süd","number":"*21","action":"message"},
  "state":"retrying","contacts":[
  {"contact":"sip:101@127.0.0.1:40001","state":"confirmed","shows":{"light":"hold"}},
  {"contact":"sip:101@127.0.0.1:40002;line=q","state":"retrying","status":503,"shows":{"light":"park"}}]}]})";

TEST(PhoneView, DesiredStandsBesideWhatEachPhoneIsConfirmedToShow) {
  const auto panel = draw_phone(kTwoPhones, {}, now());
  ASSERT_TRUE(panel) << panel.error();
  EXPECT_EQ(*panel, R"(┌─ 101@127.0.0.1 ─────────────────────────────────────── 2 of 3 not confirmed ─┐
│ 1 snom370  sip:101@127.0.0.1:40001                                           │
│   127.0.0.1:40001 UDP, registered 60 s ago, 59 min left                      │
│ 2 snomD785 sip:101@127.0.0.1:40002;line=q                                    │
│   127.0.0.1:40002 UDP, registered 61 min ago, 60 s left                      │
├─ desired ───────────────────────┬─ confirmed to show ────────────────────────┤
│   2 ● on      Light is on → 432 │ 1 ○ off     refused (415)                  │
│                                 │ 2 · unknown unreachable, next try in 12 s  │
│   3 ● hold                      │ 1 ● hold    confirmed                      │
│       Türöffner Eingang … » *21 │ 2 ● park    answered 503, next try in 12 s │
│  10 ○ cleared                   │ 1 ○ off     confirmed                      │
│                                 │ 2 ○ off     confirmed                      │
└─────────────────────────────────┴────────────────────────────────────────────┘
)");
}

TEST(PhoneView, APhoneThatIsNotRegisteredIsSaidToBe) {
  const auto panel = draw_phone(R"({"phone":"102@pbx","registered":false,"confirmed":false,"contacts":[],"keys":[
      {"key":"1","version":1,"desired":{"light":"on","color":"green","action":"toggle"},"state":"no phone",
       "contacts":[]}]})",
                                {}, now());
  ASSERT_TRUE(panel) << panel.error();
  EXPECT_EQ(*panel, R"(┌─ 102@pbx ─────────────────────────────────────────────────── not registered ─┐
│ Not registered: its lamps are sent as soon as it registers.                  │
├─ desired ──────────────────────┬─ confirmed to show ─────────────────────────┤
│   1 ● on green ⇄               │ no phone shows it                           │
└────────────────────────────────┴─────────────────────────────────────────────┘
)");
}

TEST(PhoneView, APhoneWithoutKeysIsNoError) {
  const auto panel = draw_phone(R"({"phone":"102@pbx","registered":false,"contacts":[],"keys":[]})", {}, now());
  ASSERT_TRUE(panel);
  EXPECT_THAT(*panel, HasSubstr("Not registered, and no key is set."));
}

TEST(PhoneView, AContactThatGetsNoLampsSaysWhy) {
  const auto panel = draw_phone(R"({"phone":"1@d","registered":true,"keys":[],"contacts":[
      {"contact":"sip:1@h","model":"generic","address":"192.0.2.1:5060","transport":"UDP",
       "registered_at":"2026-11-23T22:00:00.000Z","expires_in":30,"delivering":false,"in_flight":false}]})",
                                {}, now());
  ASSERT_TRUE(panel);
  EXPECT_THAT(*panel, HasSubstr("registered 60 s ago, 30 s left; its model has no lamps"));
}

TEST(PhoneView, EveryLineHasTheWidthAskedWhateverTheServerSays) {
  const std::string many(200, 'x');
  const auto document = fmt::format(
      R"({{"phone":"{0}@d","registered":true,"contacts":[
      {{"contact":"sip:{0}","model":"{0}","address":"{0}","transport":"UDP","delivering":true,"in_flight":true}}],
      "keys":[{{"key":"{0}","desired":{{"light":"message","color":"orange","label":"{0}留守番","number":"{0}"}},
      "state":"{0}","contacts":[{{"contact":"sip:{0}","state":"{0}","shows":{{"light":"{0}"}}}},
      {{"contact":"other","state":"refused","status":488,"shows":null}}]}}, {{}}, {{"key":7,"contacts":[null]}}]}})",
      many);
  for (int width = 64; width <= 110; ++width) {
    const auto panel = draw_phone(document, {.width = width}, now());
    ASSERT_TRUE(panel) << panel.error();
    std::istringstream lines(*panel);
    for (std::string line; std::getline(lines, line);) ASSERT_EQ(phone::text_width(line), width) << *panel;
  }
}

TEST(PhoneView, ColoursAreOnlyForTerminals) {
  const auto plain = draw_phone(kTwoPhones, {}, now());
  const auto coloured = draw_phone(kTwoPhones, {.colour = true}, now());
  ASSERT_TRUE(plain && coloured);
  EXPECT_THAT(*plain, Not(HasSubstr("\x1b")));
  EXPECT_THAT(*coloured, HasSubstr("\x1b[91mrefused (415)"));
  EXPECT_THAT(*coloured, HasSubstr("\x1b[32mconfirmed"));
}

TEST(PhoneView, ATerminalIsNotSteeredByALabel) {
  const auto panel = draw_phone(R"({"phone":"1@d","registered":true,"contacts":[],"keys":[
      {"key":"1","desired":{"light":"on","label":"\u001b[2J"},"state":"no phone","contacts":[]}]})",
                                {}, now());
  ASSERT_TRUE(panel);
  EXPECT_THAT(*panel, Not(HasSubstr("\x1b")));
  EXPECT_THAT(*panel, HasSubstr("?[2J"));
}

TEST(PhoneView, WhatIsNoPhoneIsAnError) {
  EXPECT_THAT(draw_phone("<html>", {}, now()).error(), HasSubstr("no JSON"));
  EXPECT_THAT(draw_phone("[1]", {}, now()).error(), HasSubstr("no array \"keys\""));
  for (const auto* wrong : {"{}", R"({"phones":7})"}) {
    EXPECT_THAT(draw_phones(wrong).error(), HasSubstr("no array \"phones\"")) << wrong;
  }
}

TEST(PhonesView, ATableAndHowToSeeMore) {
  const auto table = draw_phones(R"({"phones":[
      {"phone":"101@127.0.0.1","registered":true,"contacts":1,"keys":12,"unconfirmed":0},
      {"phone":"102@127.0.0.1","registered":true,"contacts":2,"keys":1,"unconfirmed":1},
      {"phone":"9@x","registered":false,"contacts":0,"keys":3,"unconfirmed":3}],"next":"9@x"})");
  ASSERT_TRUE(table) << table.error();
  EXPECT_EQ(*table, R"(phone          registered     keys  lamps not confirmed
101@127.0.0.1  1 contact        12                    0
102@127.0.0.1  2 contacts        1                    1
9@x            no                3                    3
more with --after 9@x
)");
  EXPECT_EQ(draw_phones(R"({"phones":[]})"), "no phones\n");
}

}  // namespace
}  // namespace lamplighter::view
