#include "load/messages.h"

#include <gtest/gtest.h>

namespace lamplighter::load {
namespace {

constexpr std::string_view kLamp =
    "MESSAGE sip:1007@127.0.0.1:40001;line=000003ef SIP/2.0\r\n"
    "Via: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bKabc;rport\r\n"
    "v: SIP/2.0/UDP 192.0.2.1\r\n"
    "From: <sip:server@127.0.0.1>;tag=1\r\n"
    "To:  <sip:431@127.0.0.1>\r\n"
    "Call-ID: x\r\n"
    "CSeq: 10 MESSAGE\r\n"
    "Content-Length: 0\r\n\r\n";

TEST(Messages, ABranchSaysWhichRequestItWas) {
  for (const Ticket ticket : {Ticket{0, 0, 0}, Ticket{0xffffffff, 199'999, 77}}) {
    std::string branch;
    append_branch(branch, ticket);
    EXPECT_EQ(ticket_of(branch), ticket) << branch;
  }
  for (const auto* bad : {"", "z9hG4bK", "z9hG4bK1-2", "z9hG4bK1-2-", "z9hG4bK1-2-3-4", "z9hG4bK1-2-3x", "1-2-3",
                          "z9hG4bK123456789-1-1"}) {
    EXPECT_EQ(ticket_of(bad), std::nullopt) << bad;
  }
}

TEST(Messages, LooksAtARequest) {
  const auto seen = look_at(kLamp);
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->status, 0);
  EXPECT_EQ(seen->method, "MESSAGE");
  EXPECT_EQ(seen->branch, "z9hG4bKabc");
  EXPECT_EQ(user_number(seen->uri), 1007U);
}

TEST(Messages, LooksAtAResponse) {
  const auto seen = look_at(
      "SIP/2.0 404 Not a call\r\nvia: SIP/2.0/UDP a;rport=1;branch=z9hG4bK1-2-3;received=b\r\nCSEQ: 3 INVITE\r\n\r\n");
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->status, 404);
  EXPECT_EQ(seen->reason, "Not a call");
  EXPECT_EQ(seen->method, "INVITE");
  EXPECT_EQ(seen->branch, "z9hG4bK1-2-3");
}

TEST(Messages, LooksAwayFromRubbish) {
  for (const auto* bad :
       {"", "\r\n\r\n", "SIP/2.0 ", "SIP/2.0 abc Hm\r\n\r\n", "INVITE\r\n", "INVITE  SIP/2.0\r\n\r\n",
        "SIP/2.0 200 OK\r\nCSeq: 1 INVITE\r\n\r\n", "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP a;branch=z\r\n\r\n"}) {
    EXPECT_FALSE(look_at(bad)) << bad;
  }
  for (const auto* bad : {"sip:127.0.0.1", "sip:ten@a", "tel:1", "sip:@a", "sip:99999999999@a"}) {
    EXPECT_EQ(user_number(bad), std::nullopt) << bad;
  }
}

TEST(Messages, AnswersWithWhatAResponseMustRepeat) {
  std::string out;
  append_ok(out, kLamp, "77");
  EXPECT_EQ(out,
            "SIP/2.0 200 OK\r\n"
            "Via: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bKabc;rport\r\n"
            "v: SIP/2.0/UDP 192.0.2.1\r\n"
            "From: <sip:server@127.0.0.1>;tag=1\r\n"
            "To:  <sip:431@127.0.0.1>;tag=77\r\n"
            "Call-ID: x\r\n"
            "CSeq: 10 MESSAGE\r\n"
            "Content-Length: 0\r\n\r\n");
}

constexpr std::string_view kRelayed =
    "INVITE sip:1001@127.0.0.1:40001;line=000003e9 SIP/2.0\r\n"
    "Record-Route: <sip:127.0.0.1:5060;lr;c=x>\r\n"
    "Via: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bKp\r\n"
    "Via: SIP/2.0/UDP 127.0.0.1:40000;branch=z9hG4bK1-0-1;rport=40000\r\n"
    "From: <sip:1000@127.0.0.1>;tag=a\r\nTo: <sip:1001@127.0.0.1>\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\n"
    "Content-Length: 0\r\n\r\n";

TEST(Messages, ACalleeTakesTheCallWithItsContactAndTheRecordRoutes) {
  std::string out;
  append_answer_of_callee(out, kRelayed, "1001", "127.0.0.1:40001", "000003e9");
  EXPECT_TRUE(out.starts_with("SIP/2.0 200 OK\r\n"));
  EXPECT_EQ(header_value(out, "Record-Route"), "<sip:127.0.0.1:5060;lr;c=x>");
  EXPECT_EQ(header_value(out, "To"), "<sip:1001@127.0.0.1>;tag=000003e9");
  EXPECT_EQ(contact_uri_of(out), "sip:1001@127.0.0.1:40001;line=000003e9");
  EXPECT_EQ(header_value(out, "Content-Length"), std::to_string(out.size() - out.find("\r\n\r\n") - 4));
}

TEST(Messages, TheRoutesOfADialogAreTheRecordRoutesFromTheLastToTheFirst) {
  constexpr std::string_view answer =
      "SIP/2.0 200 OK\r\nRecord-Route: <sip:c;lr>, <sip:b;x=1,2;lr>;y\r\nCSeq: 1 INVITE\r\n"
      "Record-Route: <sip:a;lr>\r\n\r\n";
  EXPECT_EQ(routes_of(answer), "Route: <sip:a;lr>\r\nRoute: <sip:b;x=1,2;lr>;y\r\nRoute: <sip:c;lr>\r\n");
  EXPECT_EQ(routes_of("SIP/2.0 200 OK\r\nCSeq: 1 INVITE\r\n\r\n"), "");
}

TEST(Messages, FindsAContactAmongSeveral) {
  constexpr std::string_view answer =
      "SIP/2.0 200 OK\r\nContact: <sip:1@a:1;line=x>;expires=5, \"B\" <sip:1@b:2>;expires=60\r\nm: <sip:1@c>\r\n\r\n";
  EXPECT_TRUE(has_contact(answer, "sip:1@a:1;line=x"));
  EXPECT_TRUE(has_contact(answer, "sip:1@b:2"));
  EXPECT_TRUE(has_contact(answer, "sip:1@c"));
  EXPECT_FALSE(has_contact(answer, "sip:1@a:1"));
  EXPECT_FALSE(has_contact(answer, "sip:1@d"));
}

TEST(Messages, AnInviteSaysHowLongItsBodyIs) {
  const Texts texts({}, "127.0.0.1:5060", "127.0.0.1");
  std::string invite;
  texts.invite.render(invite, {});
  const auto body = invite.substr(invite.find("\r\n\r\n") + 4);
  EXPECT_EQ(header_value(invite, "Content-Length", 'l'), std::to_string(body.size()));
  EXPECT_EQ(header_value(invite, "User-Agent"), "snom370/8.4.35");
}

}  // namespace
}  // namespace lamplighter::load
