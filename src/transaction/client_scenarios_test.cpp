#include "transaction/table_fixture.h"

namespace lamplighter::transaction {
namespace {

using sip::HeaderId;

const std::string kInvite =
    RequestText{.extra = "Route: <sip:p1.example.com;lr>\r\nRoute: <sip:p2.example.com;lr>\r\nSubject: call\r\n"}.str();
const std::string kMessage = RequestText{.method = "MESSAGE", .branch = "z9hG4bK-2"}.str();

struct ClientScenarios : TableTest {
  std::string answer(int status, std::string_view tag = "to1") { return response_text(kInvite, status, tag); }
};

//  table                     peer
//    | INVITE                 |
//    |---------------------->X|   A: 0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5 s
//    |                        |   B: 32 s
TEST_F(ClientScenarios, AnUnansweredInviteIsRepeatedByTimerAUntilTimerB) {
  request(kInvite, udp_flow(), 42);
  EXPECT_EQ(sent(), Lines{"INVITE"});
  for (const auto wait : {500ms, 1000ms, 2000ms, 4000ms, 8000ms, 16000ms}) {
    pass(wait - 1ms);
    EXPECT_EQ(sent(), Lines{});
    pass(1ms);
    EXPECT_EQ(sent(), Lines{"INVITE"});
  }
  pass(499ms);
  EXPECT_EQ(told(), Lines{});
  pass(1ms);
  EXPECT_EQ(told(), Lines{"timeout"});
  EXPECT_EQ(user.last_owner, 42u);
  EXPECT_EQ(table.counters().timeouts, 1u);
  EXPECT_EQ(table.counters().retransmissions_sent, 6u);
  expect_empty();
}

TEST_F(ClientScenarios, AnUnansweredNonInviteIsRepeatedByTimerECappedAtT2) {
  request(kMessage);
  EXPECT_EQ(sent(), Lines{"MESSAGE"});
  for (const auto wait : {500ms, 1000ms, 2000ms, 4000ms, 4000ms, 4000ms, 4000ms, 4000ms, 4000ms, 4000ms}) {
    pass(wait - 1ms);
    EXPECT_EQ(sent(), Lines{});
    pass(1ms);
    EXPECT_EQ(sent(), Lines{"MESSAGE"});
  }
  pass(500ms);
  EXPECT_EQ(sent(), Lines{});
  EXPECT_EQ(told(), Lines{"timeout"});
  expect_empty();
}

//  table                     peer
//    | MESSAGE                |
//    |---------------------->X|   it is restarting
//    |   (peer registers)     |
//    | MESSAGE                |   resend(): not in four seconds, now
//    |----------------------->|
TEST_F(ClientScenarios, ARequestIsSentAgainAtOnceWhenItsPeerIsBack) {
  const auto id = request(kMessage);
  pass(3s);
  sent();
  table.resend(id, clock.now());
  EXPECT_EQ(sent(), Lines{"MESSAGE"});
  pass(499ms);
  EXPECT_EQ(sent(), Lines{});
  pass(1ms);
  EXPECT_EQ(sent(), Lines{"MESSAGE"}) << "timer E has started over";
  receive(response_text(kMessage, 200));
  sent();
  table.resend(id, clock.now());
  EXPECT_EQ(sent(), Lines{}) << "it is answered";
}

TEST_F(ClientScenarios, AnAbandonedRequestIsNeverHeardOfAgain) {
  const auto id = request(kMessage);
  sent();
  table.abandon(id);
  table.abandon(id);
  pass(40s);
  EXPECT_EQ(sent(), Lines{});
  receive(response_text(kMessage, 200));
  EXPECT_EQ(told(), Lines{"stray 200"});
  expect_empty();
}

TEST_F(ClientScenarios, AnInviteIsNotAbandonedButCancelled) {
  const auto id = request(kInvite);
  table.abandon(id);
  EXPECT_EQ(table.clients(), 1u);
}

TEST_F(ClientScenarios, AProvisionalResponseSlowsANonInviteDownToT2) {
  request(kMessage);
  pass(600ms);
  sent();
  receive(response_text(kMessage, 100));
  pass(900ms);  // timer E was to fire at 1.5 s and does
  EXPECT_EQ(sent(), Lines{"MESSAGE"});
  pass(3999ms);
  EXPECT_EQ(sent(), Lines{});
  pass(1ms);
  EXPECT_EQ(sent(), Lines{"MESSAGE"});
}

TEST_F(ClientScenarios, ANonInviteIsAnsweredAndAbsorbsRetransmissions) {
  request(kMessage, udp_flow(), 7);
  receive(response_text(kMessage, 200));
  EXPECT_EQ(told(), Lines{"response 200"});
  EXPECT_EQ(user.last_owner, 7u);
  receive(response_text(kMessage, 200));
  EXPECT_EQ(told(), Lines{});
  EXPECT_EQ(table.counters().response_retransmissions_absorbed, 1u);
  pass(5s);  // timer K
  receive(response_text(kMessage, 200));
  EXPECT_EQ(told(), Lines{"stray 200"});
  EXPECT_EQ(sent(), Lines{"MESSAGE"});
  expect_empty();
}

//  table                     peer
//    | INVITE                 |
//    |----------------------->|
//    |<--------- 100 ---------|   timer A stops
//    |<--------- 404 ---------|
//    |------- ACK (lost)-- X  |
//    |<--------- 404 ---------|   not told again
//    |---------- ACK -------->|
TEST_F(ClientScenarios, ARefusalIsAcknowledgedEachTimeAndToldOnce) {
  request(kInvite);
  receive(answer(100));
  pass(20s);
  EXPECT_EQ(sent(), Lines{"INVITE"});
  receive(answer(404));
  EXPECT_EQ(sent(), Lines{"ACK"});
  receive(answer(404));
  receive(answer(404));
  EXPECT_EQ(sent(), (Lines{"ACK", "ACK"}));
  EXPECT_EQ(told(), (Lines{"response 100", "response 404"}));
  EXPECT_EQ(table.counters().response_retransmissions_absorbed, 2u);
  pass(32s);  // timer D
  expect_empty();
}

TEST_F(ClientScenarios, TheAckIsMadeFromTheInviteAndTheResponse) {
  request(kInvite);
  sender.sent.clear();
  receive(answer(404, "their-tag"));
  ASSERT_EQ(sender.sent.size(), 1u);
  EXPECT_EQ(sender.sent[0],
            "ACK sip:431@example.com SIP/2.0\r\n"
            "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK-1\r\n"
            "Max-Forwards: 70\r\n"
            "Route: <sip:p1.example.com;lr>\r\n"
            "Route: <sip:p2.example.com;lr>\r\n"
            "From: <sip:101@example.com>;tag=from1\r\n"
            "To: <sip:431@example.com>;tag=their-tag\r\n"
            "Call-ID: call1@192.0.2.1\r\n"
            "CSeq: 4711 ACK\r\n"
            "Content-Length: 0\r\n\r\n");
  const auto first = sender.sent[0];
  receive(answer(404, "their-tag"));
  EXPECT_EQ(sender.sent[1], first);
}

TEST_F(ClientScenarios, TheAckOfAForwardedInviteHasOnlyTheTopmostVia) {
  auto text = kInvite;
  text.replace(text.find("\r\nMax-Forwards"), 0,
               ", SIP/2.0/UDP 198.51.100.1;branch=z9hG4bK-deep\r\nVia: SIP/2.0/TCP c");
  request(text);
  sender.sent.clear();
  receive(answer(404));
  ASSERT_EQ(sender.sent.size(), 1u);
  sip::Message ack;
  ASSERT_TRUE(ack.parse(sender.sent[0]));
  EXPECT_EQ(ack.count(HeaderId::kVia), 1u);
  EXPECT_EQ(ack.header(HeaderId::kVia), "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK-1");
}

//  table                     fork
//    | INVITE                 |
//    |----------------------->|
//    |<---- 200, tag=a -------|   told
//    |<---- 200, tag=b -------|   told: another branch of the fork
//    |<---- 200, tag=a -------|   told: the user acknowledges again
TEST_F(ClientScenarios, Every2xxToAnInviteIsTold) {
  request(kInvite);
  std::vector<std::string> tags;
  user.response_hook = [&](ClientId, const sip::Message& response) {
    tags.emplace_back(sip::parse_name_addr(response.header(HeaderId::kTo))->tag());
  };
  receive(answer(200, "a"));
  pass(1s);
  receive(answer(200, "b"));
  receive(answer(200, "a"));
  receive(answer(180, "c"));  // too late to matter
  EXPECT_EQ(tags, (Lines{"a", "b", "a"}));
  EXPECT_EQ(sent(), Lines{"INVITE"});  // the ACK is the user's
  pass(31s);
  expect_empty();
}

TEST_F(ClientScenarios, ProvisionalResponsesOfForksAreAllTold) {
  request(kInvite);
  receive(answer(180, "a"));
  receive(answer(183, "b"));
  EXPECT_EQ(told(), (Lines{"response 180", "response 183"}));
}

//  table                     peer
//    | INVITE                 |
//    |----------------------->|
//    |   cancel(): too early  |
//    |<--------- 180 ---------|
//    |--------- CANCEL ------>|
//    |<------ 200 (CANCEL) ---|   nobody's business
//    |<------ 487 (INVITE) ---|
//    |---------- ACK -------->|
TEST_F(ClientScenarios, ACancelWaitsForTheFirstProvisionalResponse) {
  const auto id = request(kInvite);
  sent();
  table.cancel(id, "Reason: SIP;cause=200\r\n", clock.now());
  table.cancel(id, "Reason: twice\r\n", clock.now());
  EXPECT_EQ(sent(), Lines{});
  pass(500ms);
  EXPECT_EQ(sender.sent, Lines{kInvite});  // the lines that wait are no part of a retransmission
  sender.sent.clear();
  receive(answer(180));
  ASSERT_EQ(sender.sent.size(), 1u);
  const auto cancel = sender.sent[0];
  EXPECT_EQ(cancel,
            "CANCEL sip:431@example.com SIP/2.0\r\n"
            "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK-1\r\n"
            "Max-Forwards: 70\r\n"
            "Route: <sip:p1.example.com;lr>\r\n"
            "Route: <sip:p2.example.com;lr>\r\n"
            "From: <sip:101@example.com>;tag=from1\r\n"
            "To: <sip:431@example.com>\r\n"
            "Call-ID: call1@192.0.2.1\r\n"
            "CSeq: 4711 CANCEL\r\n"
            "Reason: SIP;cause=200\r\n"
            "Content-Length: 0\r\n\r\n");
  sent();
  receive(response_text(cancel, 200));
  receive(answer(487));
  EXPECT_EQ(sent(), Lines{"ACK"});
  EXPECT_EQ(told(), (Lines{"response 180", "response 487"}));
  pass(32s);
  EXPECT_EQ(told(), Lines{});
  expect_empty();
}

TEST_F(ClientScenarios, ACancelAfterAProvisionalResponseIsSentAtOnceAndRepeated) {
  const auto id = request(kInvite);
  receive(answer(180));
  sent();
  table.cancel(id, {}, clock.now());
  EXPECT_EQ(sent(), Lines{"CANCEL"});
  pass(1500ms);
  EXPECT_EQ(sent(), (Lines{"CANCEL", "CANCEL"}));
  table.cancel(id, {}, clock.now());
  EXPECT_EQ(sent(), Lines{});
}

TEST_F(ClientScenarios, ACancelAfterAFinalResponseDoesNothing) {
  const auto id = request(kInvite);
  receive(answer(200));
  sent();
  table.cancel(id, {}, clock.now());
  const auto message = request(kMessage);
  table.cancel(message, {}, clock.now());  // only an INVITE can be cancelled (§9.1)
  EXPECT_EQ(sent(), Lines{"MESSAGE"});
}

TEST_F(ClientScenarios, AnUnansweredInviteThatWasCancelledEndsByTimerB) {
  const auto id = request(kInvite);
  table.cancel(id, {}, clock.now());
  pass(32s);
  EXPECT_EQ(told(), Lines{"timeout"});
  for (const auto& line : sent()) EXPECT_EQ(line, "INVITE");
  expect_empty();
}

TEST_F(ClientScenarios, ACancelledInviteWithoutFinalResponseTimesOut) {
  const auto id = request(kInvite);
  receive(answer(180));
  pass(60s);
  table.cancel(id, {}, clock.now());
  receive(response_text(sender.sent.back(), 200));
  pass(10s);
  receive(answer(180));  // does not prolong it
  pass(22s - 1ms);
  EXPECT_EQ(told(), (Lines{"response 180", "response 180"}));
  pass(1ms);
  EXPECT_EQ(told(), Lines{"timeout"});
  expect_empty();
}

TEST_F(ClientScenarios, A2xxThatCrossesTheCancelIsTold) {
  const auto id = request(kInvite);
  receive(answer(180));
  table.cancel(id, {}, clock.now());
  receive(answer(200));
  EXPECT_EQ(told(), (Lines{"response 180", "response 200"}));
  pass(33s);
  EXPECT_EQ(told(), Lines{});  // no timeout on top
  expect_empty();
}

TEST_F(ClientScenarios, AFlowThatCannotSendFailsInTheNextTurn) {
  sender.broken = true;
  EXPECT_TRUE(request(kInvite, udp_flow(), 1));
  EXPECT_TRUE(request(kMessage, tcp_flow(), 2));
  EXPECT_EQ(told(), Lines{});
  pass(1ms);
  EXPECT_EQ(told(), (Lines{"transport failure", "transport failure"}));
  EXPECT_EQ(table.counters().timeouts, 0u);
  expect_empty();
}

TEST_F(ClientScenarios, AFlowThatBreaksDuringRetransmissionFails) {
  request(kMessage);
  sender.broken = true;
  pass(501ms);
  EXPECT_EQ(told(), Lines{"transport failure"});
  expect_empty();
}

TEST_F(ClientScenarios, AClosedConnectionFailsItsTransactionsAtOnce) {
  request(kInvite, tcp_flow(7), 1);
  receive(answer(180), tcp_flow(7));
  request(kMessage, tcp_flow(8), 2);
  table.on_flow_closed(tcp_flow(7), clock.now());
  EXPECT_EQ(told(), (Lines{"response 180", "transport failure"}));
  EXPECT_EQ(user.last_owner, 1u);
  EXPECT_EQ(table.clients(), 1u);
}

TEST_F(ClientScenarios, OnAReliableFlowNothingIsRepeatedAndNothingLingers) {
  request(kInvite, tcp_flow());
  request(kMessage, tcp_flow());
  pass(10s);
  EXPECT_EQ(sent(), (Lines{"INVITE", "MESSAGE"}));
  receive(answer(404), tcp_flow());
  receive(response_text(kMessage, 200), tcp_flow());
  EXPECT_EQ(sent(), Lines{"ACK"});
  pass(1ms);
  EXPECT_EQ(told(), (Lines{"response 404", "response 200"}));
  expect_empty();
}

TEST_F(ClientScenarios, AResponseBelongsByBranchAndMethod) {
  request(kInvite);
  receive(response_text(RequestText{.branch = "z9hG4bK-none"}.str(), 200));
  receive(response_text(RequestText{.method = "CANCEL"}.str(), 200));
  receive(response_text(RequestText{.branch = ""}.str(), 200));
  EXPECT_EQ(told(), (Lines{"stray 200", "stray 200", "stray 200"}));
  receive(response_text(RequestText{.method = "OPTIONS", .cseq_method = "INVITE"}.str(), 200));
  EXPECT_EQ(told(), Lines{"response 200"});
}

TEST_F(ClientScenarios, AnUnknownMethodIsSentAndAnswered) {
  const auto text = RequestText{.method = "NEWMETHOD", .branch = "z9hG4bK-5"}.str();
  request(text);
  receive(response_text(text, 501));
  EXPECT_EQ(told(), Lines{"response 501"});
}

TEST_F(ClientScenarios, ACompactViaIsFoundToo) {
  auto text = kMessage;
  text.replace(text.find("Via:"), 4, "v :");
  request(text);
  receive(response_text(kMessage, 200));
  EXPECT_EQ(told(), Lines{"response 200"});
}

TEST_F(ClientScenarios, AnEndedTransactionsNameNamesNothing) {
  const auto id = request(kInvite);
  pass(32s);
  told();
  const auto next = request(RequestText{.branch = "z9hG4bK-9"}.str());
  EXPECT_EQ(next.slot, id.slot);
  EXPECT_NE(next.generation, id.generation);
  receive(response_text(RequestText{.branch = "z9hG4bK-9"}.str(), 180));
  sent();
  table.cancel(id, {}, clock.now());
  table.cancel({}, {}, clock.now());
  table.cancel({.slot = 1'000'000, .generation = 1}, {}, clock.now());
  table.respond({}, 200, "x", clock.now());
  EXPECT_EQ(sent(), Lines{});
}

}  // namespace
}  // namespace lamplighter::transaction
