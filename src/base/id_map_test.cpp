#include "base/id_map.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <map>
#include <memory>
#include <string>

namespace lamplighter {
namespace {

TEST(IdMap, FindsWhatWasPut) {
  IdMap<std::string> map;
  EXPECT_EQ(map.find(1), nullptr);
  EXPECT_FALSE(map.erase(1));
  map[1] = "one";
  map[64] = "sixty-four";
  ASSERT_NE(map.find(1), nullptr);
  EXPECT_EQ(*map.find(1), "one");
  EXPECT_EQ(map[64], "sixty-four");
  EXPECT_EQ(map.size(), 2u);
  EXPECT_TRUE(map.erase(1));
  EXPECT_EQ(map.find(1), nullptr);
  EXPECT_EQ(*map.find(64), "sixty-four");
}

TEST(IdMap, TakesWhatCannotBeCopied) {
  IdMap<std::unique_ptr<int>> map;
  for (std::uint32_t id = 1; id <= 100; ++id) map[id] = std::make_unique<int>(static_cast<int>(id));
  for (std::uint32_t id = 1; id <= 100; id += 2) EXPECT_TRUE(map.erase(id));
  for (std::uint32_t id = 2; id <= 100; id += 2) EXPECT_EQ(**map.find(id), static_cast<int>(id));
}

// Against std::map. Few numbers, so that they meet often.
RC_GTEST_PROP(IdMapProperty, IsAMap, ()) {
  IdMap<int> map;
  std::map<std::uint32_t, int> model;
  const auto steps = *rc::gen::container<std::vector<std::pair<std::uint32_t, int>>>(
      rc::gen::pair(rc::gen::inRange<std::uint32_t>(1, 60), rc::gen::inRange(-5, 10)));
  for (const auto& [id, value] : steps) {
    if (value < 0) {
      RC_ASSERT(map.erase(id) == (model.erase(id) == 1));
    } else {
      map[id] = value;
      model[id] = value;
    }
    RC_ASSERT(map.size() == model.size());
  }
  for (std::uint32_t id = 1; id < 60; ++id) {
    const auto* found = map.find(id);
    RC_ASSERT((found != nullptr) == model.contains(id));
    if (found) RC_ASSERT(*found == model[id]);
  }
  std::map<std::uint32_t, int> all;
  map.for_each([&](std::uint32_t id, int value) { all[id] = value; });
  RC_ASSERT(all == model);
}

}  // namespace
}  // namespace lamplighter
