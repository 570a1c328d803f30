#include "load/template.h"

#include <gtest/gtest.h>

namespace lamplighter::load {
namespace {

std::string render(const Template& text, const Values& values) {
  std::string out;
  text.render(out, values);
  return out;
}

TEST(Template, FillsHolesWhereTheyStand) {
  const Template text("{user} calls {dial}; {user}\n", {});
  Values values{};
  at(values, Slot::kUser) = "1000";
  at(values, Slot::kDial) = "431";
  EXPECT_EQ(render(text, values), "1000 calls 431; 1000\r\n");
}

TEST(Template, FillsFixedValuesOnceAndForAll) {
  Values fixed{};
  at(fixed, Slot::kDomain) = "example.com";
  const Template text("sip:{user}@{domain}", fixed);
  Values values{};
  at(values, Slot::kUser) = "7";
  at(values, Slot::kDomain) = "ignored.example";
  EXPECT_EQ(render(text, values), "sip:7@example.com");
}

TEST(Template, GivesLinesTheirCarriageReturnOnce) { EXPECT_EQ(render(Template("a\nb\r\nc", {}), {}), "a\r\nb\r\nc"); }

TEST(Template, RefusesUnknownAndOpenHoles) {
  EXPECT_THROW(Template("{colour}", {}), std::invalid_argument);
  EXPECT_THROW(Template("{user", {}), std::invalid_argument);
}

}  // namespace
}  // namespace lamplighter::load
