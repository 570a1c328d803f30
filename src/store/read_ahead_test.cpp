#include "store/read_ahead.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

namespace lamplighter::store {
namespace {

TEST(ReadAhead, EveryRowIsUsedOnceAndInOrder) {
  for (const int rows : {0, 1, 4095, 4096, 4097, 50'000}) {
    int next = 0, used = 0;
    read_ahead<std::string>(
        [&](std::string& row) {
          if (next == rows) return false;
          row = std::to_string(next++);
          return true;
        },
        [&](std::string& row) { ASSERT_EQ(row, std::to_string(used++)); });
    EXPECT_EQ(used, rows);
  }
}

TEST(ReadAhead, WhatTheMakerThrowsComesAfterTheRowsBefore) {
  int next = 0, used = 0;
  EXPECT_THROW(read_ahead<int>(
                   [&](int& row) {
                     if (next == 10'000) throw std::runtime_error("the disk is broken");
                     row = next++;
                     return true;
                   },
                   [&](int) { ++used; }),
               std::runtime_error);
  EXPECT_EQ(used, 8192) << "whole blocks";
}

TEST(ReadAhead, WhatTheUserThrowsEndsTheMaker) {
  int used = 0;
  EXPECT_THROW(read_ahead<int>([](int&) { return true; },
                               [&](int) {
                                 if (++used == 700) throw std::runtime_error("no room");
                               }),
               std::runtime_error);
}

}  // namespace
}  // namespace lamplighter::store
