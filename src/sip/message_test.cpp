#include "sip/message.h"

#include <gtest/gtest.h>

#include <string>

#include "sip/headers.h"

namespace lamplighter::sip {
namespace {

constexpr std::string_view kRequest =
    "INVITE sip:431@192.0.2.1 SIP/2.0\r\n"
    "Via: SIP/2.0/UDP 192.0.2.7:3072;branch=z9hG4bK-1;rport\r\n"
    "From: \"101\" <sip:101@192.0.2.1>;tag=a\r\n"
    "To: <sip:431@192.0.2.1>\r\n"
    "Call-ID: 1@192.0.2.7\r\n"
    "CSeq: 1 INVITE\r\n"
    "Contact: <sip:101@192.0.2.7:3072;line=x>\r\n"
    "Content-Length: 4\r\n"
    "\r\n"
    "body";

std::string with(std::string_view from, std::string_view to) {
  std::string text(kRequest);
  const auto at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

/// Parses, and keeps the bytes for as long as the message.
class ParsedMessage : public testing::Test {
 protected:
  std::expected<void, SipError> parse(std::string_view text, Message::Framing framing = Message::Framing::kDatagram) {
    bytes_ = text;
    return m.parse(bytes_, framing);
  }
  /// Status and reason phrase of parse(), "" when it is fine.
  std::string fault(std::string_view text, Message::Framing framing = Message::Framing::kDatagram) {
    const auto result = parse(text, framing);
    return result ? "" : std::to_string(result.error().status) + " " + std::string(result.error().reason);
  }

  Message m;

 private:
  std::string bytes_;
};

std::string validate_fault(std::string_view text) {
  Message message;
  const auto parsed = message.parse(text);
  EXPECT_TRUE(parsed) << parsed.error().reason << "\n" << text;
  const auto result = validate(message);
  return result ? "" : std::to_string(result.error().status) + " " + std::string(result.error().reason);
}

TEST_F(ParsedMessage, RequestIsIndexed) {
  ASSERT_TRUE(parse(kRequest));
  EXPECT_TRUE(m.is_request());
  EXPECT_FALSE(m.is_response());
  EXPECT_EQ(m.method(), Method::kInvite);
  EXPECT_EQ(m.request_uri(), "sip:431@192.0.2.1");
  EXPECT_EQ(m.version(), "SIP/2.0");
  EXPECT_EQ(m.headers().size(), 7u);
  EXPECT_EQ(m.header(HeaderId::kCallId), "1@192.0.2.7");
  EXPECT_EQ(m.line(*m.find(HeaderId::kCSeq)), "CSeq: 1 INVITE\r\n");
  EXPECT_EQ(m.name(m.headers()[0]), "Via");
  EXPECT_EQ(m.body(), "body");
  EXPECT_EQ(m.bytes(), kRequest);
  EXPECT_TRUE(m.can_answer());
  EXPECT_TRUE(validate(m));
}

TEST_F(ParsedMessage, ResponseIsIndexed) {
  ASSERT_TRUE(parse("SIP/2.0 404 Not a call\r\nCall-ID: 1\r\n\r\n"));
  EXPECT_TRUE(m.is_response());
  EXPECT_FALSE(m.is_request());
  EXPECT_EQ(m.status(), 404);
  EXPECT_EQ(m.reason(), "Not a call");
  EXPECT_FALSE(m.can_answer());
}

TEST_F(ParsedMessage, NothingIsThereBeforeParse) {
  EXPECT_FALSE(m.is_request());
  EXPECT_FALSE(m.is_response());
  EXPECT_FALSE(m.has(HeaderId::kVia));
  EXPECT_TRUE(m.headers().empty());
  EXPECT_FALSE(validate(m));
}

TEST_F(ParsedMessage, CanBeUsedAgain) {
  ASSERT_TRUE(parse(kRequest));
  ASSERT_TRUE(parse("SIP/2.0 200 OK\r\nX: y\r\n\r\n"));
  EXPECT_FALSE(m.is_request());
  EXPECT_EQ(m.method(), Method::kUnknown);
  EXPECT_FALSE(m.has(HeaderId::kVia));
  EXPECT_EQ(m.headers().size(), 1u);
  EXPECT_EQ(m.body(), "");
}

TEST_F(ParsedMessage, EmptyLinesBeforeItAreSkipped) {
  const auto text = "\r\n\r\n" + std::string(kRequest);
  ASSERT_TRUE(parse(text));
  EXPECT_EQ(m.bytes(), kRequest);
  EXPECT_EQ(m.header(HeaderId::kCSeq), "1 INVITE");
}

TEST_F(ParsedMessage, KeepAlivesAreEmptyMessages) {
  EXPECT_EQ(fault(""), "400 Empty message");
  EXPECT_EQ(fault("\r\n\r\n"), "400 Empty message");
}

TEST_F(ParsedMessage, HeadersWithoutAnIdAreFoundByName) {
  ASSERT_TRUE(parse(with("Contact:", "X-Snom: 1\r\nContact:")));
  ASSERT_NE(m.find("x-snom"), nullptr);
  EXPECT_EQ(m.value(*m.find("x-snom")), "1");
  EXPECT_EQ(m.find("x-sno"), nullptr);
}

TEST_F(ParsedMessage, FoldedValuesStayFoldedAndAreTrimmed) {
  ASSERT_TRUE(parse(with("CSeq: 1 INVITE", "CSeq \t:\r\n  1\r\n\tINVITE \r\n  ")));
  EXPECT_EQ(m.header(HeaderId::kCSeq), "1\r\n\tINVITE");
  EXPECT_EQ(m.line(*m.find(HeaderId::kCSeq)), "CSeq \t:\r\n  1\r\n\tINVITE \r\n  \r\n");
  EXPECT_TRUE(validate(m));
}

TEST_F(ParsedMessage, DatagramBodyIsWhatContentLengthSaysOrTheRest) {
  ASSERT_TRUE(parse(std::string(kRequest) + "more"));
  EXPECT_EQ(m.body(), "body");
  EXPECT_EQ(m.bytes(), kRequest);
  const auto rest = with("Content-Length: 4\r\n", "");
  ASSERT_TRUE(parse(rest));
  EXPECT_EQ(m.body(), "body");
  EXPECT_EQ(fault(with("Length: 4", "Length: 5")), "400 Body shorter than Content-Length");
}

TEST_F(ParsedMessage, StreamBodyNeedsContentLength) {
  using enum Message::Framing;
  ASSERT_TRUE(parse(kRequest, kStream));
  EXPECT_EQ(m.body(), "body");
  const auto two = std::string(kRequest) + std::string(kRequest);
  ASSERT_TRUE(parse(two, kStream));
  EXPECT_EQ(m.bytes(), kRequest);
  EXPECT_EQ(fault(with("Content-Length: 4\r\n", ""), kStream), "400 Missing Content-Length header");
  EXPECT_TRUE(m.can_answer());
}

TEST_F(ParsedMessage, StartLineIsExact) {
  const auto line = [&](std::string_view start) { return fault(with("INVITE sip:431@192.0.2.1 SIP/2.0", start)); };
  EXPECT_EQ(line("INVITE sip:a@b SIP/2.0"), "");
  EXPECT_EQ(line("INVITE sip:a@b sip/2.0"), "");
  EXPECT_EQ(line("INVITE sip:a@b SIP/10.20"), "") << "505 is for validate()";
  for (const auto* bad :
       {"INVITE", "INVITE ", "INVITE sip:a@b", "INVITE sip:a@b ", "INVITE sip:a@b  SIP/2.0", "INVITE  sip:a@b SIP/2.0",
        "INVITE sip:a@b SIP/2.0 ", "INVITE sip:a@b HTTP/1.1", "INVITE sip:a@b SIP/2", "INVITE sip:a@b SIP/.0",
        "INVITE sip:a@b SIP/2.", "INVITE sip:a@b SIP/2.x", "INVITE\tsip:a@b SIP/2.0", "IN<ITE sip:a@b SIP/2.0",
        " INVITE sip:a@b SIP/2.0"}) {
    EXPECT_EQ(line(bad), "400 Bad request line") << bad;
    EXPECT_TRUE(m.can_answer()) << "the headers are read all the same";
  }
  for (const auto* bad : {"SIP/2.0", "SIP/2.0 ", "SIP/2.0 20", "SIP/2.0 2000 OK", "SIP/2.0 2x0 OK", "SIP/2.0 099 Low",
                          "SIP/2.0  200 OK", "SIP/x.0 200 OK", "SIP/2.0 -20 OK"}) {
    EXPECT_EQ(line(bad), "400 Bad status line") << bad;
    EXPECT_FALSE(m.is_request());
    EXPECT_FALSE(m.is_response()) << "nobody is to act on it, nor to answer";
  }
  EXPECT_EQ(line("SIP/2.0 200"), "");
}

TEST_F(ParsedMessage, MethodOfABrokenRequestIsKnownSoThatAnAckIsNotAnswered) {
  EXPECT_EQ(fault(with("INVITE sip", "ACK  sip")), "400 Bad request line");
  EXPECT_TRUE(m.is_request());
  EXPECT_EQ(m.method(), Method::kAck);
}

TEST_F(ParsedMessage, BadHeaderLineIsLeftOutAndTheRestRead) {
  for (const auto* bad : {"Foobar roobar", ": x", "X y: z", "X(: y", " Folded: x", "X"}) {
    const auto text = with("Via:", std::string(bad) + "\r\nVia:");
    EXPECT_EQ(fault(text), "400 Bad header line") << bad;
    EXPECT_TRUE(m.can_answer()) << bad;
    EXPECT_EQ(m.headers().size(), 7u);
    EXPECT_EQ(m.body(), "body");
  }
}

TEST_F(ParsedMessage, BareCrAndLfEndNoLine) {
  for (const auto* bad : {"X: a\nEvil: b", "X: a\rEvil: b", "X: a\r\rb", "X:\n y"}) {
    EXPECT_EQ(fault(with("Via:", std::string(bad) + "\r\nVia:")), "400 Bare CR or LF in a header") << bad;
    EXPECT_EQ(m.find("Evil"), nullptr);
    EXPECT_TRUE(m.can_answer());
  }
  std::string unix_text(kRequest);
  std::erase(unix_text, '\r');
  EXPECT_EQ(fault(unix_text), "400 Bad start line");
}

TEST_F(ParsedMessage, FirstFaultIsTheOneTold) {
  const auto result =
      parse(with("Call-ID: 1@192.0.2.7\r\n", "Bad One\r\nCall-ID: 1\r\nX: \n\r\nContent-Length: -1\r\n"));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().reason, "Bad header line");
  EXPECT_EQ(result.error().offset, kRequest.find("Call-ID"));
}

TEST_F(ParsedMessage, HeadersNeedTheirEmptyLine) {
  EXPECT_EQ(fault(with("\r\n\r\nbody", "\r\n")), "400 Missing empty line after the headers");
  EXPECT_TRUE(m.can_answer());
  EXPECT_EQ(fault(with("\r\n\r\nbody", "")), "400 Message ends within its headers");
  EXPECT_EQ(m.body(), "");
}

TEST_F(ParsedMessage, LimitsAreNamed) {
  const std::string long_uri = "sip:" + std::string(Message::kMaxUri - 4, 'a');
  EXPECT_EQ(fault(with("sip:431@192.0.2.1", long_uri)), "");
  EXPECT_EQ(fault(with("sip:431@192.0.2.1", long_uri + "a")), "414 Request-URI Too Long");
  EXPECT_TRUE(m.can_answer());

  const std::string long_line = "X: " + std::string(Message::kMaxHeaderLine - 5, 'a') + "\r\n";
  EXPECT_EQ(fault(with("Via:", long_line + "Via:")), "");
  EXPECT_EQ(fault(with("Via:", "a" + long_line + "Via:")), "400 Header line too long");
  EXPECT_TRUE(m.can_answer());

  std::string many;
  for (std::size_t i = 0; i < Message::kMaxHeaders - 7; ++i) many += "X: y\r\n";
  EXPECT_EQ(fault(with("Content-Length", many + "Content-Length")), "");
  EXPECT_EQ(m.headers().size(), Message::kMaxHeaders);
  EXPECT_EQ(m.body(), "body");
  EXPECT_EQ(fault(with("Content-Length", many + "X: y\r\nContent-Length")), "400 Too many headers");
  EXPECT_TRUE(m.can_answer());

  const std::string big(Message::kMaxBody + 1, 'b');
  EXPECT_EQ(fault(with("4\r\n\r\nbody", "65537\r\n\r\n" + big)), "413 Request Entity Too Large");
  EXPECT_TRUE(m.can_answer());
  EXPECT_EQ(fault(with("Content-Length: 4\r\n\r\nbody", "\r\n" + big)), "413 Request Entity Too Large");
  EXPECT_EQ(fault(with("4\r\n\r\nbody", "65536\r\n\r\n" + big)), "");
  const std::string huge(std::size_t{17} << 20, 'b');
  EXPECT_EQ(fault(huge), "413 Request Entity Too Large");
}

TEST(Validate, NamesTheHeaderThatIsMissing) {
  EXPECT_EQ(validate_fault(with("Via: SIP/2.0/UDP 192.0.2.7:3072;branch=z9hG4bK-1;rport\r\n", "")),
            "400 Missing Via header");
  EXPECT_EQ(validate_fault(with("From: \"101\" <sip:101@192.0.2.1>;tag=a\r\n", "")), "400 Missing From header");
  EXPECT_EQ(validate_fault(with("To: <sip:431@192.0.2.1>\r\n", "")), "400 Missing To header");
  EXPECT_EQ(validate_fault(with("Call-ID: 1@192.0.2.7\r\n", "")), "400 Missing Call-ID header");
  EXPECT_EQ(validate_fault(with("CSeq: 1 INVITE\r\n", "")), "400 Missing CSeq header");
}

TEST(Validate, NamesTheHeaderThatIsRepeated) {
  const auto twice = [](std::string_view line) {
    return validate_fault(with("Contact:", std::string(line) + "\r\nContact:"));
  };
  EXPECT_EQ(twice("From: <sip:a@b>"), "400 Repeated From header");
  EXPECT_EQ(twice("t: <sip:a@b>"), "400 Repeated To header");
  EXPECT_EQ(twice("i: 2"), "400 Repeated Call-ID header");
  EXPECT_EQ(twice("CSeq: 1 INVITE"), "400 Repeated CSeq header");
  EXPECT_EQ(twice("Max-Forwards: 1\r\nMax-Forwards: 1"), "400 Repeated Max-Forwards header");
  EXPECT_EQ(twice("Expires: 1\r\nExpires: 1"), "400 Repeated Expires header");
  EXPECT_EQ(twice("Via: SIP/2.0/UDP b\r\nContact: <sip:c@d>\r\nRoute: <sip:e>\r\nRoute: <sip:f>"), "");
}

TEST(Validate, NamesTheHeaderThatIsBad) {
  const auto added = [](std::string_view line) {
    return validate_fault(with("Contact:", std::string(line) + "\r\nContact:"));
  };
  EXPECT_EQ(added("Max-Forwards: 256"), "400 Bad Max-Forwards header");
  EXPECT_EQ(added("Max-Forwards: x"), "400 Bad Max-Forwards header");
  EXPECT_EQ(added("Max-Forwards: 255"), "");
  EXPECT_EQ(added("Date: yesterday"), "400 Bad Date header");
  EXPECT_EQ(added("Route: sip"), "400 Bad Route header");
  EXPECT_EQ(added("Route:"), "400 Bad Route header");
  EXPECT_EQ(added("Contact: *"), "400 Bad Contact header") << "\"*\" is for REGISTER";
  EXPECT_EQ(added("Via: SIP/2.0/UDP b, SIP/2.0"), "400 Bad Via header");
  EXPECT_EQ(validate_fault(with("1@192.0.2.7", "1 2")), "400 Bad Call-ID header");
  EXPECT_EQ(validate_fault(with("1@192.0.2.7", "")), "400 Bad Call-ID header");
  EXPECT_EQ(validate_fault(with("1 INVITE", "1 BYE")), "400 CSeq method does not match");
  EXPECT_EQ(validate_fault(with("<sip:431@192.0.2.1>\r\nCall", "<sip:431@>\r\nCall")), "400 Bad To header");
}

TEST(Validate, RequestUriHasItsOwnFaults) {
  EXPECT_EQ(validate_fault(with("INVITE sip:431@192.0.2.1", "INVITE 431")), "400 Bad Request-URI");
  EXPECT_EQ(validate_fault(with("INVITE sip:431@192.0.2.1", "INVITE http://a")), "416 Unsupported URI Scheme");
  EXPECT_EQ(validate_fault(with("INVITE sip:431@192.0.2.1", "INVITE tel:+1")), "");
  EXPECT_EQ(validate_fault(with("INVITE sip:431@192.0.2.1", "INVITE sip:a@b?c=d")), "400 Headers in Request-URI");
  EXPECT_EQ(validate_fault(with(" SIP/2.0\r\nVia", " SIP/3.0\r\nVia")), "505 Version Not Supported");
}

TEST(Validate, StarIsAContactOfRegister) {
  std::string text = with("INVITE sip", "REGISTER sip");
  text.replace(text.find("1 INVITE"), 8, "1 REGISTER");
  text.replace(text.find("<sip:101@192.0.2.7:3072;line=x>"), 31, "*");
  EXPECT_EQ(validate_fault(text), "");
}

TEST(Validate, ResponsesHaveTheFiveHeaders) {
  const auto response = with("INVITE sip:431@192.0.2.1 SIP/2.0", "SIP/2.0 200 OK");
  EXPECT_EQ(validate_fault(response), "");
  EXPECT_EQ(validate_fault(with("INVITE sip:431@192.0.2.1 SIP/2.0", "SIP/2.0 700 No")), "400 Bad status code");
  EXPECT_EQ(validate_fault(with("INVITE sip:431@192.0.2.1 SIP/2.0", "SIP/3.0 200 OK")), "505 Version Not Supported");
  EXPECT_EQ(validate_fault("SIP/2.0 200 OK\r\nX: y\r\n\r\n"), "400 Missing Via header");
}

}  // namespace
}  // namespace lamplighter::sip
