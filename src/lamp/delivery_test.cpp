#include "lamp/delivery.h"

#include <gtest/gtest.h>

namespace lamplighter::lamp {
namespace {

using Action = Delivery::Action;
using State = DeliveryState;

TEST(Delivery, ADesiredStateIsSentAndConfirmedBySuccess) {
  Delivery delivery;
  EXPECT_EQ(delivery.state(), State::kPending);
  EXPECT_EQ(delivery.on(Delivery::Desired{7}), Action::kSend);
  EXPECT_EQ(delivery.on(Delivery::Sent{}), Action::kNone);
  EXPECT_EQ(delivery.state(), State::kInFlight);
  EXPECT_EQ(delivery.confirmed(), std::nullopt);
  EXPECT_EQ(delivery.on(Delivery::Answered{100}), Action::kNone);
  EXPECT_EQ(delivery.state(), State::kInFlight) << "a provisional answer says nothing yet";
  EXPECT_EQ(delivery.on(Delivery::Answered{202}), Action::kNone);
  EXPECT_EQ(delivery.state(), State::kConfirmed);
  EXPECT_EQ(delivery.confirmed(), 7u);
  EXPECT_EQ(delivery.to_string(), "confirmed");
}

TEST(Delivery, AFinalErrorIsARefusalThatNamesItsCode) {
  Delivery delivery;
  delivery.on(Delivery::Desired{1});
  delivery.on(Delivery::Sent{});
  EXPECT_EQ(delivery.on(Delivery::Answered{415}), Action::kNone);
  EXPECT_EQ(delivery.state(), State::kRefused);
  EXPECT_EQ(delivery.refused_with(), 415);
  EXPECT_EQ(delivery.to_string(), "refused (415)");
  EXPECT_EQ(delivery.on(Delivery::Desired{2}), Action::kSend);
  EXPECT_EQ(delivery.refused_with(), 0);
}

TEST(Delivery, SilenceMeansUnreachable) {
  Delivery delivery;
  delivery.on(Delivery::Desired{1});
  delivery.on(Delivery::Sent{});
  EXPECT_EQ(delivery.on(Delivery::TimedOut{}), Action::kNone);
  EXPECT_EQ(delivery.state(), State::kUnreachable);
  EXPECT_EQ(delivery.on(Delivery::Answered{200}), Action::kNone);
  EXPECT_EQ(delivery.state(), State::kUnreachable) << "the transaction is over: this answer belongs to nothing";
}

TEST(Delivery, NoWayToSendMeansUnreachableToo) {
  Delivery delivery;
  EXPECT_EQ(delivery.on(Delivery::Desired{1}), Action::kSend);
  EXPECT_EQ(delivery.on(Delivery::TimedOut{}), Action::kNone);
  EXPECT_EQ(delivery.state(), State::kUnreachable);
}

//  server               phone
//    | MESSAGE (v1)      |
//    |------------------>|
//    |  v2, v3 desired   |      one request in flight: they wait
//    |<------ 200 -------|
//    | MESSAGE (v3)      |      the newest wins, v2 is never sent
//    |------------------>|
//    |<------ 200 -------|
TEST(Delivery, WhatIsDesiredMeanwhileWaitsForTheAnswerAndTheNewestWins) {
  Delivery delivery;
  delivery.on(Delivery::Desired{1});
  delivery.on(Delivery::Sent{});
  EXPECT_EQ(delivery.on(Delivery::Desired{2}), Action::kNone);
  EXPECT_EQ(delivery.on(Delivery::Desired{3}), Action::kNone);
  EXPECT_EQ(delivery.state(), State::kInFlight);
  EXPECT_EQ(delivery.on(Delivery::Answered{200}), Action::kSend);
  EXPECT_EQ(delivery.state(), State::kPending);
  EXPECT_EQ(delivery.confirmed(), 1u) << "the phone shows the older state until then";
  delivery.on(Delivery::Sent{});
  EXPECT_EQ(delivery.on(Delivery::Answered{200}), Action::kNone);
  EXPECT_EQ(delivery.state(), State::kConfirmed);
  EXPECT_EQ(delivery.confirmed(), 3u);
}

TEST(Delivery, AFailureOfAnOldStateSendsTheNewOne) {
  for (const bool refused : {true, false}) {
    Delivery delivery;
    delivery.on(Delivery::Desired{1});
    delivery.on(Delivery::Sent{});
    delivery.on(Delivery::Desired{2});
    EXPECT_EQ(refused ? delivery.on(Delivery::Answered{500}) : delivery.on(Delivery::TimedOut{}), Action::kSend);
    EXPECT_EQ(delivery.state(), State::kPending);
    EXPECT_EQ(delivery.confirmed(), std::nullopt);
  }
}

TEST(Delivery, KnownAndOlderVersionsSendNothing) {
  Delivery delivery;
  delivery.on(Delivery::Desired{5});
  delivery.on(Delivery::Sent{});
  delivery.on(Delivery::Answered{200});
  EXPECT_EQ(delivery.on(Delivery::Desired{5}), Action::kNone);
  EXPECT_EQ(delivery.on(Delivery::Desired{4}), Action::kNone);
  EXPECT_EQ(delivery.state(), State::kConfirmed);
}

}  // namespace
}  // namespace lamplighter::lamp
