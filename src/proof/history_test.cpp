#include "proof/history.h"

#include <gtest/gtest.h>

#include <set>
#include <vector>

namespace lamplighter::proof {
namespace {

TEST(History, IsReadBackAsItWasWritten) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    const auto history = History::random(seed);
    const auto again = History::parse(history.text());
    ASSERT_TRUE(again) << again.error() << "\n" << history.text();
    EXPECT_EQ(again->text(), history.text());
  }
}

TEST(History, TheSameSeedGivesTheSameHistory) {
  EXPECT_EQ(History::random(7).text(), History::random(7).text());
  EXPECT_NE(History::random(7).text(), History::random(8).text());
}

TEST(History, WordsOfNothingAreStepsThatDoNothing) {
  const std::vector<std::uint32_t> words(3);
  for (const auto& step : History::from(1, words).steps) EXPECT_EQ(step.text(), "wait 0");
}

TEST(History, EveryKindOfStepIsDrawn) {
  std::set<Step::Kind> kinds;
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    for (const auto& step : History::random(seed).steps) kinds.insert(step.kind);
  }
  EXPECT_EQ(kinds.size(), static_cast<std::size_t>(Step::Kind::kWall) + 1);
}

TEST(History, CommentsAndBlankLinesAreLeftOut) {
  const auto history = History::parse("# why\n\nphones 101 102  # two\n\n  dial 2 431\n");
  ASSERT_TRUE(history) << history.error();
  EXPECT_EQ(history->phones.size(), 2u);
  ASSERT_EQ(history->steps.size(), 1u);
  EXPECT_EQ(history->steps[0].text(), "dial 2 431");
}

TEST(History, ErrorsSayWhereAndWhatWasExpected) {
  const auto error = [](std::string_view text) {
    const auto history = History::parse(text);
    return history ? std::string("none") : history.error();
  };
  EXPECT_EQ(error("phones 101\n\ndial 2 431"), "line 3: expected a phone from 1 to 1, not \"2\"");
  EXPECT_EQ(error("phones 101\ndial 1 999"), "line 2: expected a code (441 431 432 433), not \"999\"");
  EXPECT_EQ(error("press 1 12"), "line 1: expected a key from 1 to 4, not \"12\"");
  EXPECT_EQ(error("write 101 1 purple invite").substr(0, 33), "line 1: expected a light (off on ");
  EXPECT_EQ(error("write 101 1 on dance"),
            "line 1: expected an action (invite message toggle toggle-by-message), not \"dance\"");
  EXPECT_EQ(error("clear 999 1"), "line 1: expected whose keys, as in the line \"phones\", not \"999\"");
  EXPECT_EQ(error("board 101 1-on"), "line 1: expected key=light, not \"1-on\"");
  EXPECT_EQ(error("wait forever"), "line 1: expected milliseconds from 0 to 600000, not \"forever\"");
  EXPECT_EQ(error("net loss=2"), "line 1: loss: expected a probability between 0 and 1, such as 0.1, not \"2\"");
  EXPECT_EQ(error("start now"), "line 1: nothing expected at \"now\"");
  EXPECT_EQ(error("phones"), "line 1: expected the users of 1 to 9 phones");
  EXPECT_TRUE(error("explode").starts_with("line 1: unknown step \"explode\", expected one of wait dial"));
}

}  // namespace
}  // namespace lamplighter::proof
