// The packed map against std::map, over random histories; hashes are chosen so that searches run into each other.

#include "location/packed_map.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <map>
#include <string>

namespace lamplighter::location {
namespace {

using Plain = std::map<std::string, std::string>;

Plain all_of(const PackedMap& map) {
  Plain all;
  map.for_each([&](std::string_view key, std::string_view value) {
    EXPECT_TRUE(all.emplace(key, value).second) << "visited twice: " << key;
  });
  return all;
}

// Few homes, at the end of the table and in its middle: clusters grow, and run over the end.
std::size_t colliding(std::string_view key) { return key.size() % 2 == 0 ? 0xfffffff0 : 0x80000000; }
std::size_t spread(std::string_view key) { return std::hash<std::string_view>{}(key); }

struct Step {
  std::string key;
  std::string value;
  bool erase = false;
};
std::ostream& operator<<(std::ostream& out, const Step& step) {
  return out << (step.erase ? "erase " : "set ") << step.key << " " << step.value << "\n";
}

rc::Gen<Step> any_step() {
  // Keys from few letters meet again; values are long enough for a length of two bytes.
  return rc::gen::build<Step>(
      rc::gen::set(&Step::key, rc::gen::container<std::string>(rc::gen::element('a', 'b', 'c'))),
      rc::gen::set(&Step::value,
                   rc::gen::map(rc::gen::inRange<std::size_t>(0, 300),
                                [](std::size_t n) { return std::string(n, static_cast<char>('0' + n % 10)); })),
      rc::gen::set(&Step::erase, rc::gen::map(rc::gen::inRange(0, 3), [](int i) { return i == 0; })));
}

void check_history(const std::vector<Step>& history, std::size_t (*hash)(std::string_view)) {
  PackedMap map;
  Plain model;
  for (const auto& step : history) {
    if (step.erase) {
      RC_ASSERT(map.erase(step.key, hash(step.key)) == (model.erase(step.key) > 0));
    } else {
      map.set(step.key, hash(step.key), step.value);
      model[step.key] = step.value;
    }
    RC_ASSERT(map.size() == model.size());
    const auto found = map.find(step.key, hash(step.key));
    RC_ASSERT(found.has_value() == model.contains(step.key));
    if (found) RC_ASSERT(*found == model[step.key]);
  }
  RC_ASSERT(all_of(map) == model);
  for (const auto& [key, value] : model) RC_ASSERT(map.find(key, hash(key)) == value);
}

RC_GTEST_PROP(PackedMapProperty, ItIsAMap, ()) {
  check_history(*rc::gen::container<std::vector<Step>>(any_step()), spread);
}

RC_GTEST_PROP(PackedMapProperty, AlsoWhenHashesCollide, ()) {
  check_history(*rc::gen::container<std::vector<Step>>(any_step()), colliding);
}

TEST(PackedMap, HoldsManyInFewSlots) {
  PackedMap map;
  for (int i = 0; i < 100'000; ++i) {
    const auto key = std::to_string(i) + "@example.com";
    map.set(key, spread(key), "value " + std::to_string(i));
  }
  EXPECT_EQ(map.size(), 100'000u);
  EXPECT_LE(map.slots(), 175'000u);
  for (int i = 0; i < 100'000; i += 2) {
    const auto key = std::to_string(i) + "@example.com";
    ASSERT_TRUE(map.erase(key, spread(key)));
  }
  for (int i = 0; i < 100'000; ++i) {
    const auto key = std::to_string(i) + "@example.com";
    ASSERT_EQ(map.find(key, spread(key)).has_value(), i % 2 == 1) << key;
  }
}

TEST(PackedMap, AnEmptyOneHoldsNothing) {
  PackedMap map;
  EXPECT_FALSE(map.find("a", 1));
  EXPECT_FALSE(map.erase("a", 1));
  EXPECT_EQ(map.slots(), 0u);
  map.set("", 0, "");
  EXPECT_EQ(map.find("", 0), "");
}

}  // namespace
}  // namespace lamplighter::location
