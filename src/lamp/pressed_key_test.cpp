#include "lamp/pressed_key.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>

namespace lamplighter::lamp {
namespace {

TEST(PressedKey, IsTheFirstKeyLineOfAnyBody) {
  EXPECT_EQ(pressed_key("k=5"), "5");
  EXPECT_EQ(pressed_key("k=5\r\n"), "5");
  EXPECT_EQ(pressed_key("k=5\n"), "5");
  EXPECT_EQ(pressed_key("k=5\r\nc=on\r\nk=6"), "5");
  EXPECT_EQ(pressed_key("v=0\r\n\r\nc=on\r\nk=P12\r\nrest"), "P12");
  EXPECT_EQ(pressed_key(std::string_view("\0\xff\nk=7\n", 7)), "7") << "whatever stands around it";
}

TEST(PressedKey, BlanksAroundDoNotCount) {
  EXPECT_EQ(pressed_key(" \tk= 5 \t\r\n"), "5");
  EXPECT_EQ(pressed_key("k=5 \r"), "5");
  EXPECT_EQ(pressed_key("k=5 6"), std::nullopt) << "blanks within are no key name";
}

TEST(PressedKey, LinesThatNameNoKeyArePassedOver) {
  EXPECT_EQ(pressed_key("k=\r\nk=two words\nk=" + std::string(33, '7') + "\nk=\xc3\xa4\nk=8"), "8");
  EXPECT_EQ(pressed_key("K=1\nkk=2\nx k=3\nk =4"), std::nullopt);
  EXPECT_EQ(pressed_key("k=5\rk=6"), std::nullopt) << "a lone CR is no line end";
}

TEST(PressedKey, ABodyWithoutOneSaysNothing) {
  for (const auto body : {"", "\r\n", "k", "k=", "hello", "\n\n\n", "=5"}) {
    EXPECT_EQ(pressed_key(body), std::nullopt) << body;
  }
}

TEST(KeyTarget, LeadsBackToTheKey) {
  EXPECT_EQ(target_of_key("5"), "key-5");
  EXPECT_EQ(key_of_target("key-5"), "5");
  EXPECT_EQ(key_of_target(target_of_key("P-12")), "P-12");
}

TEST(KeyTarget, OtherUsersAreNone) {
  for (const std::string user : {"", "key-", "key", "5", "Key-5", "key-a b", "xkey-5", "key-\xc3\xa4"}) {
    EXPECT_EQ(key_of_target(user), std::nullopt) << user;
  }
  EXPECT_EQ(key_of_target("key-" + std::string(33, '1')), std::nullopt);
}

RC_GTEST_PROP(PressedKeyProperty, RandomBytesNeverCrashAndOnlyKeyNamesComeOut, ()) {
  std::string body;
  for (const auto& piece : *rc::gen::container<std::vector<std::string>>(
           rc::gen::oneOf(rc::gen::element<std::string>("k=", "5", "\r\n", "\n", " ", "k=2\n"),
                          rc::gen::container<std::string>(rc::gen::arbitrary<char>())))) {
    body += piece;
  }
  const auto key = pressed_key(body);
  if (key) RC_ASSERT(check_key_name(*key).has_value());
  if (!key) RC_ASSERT(pressed_key(body + "\nk=9") == "9");
}

}  // namespace
}  // namespace lamplighter::lamp
