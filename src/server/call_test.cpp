#include <gmock/gmock.h>

#include "server/core_test_support.h"
#include "sip/headers.h"

namespace lamplighter::server {
namespace {

using sip::HeaderId;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr const char* kCaller = "127.0.0.1:40001";
constexpr const char* kCallee = "127.0.0.1:40002";
constexpr const char* kDesk = "127.0.0.1:40003";  // a second phone of the callee

/// Those of `out` that went to this address.
std::vector<Wire> to(const std::vector<Wire>& out, const std::string& address) {
  std::vector<Wire> found;
  for (const auto& wire : out) {
    if (wire.to == at(address)) found.push_back(wire);
  }
  return found;
}

class Call : public CoreTest {
 protected:
  /// 101 calls 102: returns the INVITE as 102 gets it.
  Wire invite(const Request& request = {}) {
    const auto out = receive(kCaller, request.text());
    EXPECT_EQ(out.size(), 2u);
    EXPECT_EQ(to(out, kCaller).at(0).status(), 100);
    return to(out, kCallee).at(0);
  }
};

//  101             server             102
//   | INVITE 102     |                 |
//   |--------------->|  INVITE         |
//   |<---- 100 ------|---------------->|
//   |<---- 180 ------|<----- 180 ------|
//   |<---- 200 ------|<----- 200 ------|
//   | ACK            |                 |
//   |--------------->|---------------->|
//   | BYE            |                 |
//   |--------------->|---------------->|
//   |<---- 200 ------|<----- 200 ------|
TEST_F(Call, IsSetUpAndEndedThroughTheServer) {
  start();
  register_phone("102", kCallee);
  const auto invite_102 = invite();
  EXPECT_EQ(invite_102.start_line(), "INVITE sip:102@127.0.0.1:40002;line=x102 SIP/2.0");
  EXPECT_EQ(invite_102.header("Max-Forwards"), "69");
  const auto vias = invite_102.headers(HeaderId::kVia);
  ASSERT_EQ(vias.size(), 2u);
  EXPECT_THAT(vias[0], testing::StartsWith("SIP/2.0/UDP 127.0.0.1:5060;"));
  EXPECT_THAT(vias[1], testing::HasSubstr("rport=40001"));
  EXPECT_THAT(invite_102.header("Record-Route"), testing::StartsWith("<sip:127.0.0.1:5060;lr;ftag=caller;did="));

  const auto ringing = receive(kCallee, answer(invite_102, 180, "Ringing", "callee"));
  ASSERT_EQ(ringing.size(), 1u);
  EXPECT_EQ(ringing[0].to, at(kCaller));
  EXPECT_EQ(ringing[0].status(), 180);
  EXPECT_EQ(ringing[0].headers(HeaderId::kVia).size(), 1u);

  const auto ok = receive(kCallee, answer(invite_102, 200, "OK", "callee", "sip:102@127.0.0.1:40002;line=x102"));
  ASSERT_EQ(ok.size(), 1u);
  EXPECT_EQ(ok[0].status(), 200);

  Request ack;
  ack.method = "ACK";
  ack.uri = "sip:102@127.0.0.1:40002;line=x102";
  ack.branch = "z9hG4bKack";
  ack.to_header = ok[0].header("To");
  ack.extra = {"Route: " + ok[0].header("Record-Route")};
  const auto acked = receive(kCaller, ack.text());
  ASSERT_EQ(acked.size(), 1u);
  EXPECT_EQ(acked[0].to, at(kCallee));
  EXPECT_EQ(acked[0].start_line(), "ACK sip:102@127.0.0.1:40002;line=x102 SIP/2.0");
  EXPECT_EQ(acked[0].header("Route"), "");

  Request bye = ack;
  bye.method = "BYE";
  bye.branch = "z9hG4bKbye";
  bye.cseq = "2";
  const auto byed = receive(kCaller, bye.text());
  ASSERT_EQ(byed.size(), 1u);
  EXPECT_EQ(byed[0].to, at(kCallee));
  EXPECT_EQ(byed[0].header("Record-Route"), "") << "only what opens a dialog is recorded";
  const auto ended = receive(kCallee, answer(byed[0], 200, "OK", "callee"));
  ASSERT_EQ(ended.size(), 1u);
  EXPECT_EQ(ended[0].status(), 200);

  pass(seconds{70});
  EXPECT_TRUE(core().idle());
}

TEST_F(Call, TheCalleeMayHangUpToo) {
  start();
  register_phone("101", kCaller);
  register_phone("102", kCallee);
  const auto invite_102 = invite();
  receive(kCallee, answer(invite_102, 200, "OK", "callee"));
  Request bye;
  bye.method = "BYE";
  bye.from = kCallee;
  bye.uri = "sip:101@127.0.0.1:40001;line=x101";
  bye.branch = "z9hG4bKbye2";
  bye.from_header = "<sip:102@127.0.0.1>;tag=callee";
  bye.to_header = "<sip:101@127.0.0.1>;tag=caller";
  bye.extra = {"Route: " + invite_102.header("Record-Route")};
  const auto out = receive(kCallee, bye.text());
  ASSERT_EQ(out.size(), 1u);
  EXPECT_EQ(out[0].to, at(kCaller));
}

//  101             server             102
//   | INVITE         |---- INVITE ---->|
//   | CANCEL         |<----- 180 ------|
//   |--------------->|---- CANCEL ---->|
//   |<-- 200 CANCEL -|                 |
//   |<---- 487 ------|<----- 487 ------|
//   |                |------ ACK ----->|   hop by hop
TEST_F(Call, CancelReachesThePhoneThatRings) {
  start();
  register_phone("102", kCallee);
  const auto invite_102 = invite();
  receive(kCallee, answer(invite_102, 180, "Ringing", "callee"));
  Request cancel;
  cancel.method = "CANCEL";
  const auto out = receive(kCaller, cancel.text());
  ASSERT_EQ(to(out, kCaller).size(), 1u);
  EXPECT_EQ(to(out, kCaller)[0].status(), 200);
  ASSERT_EQ(to(out, kCallee).size(), 1u);
  EXPECT_EQ(to(out, kCallee)[0].start_line(), "CANCEL sip:102@127.0.0.1:40002;line=x102 SIP/2.0");

  receive(kCallee, answer(to(out, kCallee)[0], 200, "OK", "callee"));
  const auto ended = receive(kCallee, answer(invite_102, 487, "Request Terminated", "callee"));
  EXPECT_EQ(to(ended, kCaller).at(0).status(), 487);
  EXPECT_THAT(to(ended, kCallee).at(0).start_line(), testing::StartsWith("ACK "));
  pass(seconds{40});
  EXPECT_TRUE(core().idle());
}

TEST_F(Call, ACancelThatMatchesNothingGets481) {
  start();
  Request cancel;
  cancel.method = "CANCEL";
  const auto out = receive(kCaller, cancel.text());
  ASSERT_EQ(out.size(), 1u);
  EXPECT_EQ(out[0].status(), 481);
}

//  101             server          102 mobile    102 desk
//   | INVITE         |-- INVITE ------>|             |
//   |--------------->|-- INVITE -------------------->|
//   |<---- 200 ------|<---- 200 -------|             |
//   |                |-- CANCEL -------------------->|
TEST_F(Call, ForksToAllPhonesAndTheFirstToAnswerWins) {
  start();
  register_phone("102", kCallee);
  register_phone("102", kDesk);
  const auto out = receive(kCaller, Request{}.text());
  const auto mobile = to(out, kCallee).at(0);
  const auto desk = to(out, kDesk).at(0);
  receive(kDesk, answer(desk, 180, "Ringing", "desk"));
  const auto won = receive(kCallee, answer(mobile, 200, "OK", "mobile"));
  EXPECT_EQ(to(won, kCaller).at(0).status(), 200);
  EXPECT_THAT(to(won, kDesk).at(0).start_line(), testing::StartsWith("CANCEL "));
  // The loser's 487 stays here.
  EXPECT_TRUE(to(receive(kDesk, answer(desk, 487, "Request Terminated", "desk")), kCaller).empty());
}

TEST_F(Call, TwoPhonesThatAnswerAtOnceBothReachTheCaller) {
  start();
  register_phone("102", kCallee);
  register_phone("102", kDesk);
  const auto out = receive(kCaller, Request{}.text());
  receive(kCallee, answer(to(out, kCallee).at(0), 200, "OK", "mobile"));
  const auto second = receive(kDesk, answer(to(out, kDesk).at(0), 200, "OK", "desk"));
  EXPECT_EQ(to(second, kCaller).at(0).status(), 200) << "a second dialog: the caller ends it (RFC 3261 §13.2.2.4)";
}

TEST_F(Call, TheBestOfSeveralRefusalsIsTold) {
  start();
  register_phone("102", kCallee);
  register_phone("102", kDesk);
  const auto out = receive(kCaller, Request{}.text());
  EXPECT_TRUE(to(receive(kCallee, answer(to(out, kCallee).at(0), 503, "Unavailable", "m")), kCaller).empty());
  const auto ended = receive(kDesk, answer(to(out, kDesk).at(0), 486, "Busy Here", "d"));
  EXPECT_EQ(to(ended, kCaller).at(0).status(), 486);
}

TEST_F(Call, A6xxEndsTheOthersAndIsTold) {
  start();
  register_phone("102", kCallee);
  register_phone("102", kDesk);
  const auto out = receive(kCaller, Request{}.text());
  receive(kDesk, answer(to(out, kDesk).at(0), 180, "Ringing", "d"));
  const auto declined = receive(kCallee, answer(to(out, kCallee).at(0), 603, "Decline", "m"));
  EXPECT_TRUE(to(declined, kCaller).empty()) << "not before the others have ended (§16.7 step 5)";
  EXPECT_THAT(to(declined, kDesk).at(0).start_line(), testing::StartsWith("CANCEL "));
  const auto ended = receive(kDesk, answer(to(out, kDesk).at(0), 487, "Request Terminated", "d"));
  EXPECT_EQ(to(ended, kCaller).at(0).status(), 603);
}

TEST_F(Call, ALone503LeavesAs500) {
  start();
  register_phone("102", kCallee);
  const auto ended = receive(kCallee, answer(invite(), 503, "Service Unavailable", "c"));
  EXPECT_EQ(to(ended, kCaller).at(0).start_line(), "SIP/2.0 500 Server Internal Error");
}

TEST_F(Call, APhoneThatNeverAnswersIs408) {
  start();
  register_phone("102", kCallee);
  invite();
  const auto out = to(pass(seconds{33}), kCaller);
  ASSERT_FALSE(out.empty());
  EXPECT_EQ(out[0].status(), 408);
}

TEST_F(Call, TimerCEndsACallThatRingsForever) {
  settings.proxy.invite_timeout = seconds{180};
  start();
  register_phone("102", kCallee);
  const auto invite_102 = invite();
  receive(kCallee, answer(invite_102, 180, "Ringing", "callee"));
  EXPECT_TRUE(pass(seconds{179}).empty());
  const auto out = pass(seconds{2});
  ASSERT_FALSE(to(out, kCallee).empty());
  EXPECT_THAT(to(out, kCallee)[0].start_line(), testing::StartsWith("CANCEL "));
  const auto ended = receive(kCallee, answer(invite_102, 487, "Request Terminated", "callee"));
  EXPECT_EQ(to(ended, kCaller).at(0).status(), 487);
}

TEST_F(Call, UnknownIs404AndKnownButAwayIs480) {
  credentials.replace({{"103", "lamplighter", "x", "y"}});
  start();
  Request unknown;
  EXPECT_EQ(receive(kCaller, unknown.text()).at(0).status(), 404);
  Request away;
  away.uri = "sip:103@127.0.0.1";
  away.branch = "z9hG4bKaway";
  EXPECT_EQ(receive(kCaller, away.text()).at(0).status(), 480);
}

TEST_F(Call, AnExpiredBindingIsNotCalled) {
  start();
  register_phone("102", kCallee);
  pass(seconds{3601});
  EXPECT_EQ(receive(kCaller, Request{}.text()).at(0).status(), 404);
  pass(seconds{40});  // housekeeping visits every binding within half a minute
  EXPECT_EQ(store.bindings(), 0u) << "and the store has forgotten it";
}

TEST_F(Call, OneHopTooManyIs483) {
  start();
  register_phone("102", kCallee);
  auto text = Request{}.text();
  text.replace(text.find("Max-Forwards: 70"), 16, "Max-Forwards: 0");
  EXPECT_EQ(receive(kCaller, text).at(0).status(), 483);
}

// The callee's Contact points back at the server: the request comes in as it went out.
TEST_F(Call, ALoopIs482AndASpiralIsNot) {
  start();
  register_phone("102", kCallee);
  const auto once = invite();
  // What went to 102 comes back for another user: a spiral (a forward on the phone), and is routed.
  auto spiral = once.bytes;
  spiral.replace(0, spiral.find("\r\n"),
                 "INVITE sip:103@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:40002;rport;branch=z9hG4bKspiral");
  EXPECT_EQ(receive(kCallee, spiral).at(0).status(), 404);
  // The same request with the Via it got from us and its Request-URI unchanged: a loop.
  auto loop = Request{}.text();
  loop.replace(
      loop.find("Via: "), 0,
      "Via: SIP/2.0/UDP 127.0.0.1:40002;rport;branch=z9hG4bKloop\r\nVia: " + once.headers(HeaderId::kVia)[0] + "\r\n");
  const auto out = receive(kCallee, loop);
  ASSERT_FALSE(out.empty());
  EXPECT_EQ(out[0].status(), 482);
  EXPECT_EQ(core().counters().loops.value(), 1u);
}

TEST_F(Call, ExtensionsNobodyKnowsAre420) {
  start();
  Request request;
  request.extra = {"Proxy-Require: teleport, path"};
  const auto out = receive(kCaller, request.text());
  EXPECT_EQ(out.at(0).status(), 420);
  EXPECT_EQ(out.at(0).header("Unsupported"), "teleport");
}

TEST_F(Call, HeadersNobodyTouchesLeaveByteForByte) {
  start();
  register_phone("102", kCallee);
  Request request;
  request.extra = {"X-Odd:   spaces kept ;  and \"quotes\"", "s: folded\r\n  subject",
                   "v: SIP/2.0/UDP far.example.com;branch=z9hG4bKfar"};
  request.body = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\n";
  request.extra.push_back("Content-Type: application/sdp");
  const auto out = invite(request);
  EXPECT_THAT(out.bytes, testing::HasSubstr("\r\nX-Odd:   spaces kept ;  and \"quotes\"\r\n"));
  EXPECT_THAT(out.bytes, testing::HasSubstr("\r\ns: folded\r\n  subject\r\n"));
  EXPECT_THAT(out.bytes, testing::HasSubstr("\r\nv: SIP/2.0/UDP far.example.com;branch=z9hG4bKfar\r\n"));
  EXPECT_EQ(out.body(), request.body);
}

// --- No open relay
// ----------------------------------------------------------------------------------------------------

TEST_F(Call, ForeignDomainsAreRefusedEvenToTrustedPhones) {
  start();
  Request request;
  request.uri = "sip:someone@203.0.113.9";
  EXPECT_EQ(receive(kCaller, request.text()).at(0).status(), 403);
}

TEST_F(Call, ForeignDomainsAreRelayedForTrustedPhonesWhenTheSettingAllowsIt) {
  settings.relay_foreign = true;
  start();
  Request request;
  request.uri = "sip:someone@203.0.113.9:5070";
  const auto out = receive(kCaller, request.text());
  ASSERT_EQ(to(out, "203.0.113.9:5070").size(), 1u);
  EXPECT_EQ(to(out, "203.0.113.9:5070")[0].start_line(), "INVITE sip:someone@203.0.113.9:5070 SIP/2.0");

  request.branch = "z9hG4bKstranger";
  EXPECT_EQ(receive("192.0.2.66:5060", request.text()).at(0).status(), 407) << "but never for a stranger";
}

TEST_F(Call, AMadeUpRouteOpensNoRelay) {
  start();
  Request request;
  request.method = "BYE";
  request.uri = "sip:victim@203.0.113.9";
  request.to_header = "<sip:victim@203.0.113.9>;tag=x";
  request.extra = {"Route: <sip:127.0.0.1:5060;lr;ftag=caller;did=0123456789abcdef>"};
  EXPECT_EQ(receive("192.0.2.66:5060", request.text()).at(0).status(), 407);
  request.branch = "z9hG4bKtrusted";
  EXPECT_EQ(receive(kCaller, request.text()).at(0).status(), 403);
  request.method = "ACK";
  EXPECT_TRUE(receive("192.0.2.66:5060", request.text()).empty());
}

TEST_F(Call, ARouteOfAnotherCallOpensNoRelayEither) {
  start();
  register_phone("102", kCallee);
  const auto route = invite().header("Record-Route");
  Request request;
  request.method = "MESSAGE";
  request.uri = "sip:victim@203.0.113.9";
  request.call_id = "another-call";
  request.branch = "z9hG4bKreplay";
  request.extra = {"Route: " + route};
  EXPECT_EQ(receive(kCaller, request.text()).at(0).status(), 403);
}

// --- Workers
// ------------------------------------------------------------------------------------------------------------

//  101             worker 0           worker 1            102
//   | INVITE         |                   |                  |
//   |--------------->|---- mailbox ----->|---- INVITE ----->|
//   |<---- 180 ------|<--- mailbox ------|<----- 180 -------|
//   | CANCEL         |                   |                  |
//   |--------------->|---- mailbox ----->|---- CANCEL ----->|
TEST_F(Call, SpansTwoWorkers) {
  start(2);
  register_phone("102", kCallee, 1);
  const auto out = receive(kCaller, Request{}.text(), 0);
  const auto invite_102 = to(out, kCallee).at(0);
  EXPECT_EQ(invite_102.worker, 1);
  const auto ringing = receive(kCallee, answer(invite_102, 180, "Ringing", "callee"), 1);
  ASSERT_EQ(to(ringing, kCaller).size(), 1u);
  EXPECT_EQ(to(ringing, kCaller)[0].worker, 0);
  Request cancel;
  cancel.method = "CANCEL";
  const auto cancelled = receive(kCaller, cancel.text(), 0);
  EXPECT_EQ(to(cancelled, kCallee).at(0).worker, 1);
  receive(kCallee, answer(invite_102, 487, "Request Terminated", "callee"), 1);
  pass(seconds{40});
  EXPECT_TRUE(core(0).idle());
  EXPECT_TRUE(core(1).idle());
}

TEST_F(Call, AResponseThatReachesTheWrongWorkerIsHandedOver) {
  start(2);
  register_phone("102", kCallee, 1);
  const auto invite_102 = to(receive(kCaller, Request{}.text(), 0), kCallee).at(0);
  // The branch was written by worker 0 for a flow of worker 1; the answer lands on worker 0's socket.
  const auto ringing = receive(kCallee, answer(invite_102, 180, "Ringing", "callee"), 0);
  ASSERT_EQ(to(ringing, kCaller).size(), 1u);
  EXPECT_EQ(to(ringing, kCaller)[0].status(), 180);
}

}  // namespace
}  // namespace lamplighter::server
