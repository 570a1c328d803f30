#include "load/lamps.h"

#include <gtest/gtest.h>

namespace lamplighter::load {
namespace {

TEST(Lamps, ReadsTheTutorialsDocument) {
  const auto blocks = blocks_of("k=2\r\nc=on\r\nn=432\r\na=invite\r\nl=Light is on");
  ASSERT_EQ(blocks.size(), 1U);
  EXPECT_EQ(blocks[0].key, "2");
  EXPECT_EQ(blocks[0].light, "on");
  EXPECT_EQ(blocks[0].label, "Light is on");
}

TEST(Lamps, AnEmptyLineStartsTheNextKey) {
  const auto blocks = blocks_of("k=1\r\nc=on\r\n\r\nk=2\nc=off\nl=b\n\n");
  ASSERT_EQ(blocks.size(), 2U);
  EXPECT_EQ(blocks[0].label, "");
  EXPECT_EQ(blocks[1].light, "off");
  EXPECT_EQ(blocks[1].label, "b");
}

TEST(Lamps, PassesOverWhatIsNoKey) {
  EXPECT_TRUE(blocks_of("").empty());
  EXPECT_TRUE(blocks_of("\r\n\r\n").empty());
  EXPECT_TRUE(blocks_of("c=on\r\nl=without a key").empty());
  EXPECT_EQ(blocks_of("k\n=\nk=3\nzz=1")[0].key, "3");
}

TEST(Lamps, ABlockReplacesTheWholeKey) {
  Lamps lamps;
  EXPECT_EQ(lamps.find("2"), nullptr);
  lamps.show({"2", "on", "Night"});
  lamps.show({"3", "hold", ""});
  lamps.show({"2", "off", ""});
  ASSERT_NE(lamps.find("2"), nullptr);
  EXPECT_EQ(lamps.find("2")->light, "off");
  EXPECT_EQ(lamps.find("2")->label, "");
  EXPECT_EQ(lamps.find("3")->light, "hold");
  lamps.forget();
  EXPECT_EQ(lamps.find("3"), nullptr);
}

}  // namespace
}  // namespace lamplighter::load
