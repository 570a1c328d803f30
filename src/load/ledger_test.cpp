#include "load/ledger.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lamplighter::load {
namespace {

using testing::HasSubstr;
using testing::Optional;

TEST(Ledger, AnAcknowledgedWriteMustBeThere) {
  Ledger ledger;
  ledger.writes({{"2", "on|a"}}, false);
  ledger.written();
  EXPECT_EQ(ledger.check({{"2", "on|a"}}, false), std::nullopt);
  EXPECT_THAT(ledger.check({}, false), Optional(HasSubstr("key 2 is \"\"")));
  EXPECT_THAT(ledger.check({{"2", "off|a"}}, false), Optional(HasSubstr("key 2 is \"off|a\"")));
}

TEST(Ledger, AWriteSentAndNotAcknowledgedMayBeThereOrNot) {
  Ledger ledger;
  ledger.writes({{"2", "on|a"}}, false);
  ledger.written();
  ledger.writes({{"2", "off|b"}}, false);
  EXPECT_EQ(ledger.check({{"2", "on|a"}}, false), std::nullopt);
  EXPECT_EQ(ledger.check({{"2", "off|b"}}, false), std::nullopt);
  EXPECT_TRUE(ledger.check({}, false));
  EXPECT_EQ(ledger.in_force("2"), "off|b");
  EXPECT_FALSE(ledger.is_certain("2"));
}

TEST(Ledger, TheNextAcknowledgementEndsTheDoubt) {
  Ledger ledger;
  ledger.writes({{"2", "on|a"}}, false);
  ledger.writes({{"2", "off|b"}}, false);
  ledger.written();
  EXPECT_TRUE(ledger.is_certain("2"));
  EXPECT_TRUE(ledger.check({{"2", "on|a"}}, false));
  EXPECT_EQ(ledger.check({{"2", "off|b"}}, false), std::nullopt);
}

TEST(Ledger, AWholeKeyboardIsAllOrNothing) {
  Ledger ledger;
  ledger.writes({{"1", "on|a"}, {"2", "on|b"}}, false);
  ledger.written();
  ledger.writes({{"2", "off|c"}, {"3", "on|d"}}, true);
  EXPECT_EQ(ledger.check({{"1", "on|a"}, {"2", "on|b"}}, false), std::nullopt);
  EXPECT_EQ(ledger.check({{"2", "off|c"}, {"3", "on|d"}}, false), std::nullopt);
  EXPECT_THAT(ledger.check({{"1", "on|a"}, {"2", "off|c"}, {"3", "on|d"}}, false), Optional(HasSubstr("only some")));
  EXPECT_THAT(ledger.check({{"2", "off|c"}}, false), Optional(HasSubstr("only some")));
  ledger.written();
  EXPECT_THAT(ledger.check({{"1", "on|a"}, {"2", "off|c"}, {"3", "on|d"}}, false), Optional(HasSubstr("key 1")));
}

TEST(Ledger, AWriteThatIsPostponedMayArriveInPieces) {
  Ledger ledger;
  ledger.writes({{"1", "on|a"}, {"2", "on|b"}}, true);
  ledger.postponed();
  EXPECT_EQ(ledger.check({{"1", "on|a"}}, false), std::nullopt);
  EXPECT_EQ(ledger.in_force("2"), "on|b");
  EXPECT_TRUE(ledger.check({{"1", "on|z"}}, false));
}

TEST(Ledger, ARefusedWriteNeverWas) {
  Ledger ledger;
  ledger.writes({{"2", "on|a"}}, false);
  ledger.unwritten();
  EXPECT_EQ(ledger.in_force("2"), "");
  EXPECT_TRUE(ledger.check({{"2", "on|a"}}, false));
}

TEST(Ledger, AKeyNobodySetIsAMistake) {
  EXPECT_THAT(Ledger().check({{"7", "on|x"}}, false), Optional(HasSubstr("nobody ever set")));
}

TEST(Ledger, ARegistrationIsThereOnceAcknowledged) {
  Ledger ledger;
  EXPECT_TRUE(ledger.check({}, true));
  ledger.registers(true);
  EXPECT_EQ(ledger.check({}, true), std::nullopt);
  EXPECT_EQ(ledger.check({}, false), std::nullopt);
  ledger.registered();
  EXPECT_TRUE(ledger.check({}, false));
  ledger.registers(false);
  ledger.unregistered_as_before();  // the disk was full
  EXPECT_TRUE(ledger.is_registered());
  EXPECT_EQ(ledger.check({}, true), std::nullopt);
  ledger.adopt({}, true);
  EXPECT_TRUE(ledger.check({}, false));
}

TEST(Ledger, AdoptsWhatWasFound) {
  Ledger ledger;
  ledger.writes({{"2", "on|a"}}, false);
  ledger.adopt({}, false);
  EXPECT_TRUE(ledger.is_certain("2"));
  EXPECT_TRUE(ledger.check({{"2", "on|a"}}, false));
}

}  // namespace
}  // namespace lamplighter::load
