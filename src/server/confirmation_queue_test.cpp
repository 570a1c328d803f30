#include "server/confirmation_queue.h"

#include <gtest/gtest.h>

#include <string>

namespace lamplighter::server {
namespace {

lamp::Confirmation confirmed(std::string contact, std::string key, std::uint64_t version) {
  return {.aor = "101@localhost",
          .contact = std::move(contact),
          .registered = {},
          .name = std::move(key),
          .version = version,
          .look = {}};
}

TEST(ConfirmationQueue, OfOneKeyOfOneContactOnlyTheLatestIsKept) {
  ConfirmationQueue queue;
  queue.add(confirmed("sip:a", "1", 1));
  queue.add(confirmed("sip:a", "2", 2));
  queue.add(confirmed("sip:b", "1", 1));
  queue.add(confirmed("sip:a", "1", 3));
  ASSERT_EQ(queue.size(), 3u);
  const auto all = queue.take(10);
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[0].version, 3u);  // in the place of the one before
  EXPECT_EQ(all[1].name, "2");
  EXPECT_EQ(all[2].contact, "sip:b");
  EXPECT_TRUE(queue.empty());
}

TEST(ConfirmationQueue, WhatWasTakenIsNotReplacedAnyMore) {
  ConfirmationQueue queue;
  queue.add(confirmed("sip:a", "1", 1));
  queue.add(confirmed("sip:a", "2", 2));
  ASSERT_EQ(queue.take(1).at(0).name, "1");
  queue.add(confirmed("sip:a", "1", 3));
  queue.add(confirmed("sip:a", "2", 4));
  const auto rest = queue.take(10);
  ASSERT_EQ(rest.size(), 2u);
  EXPECT_EQ(rest[0].version, 4u);
  EXPECT_EQ(rest[1].version, 3u);
}

}  // namespace
}  // namespace lamplighter::server
