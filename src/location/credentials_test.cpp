#include "location/credentials.h"

#include <gtest/gtest.h>

namespace lamplighter::location {
namespace {

TEST(Credentials, AreFoundByUserAndRealmTogether) {
  Credentials credentials;
  credentials.replace({{"101", "home", "m1", "s1"}, {"101", "work", "m2", "s2"}});
  ASSERT_TRUE(credentials.find("101", "work"));
  EXPECT_EQ(credentials.find("101", "work")->ha1_md5, "m2");
  EXPECT_EQ(credentials.find("101", "home")->ha1_sha256, "s1");
  EXPECT_FALSE(credentials.find("102", "home"));
  EXPECT_FALSE(credentials.find("101", "elsewhere"));
}

TEST(Credentials, UserAndRealmDoNotRunTogether) {
  Credentials credentials;
  credentials.replace({{"10", "1home", "m", "s"}});
  EXPECT_FALSE(credentials.find("101", "home"));
}

TEST(Credentials, ReplacingForgetsWhoIsNotNamedAgain) {
  Credentials credentials;
  credentials.replace({{"101", "home", "m", "s"}, {"102", "home", "m", "s"}});
  credentials.replace({{"102", "home", "new", "s"}});
  EXPECT_EQ(credentials.size(), 1u);
  EXPECT_FALSE(credentials.find("101", "home"));
  EXPECT_EQ(credentials.find("102", "home")->ha1_md5, "new");
}

}  // namespace
}  // namespace lamplighter::location
