#include "server/responder.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/table_test_support.h"
#include "sip/headers.h"

namespace lamplighter::server {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

std::string request(std::string_view method, std::string_view call_id = "call-1", std::string_view to_tag = "",
                    std::string_view branch = "z9hG4bK-1") {
  return fmt::format(
      "{0} sip:101@192.0.2.1 SIP/2.0\r\n"
      "Via: SIP/2.0/UDP 10.0.0.5:5060;branch={3};rport\r\n"
      "Max-Forwards: 70\r\n"
      "From: <sip:101@192.0.2.1>;tag=from1\r\n"
      "To: <sip:101@192.0.2.1>{2}\r\n"
      "Call-ID: {1}\r\n"
      "CSeq: 7 {0}\r\n"
      "Content-Length: 0\r\n\r\n",
      method, call_id, to_tag, branch);
}

std::string to_tag(const std::string& response) {
  sip::Message message;
  EXPECT_TRUE(message.parse(response)) << response;
  const auto* to = message.to();
  return to ? std::string(to->tag()) : std::string();
}

class ResponderTest : public testing::Test {
 protected:
  TableHarness net{[this](auto id, const auto& message, const auto& flow, auto now) {
    responder.reply(id, message, flow, status, reason, headers, now);
  }};
  Responder responder = Responder(net.table, "Lamplighter");
  int status = 404;
  std::string reason;
  std::string headers;
};

TEST_F(ResponderTest, AnswersWithTheCustomaryReasonAndItsName) {
  const auto response = net.request(request("OPTIONS"));
  EXPECT_THAT(response, StartsWith("SIP/2.0 404 Not Found\r\n"));
  EXPECT_THAT(response, HasSubstr("Server: Lamplighter\r\n"));
  EXPECT_THAT(response, HasSubstr("received=192.0.2.17"));
  EXPECT_THAT(response, HasSubstr("rport=2048"));
  EXPECT_THAT(response, EndsWith("Content-Length: 0\r\n\r\n"));
}

TEST_F(ResponderTest, TakesAReasonAndWholeHeaderLines) {
  reason = "Not a call";
  headers = "Retry-After: 5\r\n";
  const auto response = net.request(request("OPTIONS"));
  EXPECT_THAT(response, StartsWith("SIP/2.0 404 Not a call\r\n"));
  EXPECT_THAT(response, HasSubstr("\r\nRetry-After: 5\r\n"));
}

TEST_F(ResponderTest, WithoutANameThereIsNoServerHeader) {
  TableHarness other([&](auto id, const auto& message, const auto& flow, auto now) {
    Responder(other.table, "").reply(id, message, flow, 200, {}, {}, now);
  });
  EXPECT_THAT(other.request(request("OPTIONS")), Not(HasSubstr("Server:")));
}

TEST_F(ResponderTest, AHundredCarriesNoTagAndFinalsDo) {
  status = 100;
  EXPECT_EQ(to_tag(net.request(request("INVITE", "a"))), "");
  status = 180;
  const auto provisional = to_tag(net.request(request("INVITE", "b", "", "z9hG4bK-2")));
  EXPECT_EQ(provisional.size(), 16u);
}

TEST_F(ResponderTest, AnExistingTagIsKept) {
  EXPECT_EQ(to_tag(net.request(request("OPTIONS", "a", ";tag=theirs"))), "theirs");
}

TEST_F(ResponderTest, ProvisionalAndFinalAnswersAgreeOnTheTag) {
  std::vector<std::string> tags;
  TableHarness ringing([&](auto id, const auto& message, const auto& flow, auto now) {
    Responder own(ringing.table, "");
    for (const int code : {180, 486}) {
      own.reply(id, message, flow, code, {}, {}, now);
      tags.push_back(to_tag(ringing.sender.sent.back()));
    }
  });
  ringing.request(request("INVITE"));
  ASSERT_EQ(tags.size(), 2u);
  EXPECT_EQ(tags[0], tags[1]);
}

TEST_F(ResponderTest, ACancelAndItsInviteAgreeOnTheTag) {
  status = 180;
  const auto invite = to_tag(net.request(request("INVITE")));
  status = 200;
  EXPECT_EQ(to_tag(net.request(request("CANCEL"))), invite);
}

TEST_F(ResponderTest, ACopyThatComesAfterTheTransactionEndedGetsTheSameTag) {
  const auto first = to_tag(net.request(request("OPTIONS")));
  net.clock.advance(std::chrono::minutes(1));
  net.run_timers();
  ASSERT_EQ(net.table.servers(), 0u);
  EXPECT_EQ(to_tag(net.request(request("OPTIONS"))), first);
}

TEST_F(ResponderTest, OtherRequestsGetOtherTags) {
  const auto tag = to_tag(net.request(request("OPTIONS", "a", "", "z9hG4bK-1")));
  EXPECT_NE(to_tag(net.request(request("OPTIONS", "b", "", "z9hG4bK-2"))), tag);
  EXPECT_NE(to_tag(net.request(request("OPTIONS", "a", "", "z9hG4bK-3"))), tag);
}

}  // namespace
}  // namespace lamplighter::server
