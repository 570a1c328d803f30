#include "sip/headers.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "sip/date.h"

namespace lamplighter::sip {
namespace {

using Strings = std::vector<std::string>;

Strings items(std::string_view list) {
  Strings out;
  while (!list.empty()) {
    const auto item = next_list_item(list);
    if (!item.empty()) out.emplace_back(item);
  }
  return out;
}

TEST(List, IsSplitAtCommas) {
  EXPECT_EQ(items("a, b ,\tc"), (Strings{"a", "b", "c"}));
  EXPECT_EQ(items("one"), Strings{"one"});
  EXPECT_EQ(items(""), Strings{});
}

TEST(List, CommasInQuotesAndBracketsDoNotSplit) {
  EXPECT_EQ(items("\"Bell, A.\" <sip:a@b>, <sip:c,d@e>;q=1"), (Strings{"\"Bell, A.\" <sip:a@b>", "<sip:c,d@e>;q=1"}));
  EXPECT_EQ(items("\"a\\\",b\" <sip:x>, c"), (Strings{"\"a\\\",b\" <sip:x>", "c"}));
  EXPECT_EQ(items("<sip:a\"@b>, c"), (Strings{"<sip:a\"@b>", "c"})) << "quotes mean nothing within brackets";
}

TEST(List, EmptyElementsAreSkipped) { EXPECT_EQ(items(", a,,\r\n b,"), (Strings{"a", "b"})); }

TEST(List, UnfinishedElementsGoToTheEnd) {
  EXPECT_EQ(items("\"a, b"), Strings{"\"a, b"});
  EXPECT_EQ(items("<a, b"), Strings{"<a, b"});
  EXPECT_EQ(items("\"a\\"), Strings{"\"a\\"});
}

TEST(CSeqHeader, IsANumberAndAMethod) {
  const auto cseq = parse_cseq("4711 INVITE");
  ASSERT_TRUE(cseq);
  EXPECT_EQ(cseq->number, 4711u);
  EXPECT_EQ(cseq->method, Method::kInvite);
  const auto folded = parse_cseq("0009\r\n  NEW");
  ASSERT_TRUE(folded);
  EXPECT_EQ(folded->number, 9u);
  EXPECT_EQ(folded->method, Method::kUnknown);
  EXPECT_EQ(folded->method_name, "NEW");
}

TEST(CSeqHeader, NumberFits31Bits) {
  EXPECT_EQ(parse_cseq("2147483647 ACK")->number, 2147483647u);
  EXPECT_FALSE(parse_cseq("2147483648 ACK"));
  EXPECT_FALSE(parse_cseq("36893488147419103232 ACK"));
}

TEST(CSeqHeader, RefusesTheRest) {
  for (const auto* text : {"", "1", "1 ", "INVITE", "1INVITE", "-1 INVITE", "1 IN VITE", "1 <", "1 ACK;x"}) {
    EXPECT_FALSE(parse_cseq(text)) << text;
  }
}

TEST(NameAddrHeader, HasDisplayUriAndParameters) {
  const auto a = parse_name_addr("\"A. Bell\" <sip:bell@example.com;transport=tcp>;tag=43;q=0.5");
  ASSERT_TRUE(a);
  EXPECT_EQ(a->display, "\"A. Bell\"");
  EXPECT_EQ(a->uri_text, "sip:bell@example.com;transport=tcp");
  EXPECT_EQ(a->uri.params.get("transport"), "tcp");
  EXPECT_EQ(a->tag(), "43");
  EXPECT_EQ(a->params.get("Q"), "0.5");
}

TEST(NameAddrHeader, DisplayNameMayBeTokensOrUtf8) {
  EXPECT_EQ(parse_name_addr("A. Bell   <sip:a@b>")->display, "A. Bell");
  EXPECT_EQ(parse_name_addr("caller<sip:a@b>")->display, "caller");
  EXPECT_EQ(parse_name_addr("J\xc3\xbcrgen <sip:a@b>")->display, "J\xc3\xbcrgen");
  EXPECT_EQ(parse_name_addr("<sip:a@b>")->display, "");
  EXPECT_EQ(parse_name_addr("\"\" <sip:a@b>")->display, "\"\"");
}

TEST(NameAddrHeader, WithoutBracketsParametersAreTheHeaders) {
  const auto a = parse_name_addr("sip:bell@example.com;tag=43 ; x");
  ASSERT_TRUE(a);
  EXPECT_EQ(a->uri_text, "sip:bell@example.com");
  EXPECT_FALSE(a->uri.params.has("tag"));
  EXPECT_EQ(a->tag(), "43");
  EXPECT_TRUE(a->params.has("x"));
}

TEST(NameAddrHeader, ParameterMayBeQuoted) {
  const auto a = parse_name_addr("<sip:101@192.0.2.7:3072;line=x>;+sip.instance=\"<urn:uuid:1;2>\";reg-id=1");
  ASSERT_TRUE(a);
  EXPECT_EQ(a->params.get("+sip.instance"), "\"<urn:uuid:1;2>\"");
  EXPECT_EQ(a->params.get("reg-id"), "1");
}

TEST(NameAddrHeader, RefusesTheRest) {
  for (const auto* text : {"",
                           "*",
                           "<>",
                           "<sip:a@b",
                           "sip:a@b>",
                           "\"x <sip:a@b>",
                           "\"x\"",
                           "\"x\" sip:a@b",
                           "a, b <sip:a@b>",
                           "< sip:a@b>",
                           "<sip:a@b >",
                           "<sip:a@b>x",
                           "<sip:a@b>;",
                           "<sip:a@b>;;a",
                           "<sip:a@b>;tag=a b",
                           "sip:a@b?x=y",
                           "sip:a,b@c",
                           "sip:a@b c",
                           "<sip:a@b>;x=\"y",
                           "<sip:a@b>, <sip:c@d>"}) {
    EXPECT_FALSE(parse_name_addr(text)) << text;
  }
}

TEST(ViaHeader, IsTakenApart) {
  const auto via = parse_via("SIP/2.0/UDP erlang.bell-telephone.com:5060;branch=z9hG4bK87asdks7;rport");
  ASSERT_TRUE(via);
  EXPECT_EQ(via->transport, "UDP");
  EXPECT_EQ(via->sent_by, "erlang.bell-telephone.com:5060");
  EXPECT_EQ(via->host, "erlang.bell-telephone.com");
  EXPECT_EQ(via->port, 5060);
  EXPECT_EQ(via->branch(), "z9hG4bK87asdks7");
  EXPECT_TRUE(via->is_rfc3261());
  EXPECT_EQ(via->params.get("rport"), "");
}

TEST(ViaHeader, BlanksMayStandAroundEveryMark) {
  const auto via =
      parse_via("SIP / 2.0 / UDP first.example.com : 4000 ; ttl = 16\r\n ;maddr=224.2.0.1 ;branch=z9hG4bKa7c6a8dlze.1");
  ASSERT_TRUE(via);
  EXPECT_EQ(via->host, "first.example.com");
  EXPECT_EQ(via->port, 4000);
  EXPECT_EQ(via->sent_by, "first.example.com : 4000");
  EXPECT_EQ(via->params.get("ttl"), "16");
  EXPECT_EQ(via->branch(), "z9hG4bKa7c6a8dlze.1");
}

TEST(ViaHeader, HostMayBeIpv6) {
  const auto via = parse_via("SIP/2.0/TCP [2001:db8::9:1]:6050;branch=z9hG4bKas3-111;received=2001:db8::9:255");
  ASSERT_TRUE(via);
  EXPECT_EQ(via->host, "[2001:db8::9:1]");
  EXPECT_EQ(via->port, 6050);
  EXPECT_EQ(via->params.get("received"), "2001:db8::9:255");
}

TEST(ViaHeader, OldBranchesAreNoTransactionKeys) {
  EXPECT_FALSE(parse_via("SIP/2.0/UDP a")->is_rfc3261());
  EXPECT_FALSE(parse_via("SIP/2.0/UDP a;branch=390skdjuw")->is_rfc3261());
  EXPECT_FALSE(parse_via("SIP/2.0/UDP a;branch=z9hG4bK")->is_rfc3261());
}

TEST(ViaHeader, RefusesTheRest) {
  for (const auto* text :
       {"", "SIP", "SIP/2.0", "SIP/2.0/UDP", "SIP/2.0/UDP ", "SIP/2.0/ a", "SIP/2.0/UDPa:", "HTTP/2.0/UDP a",
        "SIP/7.0/UDP a", "SIP/2.0/UDP a:", "SIP/2.0/UDP a:0", "SIP/2.0/UDP a:70000", "SIP/2.0/UDP [::1",
        "SIP/2.0/UDP a b", "SIP/2.0/UDP a;;", "SIP/2.0/UDP a;branch=\"x", "SIP/2.0/UDP ;branch=x"}) {
    const auto via = parse_via(text);
    ASSERT_FALSE(via) << text;
    EXPECT_EQ(via.error().reason, "Bad Via header");
  }
}

TEST(QValue, HasThreeDecimalsAtMost) {
  EXPECT_EQ(parse_qvalue("1"), 1000);
  EXPECT_EQ(parse_qvalue("1.000"), 1000);
  EXPECT_EQ(parse_qvalue("0"), 0);
  EXPECT_EQ(parse_qvalue("0."), 0);
  EXPECT_EQ(parse_qvalue(" 0.5"), 500);
  EXPECT_EQ(parse_qvalue("0.05"), 50);
  EXPECT_EQ(parse_qvalue("0.333"), 333);
  for (const auto* text : {"", ".5", "1.001", "2", "0.3333", "-0", "0,5", "0.x", "00.5"}) {
    EXPECT_EQ(parse_qvalue(text), std::nullopt) << text;
  }
}

TEST(Number, IsDigitsOnlyAndSaturates) {
  EXPECT_EQ(parse_number(" 0068 "), 68u);
  EXPECT_EQ(parse_number("4294967295"), 4294967295u);
  EXPECT_EQ(parse_number("99999999999999999999999999999999"), 4294967295u);
  for (const auto* text : {"", " ", "-1", "+1", "1x", "0x10", "1 2", "1.5"}) EXPECT_FALSE(parse_number(text)) << text;
}

TEST(Parameters, AreFoundWithoutCaseAndKeepTheirQuotes) {
  const Params params(";a;B=1 ; c = \"x;y\\\"z\" ;\r\n d=");
  EXPECT_EQ(params.get("A"), "");
  EXPECT_EQ(params.get("b"), "1");
  EXPECT_EQ(params.get("c"), "\"x;y\\\"z\"");
  EXPECT_EQ(params.get("d"), "");
  EXPECT_EQ(params.get("e"), std::nullopt);
}

TEST(Parameters, TellTheEndFromAFault) {
  std::string_view good = ";a=1 ";
  EXPECT_TRUE(Params::next(good));
  EXPECT_FALSE(Params::next(good));
  EXPECT_TRUE(good.empty());
  for (const std::string_view text : {"a", ";", ";=1", ";a=\"1", ";a b", ";a=1 2", ";\"a\""}) {
    auto bad = text;
    EXPECT_FALSE(Params::next(bad)) << text;
    EXPECT_EQ(bad, text);
  }
}

TEST(Text, IsTrimmedUnquotedAndComparedAsHeadersWantIt) {
  EXPECT_EQ(trim(" \t\r\n a b\r\n "), "a b");
  EXPECT_EQ(trim("\r\n "), "");
  EXPECT_EQ(unquote("\"a\\\"b\\\\\""), "a\"b\\");
  EXPECT_EQ(unquote("plain"), "plain");
  EXPECT_EQ(unquote("\""), "\"");
  EXPECT_TRUE(iequals("Call-ID", "call-id"));
  EXPECT_FALSE(iequals("Call-ID", "Call\rID")) << "'\\r' is '-' without one bit";
  EXPECT_FALSE(iequals("[", "{"));
  EXPECT_EQ(media_type(" application/x-buttons ; charset=utf-8"), "application/x-buttons");
}

TEST(HeaderNames, LongCompactAndInAnyCaseAreTheSame) {
  for (unsigned id = 1; id < static_cast<unsigned>(HeaderId::kCount_); ++id) {
    const auto expected = static_cast<HeaderId>(id);
    std::string name(name_of(expected));
    EXPECT_EQ(header_id_from(name), expected) << name;
    for (auto& c : name) c = static_cast<char>(std::toupper(c));
    EXPECT_EQ(header_id_from(name), expected) << name;
    for (auto& c : name) c = static_cast<char>(std::tolower(c));
    EXPECT_EQ(header_id_from(name), expected) << name;
    EXPECT_EQ(header_id_from(name + "x"), HeaderId::kOther) << name;
  }
  EXPECT_EQ(header_id_from("V"), HeaderId::kVia);
  EXPECT_EQ(header_id_from("i"), HeaderId::kCallId);
  EXPECT_EQ(header_id_from("z"), HeaderId::kOther);
  EXPECT_EQ(header_id_from("!"), HeaderId::kOther);
  EXPECT_EQ(header_id_from(""), HeaderId::kOther);
}

TEST(Methods, MatchByCase) {
  for (unsigned at = 1; at <= static_cast<unsigned>(Method::kRefer); ++at) {
    EXPECT_EQ(method_from(name_of(static_cast<Method>(at))), static_cast<Method>(at));
  }
  EXPECT_EQ(method_from("invite"), Method::kUnknown);
  EXPECT_EQ(method_from(""), Method::kUnknown);
}

TEST(SipDate, IsInGmt) {
  EXPECT_TRUE(is_sip_date("Sat, 13 Nov 2010 23:29:00 GMT"));
  for (const auto* text :
       {"", "Sat, 13 Nov 2010 23:29:00 EST", "Sat, 13 Nov 2010 23:29:00", "Foo, 13 Nov 2010 23:29:00 GMT",
        "Sat, 33 Nov 2010 23:29:00 GMT", "Sat, 13 Nox 2010 23:29:00 GMT", "Sat, 13 Nov 2010 25:29:00 GMT",
        "Sat, 13-Nov-2010 23:29:00 GMT", "Sat, 1x Nov 2010 23:29:00 GMT"}) {
    EXPECT_FALSE(is_sip_date(text)) << text;
  }
}

}  // namespace
}  // namespace lamplighter::sip
