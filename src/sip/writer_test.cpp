#include "sip/writer.h"

#include <gtest/gtest.h>

namespace lamplighter::sip {
namespace {

SocketAddress from(const char* text) { return SocketAddress::parse(text).value(); }

std::string request(std::string_view via, std::string_view to = "To: <sip:431@192.0.2.1>") {
  return "INVITE sip:431@192.0.2.1 SIP/2.0\r\n" + std::string(via) +
         "\r\nMax-Forwards: 70\r\nFrom: <sip:101@192.0.2.1>;tag=a\r\n" + std::string(to) +
         "\r\nCall-ID : 1@192.0.2.7\r\nCSeq: 1 INVITE\r\nTimestamp: 54\r\nContent-Length: 0\r\n\r\n";
}

std::string respond(std::string_view text, int status = 404, std::string_view tag = "t1",
                    const char* source = "192.0.2.7:3072") {
  Message message;
  [[maybe_unused]] const auto parsed = message.parse(text);
  std::string out = "left over";
  begin_response(out, message, status, reason_phrase(status), tag, from(source)).no_body();
  return out;
}

/// The first Via of the response to a request with this Via.
std::string via_of(std::string_view via, const char* source) {
  const auto out = respond(request("Via: " + std::string(via)), 404, "t", source);
  const auto start = out.find("\r\n") + 2;
  return out.substr(start, out.find("\r\nFrom") - start);
}

TEST(Writer, WritesARequest) {
  std::string out = "old";
  Writer(out)
      .request_line("MESSAGE", "sip:101@192.0.2.7:3072;line=x")
      .header("Max-Forwards", 70)
      .header("Subject", "buttons")
      .raw("X: y\r\n")
      .body("application/x-buttons", "k=2\r\nc=on");
  EXPECT_EQ(out,
            "MESSAGE sip:101@192.0.2.7:3072;line=x SIP/2.0\r\n"
            "Max-Forwards: 70\r\n"
            "Subject: buttons\r\n"
            "X: y\r\n"
            "Content-Type: application/x-buttons\r\n"
            "Content-Length: 9\r\n"
            "\r\n"
            "k=2\r\nc=on");
}

TEST(Writer, CopiesHeadersAsTheyCame) {
  Message m;
  const std::string text = "OPTIONS sip:a SIP/2.0\r\nv :  x\r\nX: 1\r\n  2 \r\nVia: y\r\n\r\n";
  ASSERT_TRUE(m.parse(text));
  std::string out;
  Writer(out).copy_all(m, HeaderId::kVia).copy(m, *m.find("X"));
  EXPECT_EQ(out, "v :  x\r\nVia: y\r\nX: 1\r\n  2 \r\n");
}

TEST(Response, HasWhatTheRequestGivesIt) {
  EXPECT_EQ(respond(request("v: SIP/2.0/UDP 192.0.2.7:3072;branch=z9hG4bK-1\r\nVia: SIP/2.0/UDP b")),
            "SIP/2.0 404 Not Found\r\n"
            "v: SIP/2.0/UDP 192.0.2.7:3072;branch=z9hG4bK-1\r\n"
            "Via: SIP/2.0/UDP b\r\n"
            "From: <sip:101@192.0.2.1>;tag=a\r\n"
            "To: <sip:431@192.0.2.1>;tag=t1\r\n"
            "Call-ID : 1@192.0.2.7\r\n"
            "CSeq: 1 INVITE\r\n"
            "Content-Length: 0\r\n"
            "\r\n");
}

TEST(Response, Only100HasTheTimestamp) {
  EXPECT_NE(respond(request("Via: SIP/2.0/UDP a"), 100).find("Timestamp: 54\r\n"), std::string::npos);
  EXPECT_EQ(respond(request("Via: SIP/2.0/UDP a"), 180).find("Timestamp"), std::string::npos);
}

TEST(Response, ToTagIsAddedOnceAndOnlyWhenGiven) {
  const auto to = [](std::string_view line, std::string_view tag) {
    const auto out = respond(request("Via: SIP/2.0/UDP a", line), 404, tag);
    const auto start = out.find("\r\nTo") + 2;
    return out.substr(start, out.find("\r\nCall-ID") - start);
  };
  EXPECT_EQ(to("To: <sip:a@b>", "t"), "To: <sip:a@b>;tag=t");
  EXPECT_EQ(to("To: sip:a@b;x", "t"), "To: sip:a@b;x;tag=t");
  EXPECT_EQ(to("To: <sip:a@b;tag=uri> ", "t"), "To: <sip:a@b;tag=uri>;tag=t ");
  EXPECT_EQ(to("To: <sip:a@b>;TAG=own", "t"), "To: <sip:a@b>;TAG=own");
  EXPECT_EQ(to("To: <sip:a@b>", ""), "To: <sip:a@b>");
  EXPECT_EQ(to("To: \"x <sip:a@b>", "t"), "To: \"x <sip:a@b>") << "where a tag would go cannot be known";
}

// RFC 3261 §18.2.1
TEST(Response, ReceivedIsAddedWhenTheHostIsNotTheSource) {
  EXPECT_EQ(via_of("SIP/2.0/UDP 192.0.2.7;branch=b", "192.0.2.7:3072"), "Via: SIP/2.0/UDP 192.0.2.7;branch=b");
  EXPECT_EQ(via_of("SIP/2.0/UDP 10.0.0.1;branch=b", "192.0.2.7:3072"),
            "Via: SIP/2.0/UDP 10.0.0.1;branch=b;received=192.0.2.7");
  EXPECT_EQ(via_of("SIP/2.0/UDP bobspc.biloxi.com:5060;branch=b", "192.0.2.7:3072"),
            "Via: SIP/2.0/UDP bobspc.biloxi.com:5060;branch=b;received=192.0.2.7");
  EXPECT_EQ(via_of("SIP/2.0/UDP 10.0.0.1", "192.0.2.7:3072"), "Via: SIP/2.0/UDP 10.0.0.1;received=192.0.2.7");
}

TEST(Response, ReceivedWorksForIpv6) {
  EXPECT_EQ(via_of("SIP/2.0/UDP [2001:DB8:0::9:1];branch=b", "[2001:db8::9:1]:5060"),
            "Via: SIP/2.0/UDP [2001:DB8:0::9:1];branch=b");
  EXPECT_EQ(via_of("SIP/2.0/UDP [2001:db8::1];branch=b", "[2001:db8::9:255]:5060"),
            "Via: SIP/2.0/UDP [2001:db8::1];branch=b;received=2001:db8::9:255");
}

// RFC 3581 §4: the port is filled in, and received is there even when it says nothing new.
TEST(Response, RportIsFilled) {
  EXPECT_EQ(via_of("SIP/2.0/UDP 10.1.1.1:4540;rport;branch=z9hG4bKkjshdyff", "192.0.2.1:9988"),
            "Via: SIP/2.0/UDP 10.1.1.1:4540;rport=9988;branch=z9hG4bKkjshdyff;received=192.0.2.1");
  EXPECT_EQ(via_of("SIP/2.0/UDP 192.0.2.1:9988;branch=b ; RPORT", "192.0.2.1:9988"),
            "Via: SIP/2.0/UDP 192.0.2.1:9988;branch=b ;rport=9988;received=192.0.2.1");
  EXPECT_EQ(via_of("SIP/2.0/UDP 192.0.2.1;rport=1", "192.0.2.1:9988"),
            "Via: SIP/2.0/UDP 192.0.2.1;rport=9988;received=192.0.2.1");
}

TEST(Response, ReceivedOfTheSenderIsNotBelieved) {
  EXPECT_EQ(via_of("SIP/2.0/UDP 192.0.2.1;received=203.0.113.9;branch=b", "192.0.2.1:5060"),
            "Via: SIP/2.0/UDP 192.0.2.1;branch=b;received=192.0.2.1");
}

TEST(Response, OnlyTheTopElementOfAViaLineChanges) {
  EXPECT_EQ(via_of("SIP/2.0/UDP a;branch=1 ,\r\n SIP/2.0/UDP b;rport", "192.0.2.1:9988"),
            "Via: SIP/2.0/UDP a;branch=1;received=192.0.2.1 ,\r\n SIP/2.0/UDP b;rport");
}

TEST(Response, OfABrokenRequestLeavesOutWhatIsMissing) {
  EXPECT_EQ(respond("INVITE  x SIP/2.0\r\nVia: SIP/2.0/UDP ;;\r\nCSeq: x\r\n\r\n", 400),
            "SIP/2.0 400 Bad Request\r\nVia: SIP/2.0/UDP ;;\r\nCSeq: x\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(respond("INVITE  x SIP/2.0\r\nVia: ,\r\nVia:\r\n\r\n", 400),
            "SIP/2.0 400 Bad Request\r\nVia: ,\r\nVia:\r\nContent-Length: 0\r\n\r\n");
}

TEST(ReasonPhrase, IsTheCustomaryOne) {
  EXPECT_EQ(reason_phrase(100), "Trying");
  EXPECT_EQ(reason_phrase(200), "OK");
  EXPECT_EQ(reason_phrase(404), "Not Found");
  EXPECT_EQ(reason_phrase(606), "Not Acceptable");
  EXPECT_EQ(reason_phrase(299), "Unknown");
  EXPECT_EQ(reason_phrase(0), "Unknown");
  EXPECT_EQ(reason_phrase(999), "Unknown");
}

}  // namespace
}  // namespace lamplighter::sip
