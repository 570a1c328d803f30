#include "lamp/x_buttons.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

namespace lamplighter::lamp {
namespace {

std::string encode(const std::vector<KeyBlock>& blocks) {
  std::string out;
  encode_x_buttons(out, blocks.data(), blocks.size());
  return out;
}

XButtonsError error_of(std::string_view body, XButtonsLimits limits = {}) {
  const auto decoded = decode_x_buttons(body, limits);
  EXPECT_FALSE(decoded) << body;
  return decoded ? XButtonsError{} : decoded.error();
}

KeyBlock tutorial_key(Light light) {
  return {"2", {.light = light, .label = "Light is " + std::string(name_of(light)), .number = "432"}, {}};
}

// The tutorial's ten lamps, byte for byte.
TEST(XButtons, EncodesTheTutorialsTenLights) {
  const std::vector<std::pair<Light, std::string>> golden = {
      {Light::kOn, "k=2\r\nc=on\r\nn=432\r\na=invite\r\nl=Light is on"},
      {Light::kOff, "k=2\r\nc=off\r\nn=432\r\na=invite\r\nl=Light is off"},
      {Light::kHold, "k=2\r\nc=hold\r\nn=432\r\na=invite\r\nl=Light is hold"},
      {Light::kPark, "k=2\r\nc=park\r\nn=432\r\na=invite\r\nl=Light is park"},
      {Light::kPickup, "k=2\r\nc=pickup\r\nn=432\r\na=invite\r\nl=Light is pickup"},
      {Light::kMessage, "k=2\r\nc=message\r\nn=432\r\na=invite\r\nl=Light is message"},
      {Light::kOffline, "k=2\r\nc=offline\r\nn=432\r\na=invite\r\nl=Light is offline"},
      {Light::kSeized, "k=2\r\nc=seized\r\nn=432\r\na=invite\r\nl=Light is seized"},
      {Light::kRecord, "k=2\r\nc=record\r\nn=432\r\na=invite\r\nl=Light is record"},
      {Light::kError, "k=2\r\nc=error\r\nn=432\r\na=invite\r\nl=Light is error"},
  };
  ASSERT_EQ(golden.size(), lights().size());
  for (const auto& [light, bytes] : golden) {
    EXPECT_EQ(encode({tutorial_key(light)}), bytes);
    const auto decoded = decode_x_buttons(bytes);
    ASSERT_TRUE(decoded) << bytes;
    EXPECT_EQ(*decoded, std::vector{tutorial_key(light)});
  }
}

TEST(XButtons, LeavesOutWhatIsEmptyAndAppendsToWhatIsThere) {
  std::string out = "before ";
  const KeyBlock block{"7", {}, {}};
  encode_x_buttons(out, &block, 1);
  EXPECT_EQ(out, "before k=7\r\nc=off");
}

TEST(XButtons, EncodesEveryFieldInItsOrder) {
  const KeyBlock block{"P3",
                       {Light::kPickup, Color::kRed, "Jürgen", "*8205", Press::kMessage},
                       {"205@example.com", "Alice", "in", "3/1", "always 99"}};
  EXPECT_EQ(encode({block}),
            "k=P3\r\nc=pickup\r\no=red\r\nn=*8205\r\na=message\r\nl=Jürgen\r\ni=205@example.com\r\nd=Alice\r\nb=in\r\n"
            "m=3/1\r\nf=always 99");
  EXPECT_EQ(decode_x_buttons(encode({block})), std::vector{block});
}

// A phone knows no toggle: it dials, or says which key was pressed.
TEST(XButtons, AToggleIsSaidInWordsThatPhonesKnow) {
  const Key dialling{.light = Light::kOn, .label = "Night", .number = "432", .press = Press::kToggle};
  EXPECT_EQ(encode({{"5", dialling, {}}}), "k=5\r\nc=on\r\nn=432\r\na=invite\r\nl=Night");
  const Key telling{.light = Light::kOn, .label = "Night", .press = Press::kToggle};
  EXPECT_EQ(encode({{"5", telling, {}}}), "k=5\r\nc=on\r\nn=key-5\r\na=message\r\nl=Night");
  EXPECT_EQ(encode({{"P-3", {.press = Press::kToggle}, {}}}), "k=P-3\r\nc=off\r\nn=key-P-3\r\na=message");
}

TEST(XButtons, AnEmptyLineStartsTheNextKey) {
  const std::vector blocks{tutorial_key(Light::kOn), KeyBlock{"3", {.light = Light::kError}, {}}};
  EXPECT_EQ(encode(blocks), "k=2\r\nc=on\r\nn=432\r\na=invite\r\nl=Light is on\r\n\r\nk=3\r\nc=error");
  EXPECT_EQ(decode_x_buttons(encode(blocks)), blocks);
}

TEST(XButtons, WhatABlockLeavesOutIsTheDefault) {
  const auto decoded = decode_x_buttons("k=2");
  ASSERT_TRUE(decoded);
  EXPECT_EQ(*decoded, (std::vector{KeyBlock{"2", Key{}, Extras{}}}));
}

TEST(XButtons, ReadsBareLineFeedsAndALineEndAfterTheLast) {
  const std::vector expected{tutorial_key(Light::kOn), KeyBlock{"3", {.light = Light::kOn}, {}}};
  EXPECT_EQ(decode_x_buttons("k=2\nc=on\nn=432\na=invite\nl=Light is on\n\n\nk=3\nc=on\n"), expected);
  EXPECT_EQ(decode_x_buttons("\r\nk=2\r\nc=on\nn=432\r\nl=Light is on\r\n\r\nk=3\r\nc=on\r\n\r\n"), expected);
}

TEST(XButtons, IgnoresLettersItDoesNotKnowAndTakesTheLastOfARepeatedOne) {
  const auto decoded = decode_x_buttons("k=2\r\nr=1\r\nt=soft\r\nx=5\r\nl=one\r\nl=two = 2\r\nc=on\r\nc=hold");
  ASSERT_TRUE(decoded);
  EXPECT_EQ(*decoded, (std::vector{KeyBlock{"2", {.light = Light::kHold, .label = "two = 2"}, {}}}));
}

TEST(XButtons, AnUnknownLightNamesItsLineAndWhatWasExpected) {
  const auto error = error_of("k=2\r\nc=blink\r\nl=x");
  EXPECT_EQ(error.line, 2u);
  EXPECT_EQ(error.what,
            "unknown light 'blink', expected one of off on hold pickup park message offline error seized record");
}

TEST(XButtons, UnknownColoursAndActionsAreErrorsToo) {
  EXPECT_EQ(error_of("k=2\no=blue").what, "unknown colour 'blue', expected one of red green orange local remote");
  EXPECT_EQ(error_of("k=2\na=ring").what, "unknown action 'ring', expected invite or message");
  EXPECT_EQ(error_of("k=2\na=toggle").what, "unknown action 'toggle', expected invite or message")
      << "the server's word, not the wire's";
}

TEST(XButtons, AKeyWithoutANameIsAnError) {
  const auto late = error_of("c=on\r\nk=2");
  EXPECT_EQ(late.line, 1u);
  EXPECT_EQ(late.what, "'c=on' before the key's name, expected k= first in its block");
  EXPECT_EQ(error_of("k=2\r\nc=on\r\n\r\nc=off\r\nk=3").line, 4u);
  EXPECT_EQ(error_of("").what, "no key, expected a line k= with the key's name");
  EXPECT_EQ(error_of("\r\n\r\n").line, 3u);
  EXPECT_EQ(error_of("k=\r\nc=on").line, 1u);
  EXPECT_EQ(error_of("k=two words").line, 1u);
  EXPECT_EQ(error_of("k=1\r\nk=2").what, "a second k= in one block, expected an empty line before it");
}

TEST(XButtons, ALineWithoutALetterIsAnError) {
  EXPECT_EQ(error_of("k=2\r\nlight on").what, "'light on', expected a letter, '=' and a value");
  EXPECT_EQ(error_of("k=2\r\nc").line, 2u);
}

TEST(XButtons, ControlCharactersAndInvalidUtf8AreErrors) {
  const auto tab = error_of("k=2\r\nc=on\r\nl=a\tb");
  EXPECT_EQ(tab.line, 3u);
  EXPECT_EQ(tab.what, "control character 0x09 at byte 4, expected text without control characters");
  EXPECT_EQ(error_of("k=2\nl=a\rb").line, 2u) << "a lone CR is not a line end";
  EXPECT_EQ(error_of(std::string_view("k=2\nl=a\0b", 9)).line, 2u);
  EXPECT_EQ(error_of("k=2\nl=\x7f").line, 2u);
  EXPECT_EQ(error_of("k=2\nl=\xc2\x9b").line, 2u) << "C1: a terminal would obey it";
  EXPECT_EQ(error_of("k=2\nl=\xff").what, "invalid UTF-8 byte 0xff at byte 3, expected UTF-8 text");
  for (const auto bad : {"\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82", "\x80", "\xc3("}) {
    EXPECT_EQ(error_of("k=2\nl=" + std::string(bad)).line, 2u) << bad;
  }
  EXPECT_TRUE(decode_x_buttons("k=2\nl=Türe \xe2\x82\xac \xf0\x9f\x92\xa1"));
}

TEST(XButtons, LimitsAreErrorsThatNameTheLimit) {
  EXPECT_EQ(error_of(std::string(1 << 20, 'k')).what, "document of 1048576 bytes, expected at most 65536");
  EXPECT_EQ(error_of("k=2\nl=" + std::string(257, 'x')).what, "l= with 257 bytes, expected at most 256");
  EXPECT_TRUE(decode_x_buttons("k=2\nl=" + std::string(256, 'x')));
  const auto many = error_of("k=1\n\nk=2\n\nk=3", {.keys = 2});
  EXPECT_EQ(many.line, 5u);
  EXPECT_EQ(many.what, "too many keys, expected at most 2");
}

TEST(XButtons, AMegabyteIsReadWhenAllowed) {
  std::string body = "k=2\r\nc=on";
  while (body.size() < (1 << 20)) body += "\r\nz=ignored, but looked at";
  EXPECT_TRUE(decode_x_buttons(body, {.bytes = 2 << 20}));
}

TEST(CheckValue, SaysWhatIsWrong) {
  EXPECT_TRUE(check_value(""));
  EXPECT_TRUE(check_value("Türe 3"));
  EXPECT_EQ(check_value("12345", {.value = 4}).error(), "5 bytes, expected at most 4");
  EXPECT_EQ(check_value("a\nb").error(), "control character 0x0a at byte 2, expected text without control characters");
}

rc::Gen<std::string> text() {
  return rc::gen::map(rc::gen::container<std::vector<std::string>>(rc::gen::element<std::string>(
                          "a", "Z", "0", " ", "=", "ü", "€", "💡", "-", "\xc2\xa0", "{light}", ":", ";")),
                      [](const std::vector<std::string>& pieces) {
                        std::string joined;
                        for (const auto& piece : pieces) {
                          if (joined.size() + piece.size() <= XButtonsLimits{}.value) joined += piece;
                        }
                        return joined;
                      });
}

rc::Gen<KeyBlock> block() {
  using rc::gen::set;
  const auto name = rc::gen::map(rc::gen::inRange(1, 200), [](int number) { return std::to_string(number); });
  const auto light = rc::gen::map(rc::gen::inRange<std::size_t>(0, 10), [](std::size_t i) { return lights()[i]; });
  const auto color = rc::gen::map(rc::gen::inRange(0, 6),
                                  [](int i) { return i == 5 ? std::nullopt : std::optional(static_cast<Color>(i)); });
  const auto key = rc::gen::build<Key>(set(&Key::light, light), set(&Key::color, color), set(&Key::label, text()),
                                       set(&Key::number, text()),
                                       set(&Key::press, rc::gen::element(Press::kInvite, Press::kMessage)));
  const auto extras =
      rc::gen::build<Extras>(set(&Extras::caller, text()), set(&Extras::name, text()), set(&Extras::direction, text()),
                             set(&Extras::mailbox, text()), set(&Extras::forward, text()));
  return rc::gen::build<KeyBlock>(set(&KeyBlock::name, name), set(&KeyBlock::key, key), set(&KeyBlock::extras, extras));
}

RC_GTEST_PROP(XButtonsProperty, WhatIsEncodedIsDecoded, ()) {
  auto blocks = *rc::gen::nonEmpty(rc::gen::container<std::vector<KeyBlock>>(block()));
  if (blocks.size() > XButtonsLimits{}.keys) blocks.resize(XButtonsLimits{}.keys);
  const auto decoded = decode_x_buttons(encode(blocks), {.bytes = 1 << 24});
  RC_ASSERT(decoded.has_value());
  RC_ASSERT(*decoded == blocks);
}

RC_GTEST_PROP(XButtonsProperty, BareLineFeedsMeanTheSame, ()) {
  const auto blocks = *rc::gen::nonEmpty(rc::gen::container<std::vector<KeyBlock>>(block()));
  auto body = encode(blocks);
  std::erase(body, '\r');
  const auto decoded = decode_x_buttons(body, {.bytes = 1 << 24, .keys = 1000});
  RC_ASSERT(decoded.has_value());
  RC_ASSERT(*decoded == blocks);
}

// Random bytes, seasoned so that some of it looks like the real thing: never a crash, and what is read once is read
// again from its own encoding.
RC_GTEST_PROP(XButtonsProperty, RandomBytesNeverCrash, ()) {
  const auto pieces = *rc::gen::container<std::vector<std::string>>(rc::gen::oneOf(
      rc::gen::element<std::string>("k=", "k=2\r\n", "c=on\n", "c=", "\r\n", "\n", "o=red\r\n", "l=", "="),
      rc::gen::container<std::string>(rc::gen::arbitrary<char>())));
  std::string body;
  for (const auto& piece : pieces) body += piece;
  const auto decoded = decode_x_buttons(body);
  if (!decoded) {
    RC_ASSERT(decoded.error().line >= 1u);
    RC_ASSERT(!decoded.error().what.empty());
    return;
  }
  const auto again = decode_x_buttons(encode(*decoded), {.bytes = 1 << 24});
  RC_ASSERT(again.has_value());
  RC_ASSERT(*again == *decoded);
}

}  // namespace
}  // namespace lamplighter::lamp
