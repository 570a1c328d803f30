#include "transaction/slab.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <map>
#include <set>
#include <string>
#include <vector>

namespace lamplighter::transaction {
namespace {

using Strings = Slab<std::string>;

Strings::Name put(Strings& slab, const std::string& text) {
  const auto name = slab.acquire();
  slab[name.slot] = text;
  return name;
}

TEST(Slab, ANameIsGoodUntilItsCellIsReleased) {
  Strings slab;
  const auto a = put(slab, "a");
  const auto b = put(slab, "b");
  EXPECT_EQ(*slab.get(a.slot, a.generation), "a");
  slab.release(a.slot);
  EXPECT_EQ(slab.get(a.slot, a.generation), nullptr);
  const auto c = put(slab, "c");
  EXPECT_EQ(c.slot, a.slot) << "the same cell";
  EXPECT_EQ(slab.get(a.slot, a.generation), nullptr) << "but not by its old name";
  EXPECT_EQ(*slab.get(b.slot, b.generation), "b");
  EXPECT_EQ(slab.get(1'000'000, 1), nullptr);
  EXPECT_EQ(slab.size(), 2u);
}

TEST(Slab, ShrinksAfterAPeak) {
  Strings slab;
  std::vector<Strings::Name> names;
  for (int i = 0; i < 100'000; ++i) names.push_back(put(slab, std::to_string(i)));
  EXPECT_GE(slab.capacity(), 100'000u);
  for (const auto& name : names) slab.release(name.slot);
  EXPECT_EQ(slab.size(), 0u);
  EXPECT_LE(slab.capacity(), 2048u);
  for (const auto& name : names) ASSERT_EQ(slab.get(name.slot, name.generation), nullptr);
  std::set<std::pair<std::uint32_t, std::uint32_t>> before;
  for (const auto& name : names) before.emplace(name.slot, name.generation);
  for (int i = 0; i < 100'000; ++i) {
    const auto name = put(slab, "again");
    ASSERT_FALSE(before.contains({name.slot, name.generation})) << "a name is given once";
  }
}

// What lives on after a peak keeps its chunks, and what comes next fills them first.
TEST(Slab, NewCellsComeFromTheLowestChunks) {
  Strings slab;
  std::vector<Strings::Name> names;
  for (int i = 0; i < 51'200; ++i) names.push_back(put(slab, std::to_string(i)));
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i % 100 != 0) slab.release(names[i].slot);
  }
  for (int round = 0; round < 10; ++round) {
    std::vector<Strings::Name> more;
    for (int i = 0; i < 512; ++i) more.push_back(put(slab, "x"));
    for (const auto& name : more) EXPECT_LT(name.slot, 2'000u);
    for (const auto& name : more) slab.release(name.slot);
  }
  for (std::size_t i = 0; i < names.size(); i += 100) {
    ASSERT_NE(slab.get(names[i].slot, names[i].generation), nullptr);
    EXPECT_EQ(*slab.get(names[i].slot, names[i].generation), std::to_string(i));
  }
}

RC_GTEST_PROP(SlabProperty, EveryNameLeadsToItsOwnValueUntilReleased, ()) {
  // Waves: many are taken, then many released, by a choice of their own.
  const auto waves = *rc::gen::container<std::vector<std::pair<int, int>>>(
      rc::gen::pair(rc::gen::inRange(0, 2000), rc::gen::inRange(1, 5)));
  Strings slab;
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::string> live;
  std::vector<Strings::Name> gone;
  int number = 0;
  for (const auto& [count, keep] : waves) {
    for (int i = 0; i < count; ++i) {
      const auto text = std::to_string(++number);
      const auto name = put(slab, text);
      RC_ASSERT(live.emplace(std::pair(name.slot, name.generation), text).second);
    }
    int i = 0;
    for (auto at = live.begin(); at != live.end();) {
      if (++i % 5 < keep) {
        ++at;
        continue;
      }
      gone.push_back({at->first.first, at->first.second});
      slab.release(at->first.first);
      at = live.erase(at);
    }
    RC_ASSERT(slab.size() == live.size());
    RC_ASSERT(slab.capacity() >= live.size());
    for (const auto& [name, text] : live) RC_ASSERT(*slab.get(name.first, name.second) == text);
    for (const auto& name : gone) RC_ASSERT(slab.get(name.slot, name.generation) == nullptr);
    std::size_t visited = 0;
    slab.for_each([&](const std::string&) { ++visited; });
    RC_ASSERT(visited == live.size());
  }
}

}  // namespace
}  // namespace lamplighter::transaction
