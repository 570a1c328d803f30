#include "server/mac.h"

#include <gtest/gtest.h>

namespace lamplighter::server {
namespace {

// RFC 4231 §4.3.
TEST(Mac, IsHmacSha256) {
  EXPECT_EQ(hmac_hex("Jefe", "what do ya want for nothing?", 32),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

TEST(Mac, SecretsInTurnDoNotMix) {
  const auto one = hmac_hex("one secret", "text", 16);
  const auto other = hmac_hex("another", "text", 16);
  EXPECT_EQ(one.size(), 32u);
  EXPECT_NE(one, other);
  EXPECT_EQ(hmac_hex("one secret", "text", 16), one);
  EXPECT_EQ(hmac_hex("one secret", "text", 8), one.substr(0, 16));
  EXPECT_NE(hmac_hex("one secret", "texts", 16), one);
  EXPECT_EQ(hmac_hex("another", "text", 16), other);
}

}  // namespace
}  // namespace lamplighter::server
