#include "base/sip_hash.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/text.h"

namespace lamplighter {
namespace {

constexpr SipHash::Key kKey{1, 2};

Digest128 of(const std::vector<std::string>& texts, const SipHash::Key& key = kKey) {
  SipHash hash(key);
  for (const auto& text : texts) hash.add(text);
  return hash.finish();
}

TEST(SipHash, DependsOnTheKeyTheTextsAndWhereTheyEnd) {
  EXPECT_EQ(of({"ab", "c"}), of({"ab", "c"}));
  EXPECT_NE(of({"ab", "c"}), of({"a", "bc"}));
  EXPECT_NE(of({"ab", "c"}), of({"abc"}));
  EXPECT_NE(of({"abc"}), of({"abc", ""}));
  EXPECT_NE(of({"abc"}), of({"abc"}, {1, 3}));
  EXPECT_NE(of({"abc"}), of({"abc"}, {2, 2}));
  const auto digest = of({"abc"});
  EXPECT_NE(digest.low, digest.high);
}

TEST(SipHash, FoldedLettersHaveNoCase) {
  const auto folded = [](std::string_view text) { return SipHash(kKey).add_folded(text).finish(); };
  EXPECT_EQ(folded("z9hG4bK-Branch.Example"), folded("Z9HG4BK-bRANCH.eXAMPLE"));
  EXPECT_NE(folded("z9hG4bK1"), folded("z9hG4bK2"));
  EXPECT_NE(folded("abcdefgh"), folded("abcdefghi"));
  // No two characters of a token become one.
  std::set<std::pair<std::uint64_t, std::uint64_t>> seen;
  std::size_t count = 0;
  for (const char c : std::string_view("abcdefghijklmnopqrstuvwxyz0123456789-.!%*_+`'~:[]")) {
    const auto digest = folded({&c, 1});
    seen.insert({digest.low, digest.high});
    ++count;
  }
  EXPECT_EQ(seen.size(), count);
}

RC_GTEST_PROP(SipHashProperty, OtherTextsHaveOtherDigests, (const std::string& a, const std::string& b)) {
  RC_ASSERT((of({a}) == of({b})) == (a == b));
}

TEST(Text, NumbersAreAppended) {
  std::string out = "n=";
  append_number(out, 0);
  append_number(out, 18446744073709551615u);
  EXPECT_EQ(out, "n=018446744073709551615");
  out.clear();
  append_hex(out, 0xab, 2);
  append_hex(out, 0x1234abcd, 8);
  append_hex(out, 0x1ff, 2);
  EXPECT_EQ(out, "ab1234abcdff");
}

}  // namespace
}  // namespace lamplighter
