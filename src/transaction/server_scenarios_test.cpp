#include <fstream>
#include <iterator>

#include "transaction/table_fixture.h"

namespace lamplighter::transaction {
namespace {

const std::string kInvite = RequestText{}.str();
const std::string kAck = RequestText{.method = "ACK", .to_tag = "to1"}.str();
const std::string kCancel = RequestText{.method = "CANCEL"}.str();
const std::string kMessage = RequestText{.method = "MESSAGE", .branch = "z9hG4bK-2"}.str();

struct ServerScenarios : TableTest {};

//  phone              table            user
//    | INVITE 431       |                |
//    |----------------->|--------------->|
//    |    (404 lost)  X-|<---- 404 ------|
//    | INVITE again     |                |   the same press, told twice
//    |----------------->|                |
//    |<----- 404 -------|                |
//    | ACK              |                |
//    |----------------->|                |   absorbed
TEST_F(ServerScenarios, ARetransmittedPressIsAnsweredAgainAndToldOnce) {
  receive(kInvite);
  respond(user.server, kInvite, 404);
  EXPECT_EQ(sent(), Lines{"404 INVITE"});
  pass(400ms);
  receive(kInvite);
  EXPECT_EQ(sent(), Lines{"404 INVITE"});
  receive(kAck);
  receive(kAck);
  EXPECT_EQ(told(), Lines{"request INVITE"});
  EXPECT_EQ(table.counters().request_retransmissions_absorbed, 1u);
  EXPECT_EQ(table.counters().retransmissions_sent, 1u);
  pass(5s);  // timer I
  EXPECT_EQ(sent(), Lines{});
  EXPECT_EQ(told(), Lines{"done"});
  expect_empty();
}

//  phone              table
//    | INVITE           |
//    |----------------->|
//    |         (404) X--|  0
//    |         (404) X--|  G: 500, 1500, 3500 ms
//    |<----- 404 -------|  7500 ms
//    | ACK              |
//    |----------------->|  silence
TEST_F(ServerScenarios, ALost404IsRepeatedUntilTheAckComes) {
  receive(kInvite);
  respond(user.server, kInvite, 404);
  EXPECT_EQ(sent(), Lines{"404 INVITE"});
  for (const auto wait : {500ms, 1000ms, 2000ms, 4000ms}) {
    pass(wait - 1ms);
    EXPECT_EQ(sent(), Lines{});
    pass(1ms);
    EXPECT_EQ(sent(), Lines{"404 INVITE"});
  }
  receive(kAck);
  pass(60s);
  EXPECT_EQ(sent(), Lines{});
  EXPECT_EQ(told(), (Lines{"request INVITE", "done"}));
  EXPECT_EQ(table.counters().timeouts, 0u);
  expect_empty();
}

TEST_F(ServerScenarios, WithoutAckTimerHEndsIt) {
  receive(kInvite);
  respond(user.server, kInvite, 404);
  pass(32s - 1ms);
  // 0, 0.5, 1.5, 3.5, then every 4 s from 7.5 to 31.5 s
  EXPECT_EQ(sent().size(), 11u);
  EXPECT_EQ(told(), Lines{"request INVITE"});
  pass(1ms);
  EXPECT_EQ(told(), Lines{"done"});
  EXPECT_EQ(table.counters().timeouts, 1u);
  expect_empty();
}

TEST_F(ServerScenarios, ARetransmissionBeforeAnyAnswerIsAbsorbedInSilence) {
  receive(kInvite);
  receive(kInvite);
  receive(kMessage);
  receive(kMessage);
  EXPECT_EQ(sent(), Lines{});
  EXPECT_EQ(told(), (Lines{"request INVITE", "request MESSAGE"}));
}

TEST_F(ServerScenarios, ARetransmissionGetsTheLatestProvisionalResponse) {
  receive(kInvite);
  respond(user.server, kInvite, 100);
  respond(user.server, kInvite, 180);
  EXPECT_EQ(sent(), (Lines{"100 INVITE", "180 INVITE"}));
  receive(kInvite);
  EXPECT_EQ(sent(), Lines{"180 INVITE"});
}

//  UAC                table              user
//    | INVITE           |--------------->|
//    |<------ 200 ------|<---- 200 ------|   Accepted, timer L
//    | INVITE again     |                |   absorbed: the user repeats its 200 by its own clock
//    |<------ 200 ------|<---- 200 ------|
//    | ACK (same branch)|--- on_ack ---->|
TEST_F(ServerScenarios, AnAcceptedInviteTakesFurther2xxAndHandsUpItsAck) {
  receive(kInvite);
  const auto id = user.server;
  respond(id, kInvite, 200);
  receive(kInvite);
  EXPECT_EQ(sent(), Lines{"200 INVITE"});
  respond(id, kInvite, 200);
  respond(id, kInvite, 486);  // too late
  EXPECT_EQ(sent(), Lines{"200 INVITE"});
  receive(kAck);
  EXPECT_EQ(told(), (Lines{"request INVITE", "ack"}));
  EXPECT_EQ(user.acked_invite, id);
  pass(32s);
  EXPECT_EQ(told(), Lines{"done"});
  expect_empty();
}

TEST_F(ServerScenarios, AnAckWithItsOwnBranchIsNobodysHere) {
  receive(kInvite);
  respond(user.server, kInvite, 200);
  receive(RequestText{.method = "ACK", .branch = "z9hG4bK-other", .to_tag = "to1"}.str());
  EXPECT_EQ(told(), (Lines{"request INVITE", "ack of nothing"}));
  EXPECT_EQ(table.servers(), 1u);  // an ACK makes no transaction
}

//  UAC                table              user
//    | INVITE           |--------------->|
//    | CANCEL           |-- on_cancel -->|
//    |<-- 200 (CANCEL) -|<---------------|
//    |<-- 487 (INVITE) -|<---------------|
//    | ACK              |                |
TEST_F(ServerScenarios, ACancelFindsItsInvite) {
  receive(kInvite);
  const auto invite = user.server;
  receive(kCancel);
  EXPECT_EQ(told(), (Lines{"request INVITE", "cancel"}));
  EXPECT_EQ(user.cancelled_invite, invite);
  EXPECT_NE(user.cancel_server, invite);
  respond(user.cancel_server, kCancel, 200);
  respond(invite, kInvite, 487);
  EXPECT_EQ(sent(), (Lines{"200 CANCEL", "487 INVITE"}));
  receive(kCancel);  // its 200 was lost
  EXPECT_EQ(sent(), Lines{"200 CANCEL"});
  receive(kAck);
  EXPECT_EQ(told(), Lines{});
  pass(32s);
  EXPECT_EQ(told(), (Lines{"done", "done"}));
  expect_empty();
}

TEST_F(ServerScenarios, ACancelOfNothingIsAnsweredThroughItsOwnTransaction) {
  receive(kCancel);
  EXPECT_EQ(told(), Lines{"cancel of nothing"});
  EXPECT_FALSE(user.cancelled_invite);
  respond(user.cancel_server, kCancel, 481);
  EXPECT_EQ(sent(), Lines{"481 CANCEL"});
  pass(32s);
  expect_empty();
}

TEST_F(ServerScenarios, NonInviteAbsorbsAndRepeatsForTimerJ) {
  receive(kMessage);
  respond(user.server, kMessage, 200);
  respond(user.server, kMessage, 500);  // answered already
  pass(32s - 1ms);
  receive(kMessage);
  EXPECT_EQ(sent(), (Lines{"200 MESSAGE", "200 MESSAGE"}));
  EXPECT_EQ(told(), Lines{"request MESSAGE"});
  pass(1ms);
  EXPECT_EQ(told(), Lines{"done"});
  expect_empty();
}

//  UAC                table              user
//    | MESSAGE          |--------------->|
//    |                  |<---- 100 ------|   held: RFC 4320 §4.1
//    | MESSAGE          |                |
//    |<----- 100 -------|                |   3.5 s: the client's timer E is at T2
//    | MESSAGE          |                |
//    |<----- 100 -------|                |
TEST_F(ServerScenarios, AnEarly100ToANonInviteWaitsOnUdp) {
  receive(kMessage);
  respond(user.server, kMessage, 100);
  receive(kMessage);
  pass(3499ms);
  EXPECT_EQ(sent(), Lines{});
  pass(1ms);
  EXPECT_EQ(sent(), Lines{"100 MESSAGE"});
  receive(kMessage);
  EXPECT_EQ(sent(), Lines{"100 MESSAGE"});
  respond(user.server, kMessage, 202);
  EXPECT_EQ(sent(), Lines{"202 MESSAGE"});
  pass(32s);
  expect_empty();
}

TEST_F(ServerScenarios, ANonInviteNeverGets408) {
  receive(kMessage);
  respond(user.server, kMessage, 408);
  receive(kMessage);
  EXPECT_EQ(sent(), Lines{});
  EXPECT_EQ(told(), Lines{"request MESSAGE"});
  pass(32s);
  EXPECT_EQ(told(), Lines{"done"});
  expect_empty();
}

TEST_F(ServerScenarios, AUserThatNeverAnswersANonInviteLeaksNothing) {
  receive(kMessage);
  receive(RequestText{.method = "OPTIONS", .branch = "z9hG4bK-3"}.str(), tcp_flow());
  pass(64s - 1ms);
  EXPECT_EQ(table.servers(), 2u);
  pass(1ms);
  EXPECT_EQ(told(), (Lines{"request MESSAGE", "request OPTIONS", "done", "done"}));
  EXPECT_EQ(table.counters().timeouts, 2u);
  expect_empty();
}

TEST_F(ServerScenarios, OnAReliableFlowTheTimersAreZero) {
  receive(kMessage, tcp_flow());
  respond(user.server, kMessage, 200);
  EXPECT_EQ(told(), Lines{"request MESSAGE"});  // not from inside respond()
  pass(1ms);
  EXPECT_EQ(told(), Lines{"done"});
  receive(kInvite, tcp_flow());
  respond(user.server, kInvite, 404);
  pass(10s);
  EXPECT_EQ(sent(), (Lines{"200 MESSAGE", "404 INVITE"}));  // no timer G
  receive(kAck, tcp_flow());
  pass(1ms);
  EXPECT_EQ(told(), (Lines{"request INVITE", "done"}));
  expect_empty();
}

TEST_F(ServerScenarios, TheResponseLeavesOnTheFlowOfTheRequest) {
  auto flow = udp_flow();
  flow.remote.port = 1234;
  receive(kMessage, flow);
  EXPECT_EQ(table.flow_of(user.server), flow);
  respond(user.server, kMessage, 200);
  EXPECT_EQ(sender.flows, std::vector{flow});
  pass(32s);
  EXPECT_EQ(table.flow_of(user.server), std::nullopt);
}

TEST_F(ServerScenarios, AClosedConnectionEndsItsTransactionsOnly) {
  receive(kMessage, tcp_flow(7));
  receive(kInvite, tcp_flow(7));
  receive(RequestText{.branch = "z9hG4bK-8"}.str(), tcp_flow(8));
  const auto kept = user.server;
  told();
  auto other = tcp_flow(7);
  other.generation = 2;
  table.on_flow_closed(other, clock.now());
  EXPECT_EQ(table.servers(), 3u);
  table.on_flow_closed(tcp_flow(7), clock.now());
  EXPECT_EQ(told(), (Lines{"done", "done"}));
  EXPECT_EQ(table.servers(), 1u);
  EXPECT_EQ(table.flow_of(kept), tcp_flow(8));
}

TEST_F(ServerScenarios, ANonInviteWhoseAnswerCannotBeSentEndsLater) {
  receive(kMessage, tcp_flow());
  sender.broken = true;
  respond(user.server, kMessage, 200);
  EXPECT_EQ(told(), Lines{"request MESSAGE"});
  pass(1ms);
  EXPECT_EQ(told(), Lines{"done"});
  expect_empty();
}

TEST_F(ServerScenarios, AnInviteWhoseAnswerCannotBeSentStillAbsorbsRetransmissions) {
  sender.broken = true;
  receive(kInvite);
  respond(user.server, kInvite, 404);
  pass(1s);
  sender.broken = false;
  receive(kInvite);
  EXPECT_EQ(told(), Lines{"request INVITE"});
  EXPECT_EQ(sent(), Lines{"404 INVITE"});
  pass(32s);
  expect_empty();
}

TEST_F(ServerScenarios, WhatMakesARequestADifferentOne) {
  receive(kInvite);
  receive(RequestText{.branch = "z9hG4bK-x"}.str());
  receive(RequestText{.sent_by = "192.0.2.9:5060"}.str());
  receive(RequestText{.sent_by = "192.0.2.1:5061"}.str());
  receive(RequestText{.sent_by = "192.0.2.1"}.str());
  receive(RequestText{.method = "BOGUS"}.str());
  receive(RequestText{.method = "BOGUS2"}.str());
  EXPECT_EQ(told().size(), 7u);
  // The rest of the message does not matter, nor does the case of branch and host (RFC 3261 §7.3.1).
  receive(RequestText{.branch = "z9hG4bK-X", .extra = "Subject: again\r\n", .uri = "sip:other@example.com"}.str());
  EXPECT_EQ(told(), Lines{});
}

TEST_F(ServerScenarios, AMalformedRequestThatCanBeAnsweredIsAnsweredOnce) {
  const std::string text =
      "MESSAGE sip:a@b SIP/2.0\r\nVia: nonsense\r\nFrom: <<\r\nTo: >>\r\nCall-ID: 1\r\nCSeq: none\r\n"
      "Content-Length: 0\r\n\r\n";
  receive(text);
  table.respond(user.server, 400, "SIP/2.0 400 Bad Via header\r\nContent-Length: 0\r\n\r\n", clock.now());
  receive(text);
  EXPECT_EQ(told(), Lines{"request MESSAGE"});
  EXPECT_EQ(sender.sent.size(), 2u);
  pass(32s);
  expect_empty();
}

// RFC 2543: no branch worth the name. The transaction is known by the whole request, its ACK by our tag.
struct Rfc2543Peers : TableTest {
  const std::string invite = RequestText{.branch = "", .sent_by = "iftgw.example.com"}.str();
  static std::string ack(std::string tag) {
    return RequestText{.method = "ACK", .branch = "", .sent_by = "iftgw.example.com", .to_tag = std::move(tag)}.str();
  }
};

TEST_F(Rfc2543Peers, AreMatchedByTheWholeRequest) {
  receive(invite);
  respond(user.server, invite, 404, "mine");
  receive(invite);
  EXPECT_EQ(sent(), (Lines{"404 INVITE", "404 INVITE"}));
  receive(ack("stranger"));
  EXPECT_EQ(told(), (Lines{"request INVITE", "ack of nothing"}));
  receive(ack("mine"));
  EXPECT_EQ(told(), Lines{});
  pass(5s);
  EXPECT_EQ(told(), Lines{"done"});
  expect_empty();
}

TEST_F(Rfc2543Peers, AcknowledgeA2xxIntoItsTransaction) {
  receive(invite);
  const auto id = user.server;
  respond(id, invite, 200, "mine");
  receive(ack("mine"));
  EXPECT_EQ(told(), (Lines{"request INVITE", "ack"}));
  EXPECT_EQ(user.acked_invite, id);
}

TEST_F(Rfc2543Peers, CancelWhatTheyInvited) {
  receive(invite);
  receive(RequestText{.method = "CANCEL", .branch = "", .sent_by = "iftgw.example.com"}.str());
  EXPECT_EQ(told(), (Lines{"request INVITE", "cancel"}));
  EXPECT_EQ(user.cancelled_invite, user.server);
}

TEST_F(Rfc2543Peers, DifferByAnyPartOfTheRequest) {
  receive(invite);
  receive(RequestText{.branch = "old-style", .sent_by = "iftgw.example.com"}.str());
  receive(RequestText{.branch = "", .sent_by = "other.example.com"}.str());
  receive(RequestText{.branch = "", .sent_by = "iftgw.example.com", .to_tag = "dialog"}.str());
  receive(RequestText{.branch = "", .sent_by = "iftgw.example.com", .uri = "sip:432@example.com"}.str());
  EXPECT_EQ(told().size(), 5u);
}

// RFC 4475 "badbranch": nothing but the cookie identifies nothing, so two such requests must not meet.
TEST_F(Rfc2543Peers, ABranchOfNothingButTheCookieIsNoBranch) {
  const auto options = RequestText{.method = "OPTIONS", .branch = "z9hG4bK"};
  auto other = options;
  other.uri = "sip:somebody@else.example.com";
  receive(options.str());
  receive(options.str());
  receive(other.str());
  EXPECT_EQ(told(), (Lines{"request OPTIONS", "request OPTIONS"}));
}

std::string corpus(const std::string& file) {
  std::ifstream in(LAMPLIGHTER_SOURCE_DIR "/tests/corpus/rfc4475/" + file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST_F(Rfc2543Peers, OfTheTortureTestsAreAbsorbedAndAnswered) {
  for (const char* file : {"badbranch.dat", "inv2543.dat"}) {
    SCOPED_TRACE(file);
    const auto text = corpus(file);
    ASSERT_FALSE(text.empty());
    receive(text);
    respond(user.server, text, 404, "mine");
    receive(text);
    EXPECT_EQ(told().size(), 1u);
    EXPECT_EQ(sender.sent.size(), 2u);
    EXPECT_EQ(sender.sent.front(), sender.sent.back());
    sender.sent.clear();
  }
  pass(32s);
  expect_empty();
}

struct FullTable : TableTest {
  FullTable() : TableTest({.servers = 2, .clients = 2}) {}
};

TEST_F(FullTable, RefusesNewServerTransactionsButKnowsTheOldOnes) {
  EXPECT_TRUE(receive(RequestText{.branch = "z9hG4bK-a"}.str()));
  EXPECT_TRUE(receive(RequestText{.branch = "z9hG4bK-b"}.str()));
  EXPECT_FALSE(receive(RequestText{.branch = "z9hG4bK-c"}.str()));
  EXPECT_TRUE(receive(RequestText{.branch = "z9hG4bK-a"}.str()));
  EXPECT_TRUE(receive(RequestText{.method = "ACK", .branch = "z9hG4bK-d"}.str()));
  EXPECT_EQ(told(), (Lines{"request INVITE", "request INVITE", "ack of nothing"}));
  EXPECT_EQ(table.counters().refused_full, 1u);
}

TEST_F(FullTable, RefusesNewClientTransactionsButStillCancels) {
  const auto invite = request(RequestText{.branch = "z9hG4bK-a"}.str());
  request(RequestText{.branch = "z9hG4bK-b"}.str());
  EXPECT_FALSE(request(RequestText{.branch = "z9hG4bK-c"}.str()));
  EXPECT_EQ(table.counters().refused_full, 1u);
  receive(response_text(RequestText{.branch = "z9hG4bK-a"}.str(), 180));
  sent();
  table.cancel(invite, {}, clock.now());
  EXPECT_EQ(sent(), Lines{"CANCEL"});
}

}  // namespace
}  // namespace lamplighter::transaction
