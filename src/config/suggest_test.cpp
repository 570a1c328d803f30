#include "config/suggest.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace lamplighter::config {
namespace {

constexpr std::array<std::string_view, 5> kWords = {"listen", "workers", "domains", "t1", "receive_buffer"};

TEST(Suggest, DistanceCountsLettersAndSwappedNeighbours) {
  EXPECT_EQ(edit_distance("listen", "listen"), 0u);
  EXPECT_EQ(edit_distance("lisen", "listen"), 1u);
  EXPECT_EQ(edit_distance("lisetn", "listen"), 1u);
  EXPECT_EQ(edit_distance("", "abc"), 3u);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3u);
}

TEST(Suggest, FindsWhatWasMeantAndNothingWhenAllIsFar) {
  EXPECT_EQ(nearest("lisen", kWords), "listen");
  EXPECT_EQ(nearest("worker", kWords), "workers");
  EXPECT_EQ(nearest("recieve_bufer", kWords), "receive_buffer");
  EXPECT_EQ(nearest("colour", kWords), std::nullopt);
  EXPECT_EQ(nearest(std::string(100'000, 'x'), kWords), std::nullopt);
}

}  // namespace
}  // namespace lamplighter::config
