#include "server/flow_register.h"

#include <gmock/gmock.h>

#include "server/forward.h"

// Phones on connections: who is concerned when one ends, and what a message needs to leave on one.
namespace lamplighter::server {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Flow flow(TransportKind kind, std::uint32_t connection, std::uint32_t generation) {
  Flow out;
  out.kind = kind;
  out.connection = connection;
  out.generation = generation;
  return out;
}

TEST(FlowRegister, KnowsWhoRegisteredOverAConnectionAndForgetsWithIt) {
  FlowRegister flows;
  const auto one = flow(TransportKind::kTcp, 1, 7);
  flows.note(one, "102@a");
  flows.note(one, "101@a");
  flows.note(one, "102@a");
  flows.note(flow(TransportKind::kWss, 1, 8), "103@a");
  flows.note(flow(TransportKind::kUdp, 0, 0), "104@a");
  flows.note(flow(TransportKind::kTcp, 0, 0), "105@a");
  EXPECT_EQ(flows.size(), 2u);
  EXPECT_THAT(flows.take(one), ElementsAre("101@a", "102@a"));
  EXPECT_THAT(flows.take(one), IsEmpty());
  EXPECT_EQ(flows.size(), 1u);
}

// RFC 3261 §16.6 step 9: what came as a datagram may leave on a stream.
TEST(Forward, AddsTheContentLengthThatADatagramMayLack) {
  sip::Message message;
  const std::string request =
      "MESSAGE sip:a SIP/2.0\r\nVia: SIP/2.0/UDP b;branch=z9hG4bKx\r\nMax-Forwards: 5\r\n\r\nhello";
  ASSERT_TRUE(message.parse(request));
  ForwardPlan plan;
  plan.uri = "sip:c";
  plan.via = "SIP/2.0/TCP d;branch=z9hG4bKy";
  std::string out;
  write_forwarded_request(out, message, plan);
  EXPECT_THAT(out, HasSubstr("\r\nMax-Forwards: 4\r\nContent-Length: 5\r\n\r\nhello"));
  const std::string response = "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP a\r\nVia: SIP/2.0/TCP b\r\n\r\n";
  ASSERT_TRUE(message.parse(response));
  write_forwarded_response(out, message);
  EXPECT_EQ(out, "SIP/2.0 200 OK\r\nVia: SIP/2.0/TCP b\r\nContent-Length: 0\r\n\r\n");
}

}  // namespace
}  // namespace lamplighter::server
