#include "transaction/table.h"

#include <array>

#include "transaction/allocation_count.h"
#include "transaction/table_fixture.h"

namespace lamplighter::transaction {
namespace {

std::string numbered(std::string method, int number) {
  return RequestText{.method = std::move(method), .branch = "z9hG4bK-n" + std::to_string(number)}.str();
}

// What the user does from inside its callbacks, while the table is in the middle of an event.
struct Reentrancy : TableTest {};

TEST_F(Reentrancy, RespondsFromInsideOnRequest) {
  user.request_hook = [&](ServerId id, const sip::Message& message) {
    const std::string text(message.bytes());
    respond(id, text, 100);
    respond(id, text, 404);
  };
  receive(numbered("INVITE", 1));
  EXPECT_EQ(sent(), (Lines{"100 INVITE", "404 INVITE"}));
  pass(32s);
  EXPECT_EQ(told(), (Lines{"request INVITE", "done"}));
  expect_empty();
}

TEST_F(Reentrancy, RequestsFromInsideOnResponse) {
  int next = 1;
  user.response_hook = [&](ClientId, const sip::Message&) {
    if (next < 5) request(numbered("MESSAGE", ++next));
  };
  request(numbered("MESSAGE", 1));
  for (int i = 1; i <= 5; ++i) receive(response_text(numbered("MESSAGE", i), 200));
  EXPECT_EQ(sent().size(), 5u);
  EXPECT_EQ(told().size(), 5u);
  pass(5s);
  expect_empty();
}

TEST_F(Reentrancy, RequestsAgainFromInsideOnFailureAndIntoTheSameSlot) {
  user.failure_hook = [&](ClientId failed) {
    user.failure_hook = nullptr;
    EXPECT_EQ(table.clients(), 0u);  // it is already gone
    const auto again = request(numbered("MESSAGE", 2));
    EXPECT_EQ(again.slot, failed.slot);
  };
  request(numbered("MESSAGE", 1));
  pass(32s);
  EXPECT_EQ(told(), Lines{"timeout"});
  receive(response_text(numbered("MESSAGE", 2), 200));
  EXPECT_EQ(told(), Lines{"response 200"});
  pass(5s);
  expect_empty();
}

TEST_F(Reentrancy, CancelsFromInsideTheFirstProvisionalResponse) {
  user.response_hook = [&](ClientId id, const sip::Message&) { table.cancel(id, {}, clock.now()); };
  request(numbered("INVITE", 1));
  receive(response_text(numbered("INVITE", 1), 180));
  EXPECT_EQ(sent(), (Lines{"INVITE", "CANCEL"}));
  receive(response_text(numbered("INVITE", 1), 487));
  EXPECT_EQ(sent(), Lines{"ACK"});
  pass(32s);
  expect_empty();
}

TEST_F(Reentrancy, AnswersBothFromInsideOnCancel) {
  const auto invite = numbered("INVITE", 1);
  const auto cancel = numbered("CANCEL", 1);
  user.cancel_hook = [&](ServerId cancel_id, ServerId invite_id) {
    respond(cancel_id, cancel, 200);
    respond(invite_id, invite, 487);
  };
  receive(invite);
  receive(cancel);
  EXPECT_EQ(sent(), (Lines{"200 CANCEL", "487 INVITE"}));
  pass(32s);
  expect_empty();
}

TEST_F(Reentrancy, SurvivesGrowthFromInsideEveryCallback) {
  int next = 10;
  const auto grow = [&] {
    for (int i = 0; i < 600; ++i) {
      request(numbered("MESSAGE", ++next));
      receive(numbered("OPTIONS", ++next));
    }
  };
  user.response_hook = [&](ClientId, const sip::Message&) { grow(); };
  user.failure_hook = [&](ClientId) { user.failure_hook = nullptr, grow(); };
  user.request_hook = [&](ServerId id, const sip::Message& message) {
    if (message.method() != sip::Method::kInvite) return;
    const std::string text(message.bytes());
    grow();
    respond(id, text, 404);
  };
  receive(numbered("INVITE", 1));
  request(numbered("INVITE", 2));
  receive(response_text(numbered("INVITE", 2), 180));
  receive(response_text(numbered("INVITE", 2), 404));
  request(numbered("INVITE", 3));
  EXPECT_EQ(table.servers(), 1801u);
  EXPECT_EQ(table.clients(), 1802u);
  pass(200s);
  expect_empty();
}

TEST_F(Reentrancy, ClosesAConnectionWhoseTransactionsAskAgain) {
  user.failure_hook = [&](ClientId) { request(numbered("MESSAGE", 100), tcp_flow(9)); };
  for (int i = 0; i < 3; ++i) request(numbered("MESSAGE", i), tcp_flow(7));
  table.on_flow_closed(tcp_flow(7), clock.now());
  EXPECT_EQ(told().size(), 3u);
  EXPECT_EQ(table.clients(), 3u);
}

struct TableAsAWhole : TableTest {};

TEST_F(TableAsAWhole, SteadyStateAllocatesNothing) {
  const auto invite = RequestText{}.str();
  const auto ack = RequestText{.method = "ACK", .to_tag = "to1"}.str();
  const auto refusal = response_text(invite, 404);
  const auto message_text = numbered("MESSAGE", 2);
  const auto ok = response_text(message_text, 200);
  std::array<sip::Message, 4> messages;
  ASSERT_TRUE(messages[0].parse(invite) && messages[1].parse(ack) && messages[2].parse(ok) &&
              messages[3].parse(message_text));

  // The press of the design: INVITE in, 404 out, MESSAGE out, ACK and 200 in.
  struct Quiet final : TransactionUser {
    void on_request(ServerId id, const sip::Message&, const Flow&, TimePoint) override { server = id; }
    void on_cancel(ServerId, ServerId, const sip::Message&, const Flow&, TimePoint) override {}
    void on_ack(ServerId, const sip::Message&, const Flow&, TimePoint) override {}
    void on_response(ClientId, std::uint64_t, const sip::Message&, const Flow&, TimePoint) override { ++responses; }
    void on_failure(ClientId, std::uint64_t, Failure, TimePoint) override {}
    void on_stray_response(const sip::Message&, const Flow&, TimePoint) override {}
    ServerId server;
    int responses = 0;
  } quiet;
  struct Nowhere final : Sender {
    bool send(const Flow&, std::string_view) override { return true; }
  } nowhere;
  Table subject(nowhere, wheel, quiet, TimerBase{}, kFirstKind, {1, 2}, {});
  const auto press = [&] {
    subject.on_message(messages[0], udp_flow(), clock.now());
    subject.respond(quiet.server, 404, refusal, clock.now());
    subject.request(udp_flow(), sip::Method::kMessage, message_text, 1, clock.now());
    subject.on_message(messages[1], udp_flow(), clock.now());
    subject.on_message(messages[2], udp_flow(), clock.now());
    clock.advance(6s);
    wheel.advance(clock.now(), [&](const auto& timer) { subject.on_timer(timer.owner, timer.kind, clock.now()); });
  };
  press();
  press();
  const auto before = allocation_count();
  for (int i = 0; i < 100; ++i) press();
  EXPECT_EQ(allocation_count(), before);
  EXPECT_EQ(quiet.responses, 102);
  EXPECT_EQ(subject.servers() + subject.clients() + wheel.size(), 0u);
}

TEST_F(TableAsAWhole, KeepsManyTransactionsApart) {
  for (int i = 0; i < 5000; ++i) receive(numbered("MESSAGE", i), i % 2 == 0 ? udp_flow() : tcp_flow());
  for (int i = 0; i < 5000; ++i) receive(numbered("MESSAGE", i));
  EXPECT_EQ(told().size(), 5000u);
  EXPECT_EQ(table.servers(), 5000u);
  table.on_flow_closed(tcp_flow(), clock.now());
  EXPECT_EQ(table.servers(), 2500u);
  pass(64s);
  expect_empty();
}

TEST_F(TableAsAWhole, TakesItsTimersAlongWhenItGoes) {
  {
    Table brief(sender, wheel, user, TimerBase{}, kFirstKind + 32, {1, 2}, {});
    sip::Message message;
    const auto text = numbered("MESSAGE", 1);
    ASSERT_TRUE(message.parse(text));
    brief.on_message(message, udp_flow(), clock.now());
    brief.request(udp_flow(), sip::Method::kMessage, text, 1, clock.now());
    EXPECT_EQ(wheel.size(), 3u);
  }
  EXPECT_EQ(wheel.size(), 0u);
}

}  // namespace
}  // namespace lamplighter::transaction
