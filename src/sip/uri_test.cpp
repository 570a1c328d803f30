#include "sip/uri.h"

#include <gtest/gtest.h>

#include <tuple>

namespace lamplighter::sip {
namespace {

Uri uri(std::string_view text) {
  const auto result = parse_uri(text);
  EXPECT_TRUE(result) << text;
  return result.value_or(Uri{});
}

TEST(Uri, IsTakenApart) {
  const auto u = uri("sip:alice:secret@atlanta.com:5070;transport=tcp;lr?subject=project%20x&priority=urgent");
  EXPECT_EQ(u.scheme, Uri::Scheme::kSip);
  EXPECT_EQ(u.scheme_text, "sip");
  EXPECT_EQ(u.user, "alice");
  EXPECT_EQ(u.password, "secret");
  EXPECT_EQ(u.host, "atlanta.com");
  EXPECT_EQ(u.port, 5070);
  EXPECT_EQ(u.params.get("transport"), "tcp");
  EXPECT_EQ(u.params.get("lr"), "");
  EXPECT_EQ(u.headers, "subject=project%20x&priority=urgent");
}

TEST(Uri, ExamplesOfRfc3261AreRead) {
  for (const auto* text :
       {"sip:alice@atlanta.com", "sip:alice:secretword@atlanta.com;transport=tcp",
        "sips:alice@atlanta.com?subject=project%20x&priority=urgent", "sip:+1-212-555-1212:1234@gateway.com;user=phone",
        "sips:1212@gateway.com", "sip:alice@192.0.2.4", "sip:atlanta.com;method=REGISTER?to=alice%40atlanta.com",
        "sip:alice;day=tuesday@atlanta.com"}) {
    EXPECT_EQ(uri(text).text, text);
  }
  EXPECT_EQ(uri("sip:alice;day=tuesday@atlanta.com").user, "alice;day=tuesday");
}

TEST(Uri, PortHasADefaultByScheme) {
  EXPECT_EQ(uri("sip:a@b").port, 0);
  EXPECT_EQ(uri("sip:a@b").port_or_default(), 5060);
  EXPECT_EQ(uri("sips:a@b").port_or_default(), 5061);
  EXPECT_EQ(uri("SIP:a@b:1").port_or_default(), 1);
}

TEST(Uri, OtherSchemesKeepTheirText) {
  EXPECT_EQ(uri("tel:+358-555-1234567").scheme, Uri::Scheme::kTel);
  const auto web = uri("http://example.com/?x=y");
  EXPECT_EQ(web.scheme, Uri::Scheme::kOther);
  EXPECT_EQ(web.scheme_text, "http");
  EXPECT_EQ(web.text, "http://example.com/?x=y");
  EXPECT_EQ(web.host, "");
}

class RefusedUri : public testing::TestWithParam<const char*> {};

TEST_P(RefusedUri, IsAnError) {
  const auto result = parse_uri(GetParam());
  ASSERT_FALSE(result) << result->host;
  EXPECT_EQ(result.error().status, 400);
  EXPECT_EQ(result.error().reason, "Bad URI");
}

INSTANTIATE_TEST_SUITE_P(All, RefusedUri,
                         testing::Values("", "sip", "sip:", ":a@b", "1sip:a@b", "<sip:a@b>", " sip:a@b", "sip:a@b ",
                                         "sip:a b@c", "sip:@b", "sip:a@", "sip:a@b:", "sip:a@b:0", "sip:a@b:65536",
                                         "sip:a@b:99999999999999999999", "sip:a@b:50x", "sip:a@b: 5060", "sip:a@b :1",
                                         "sip:a@b@c", "sip:a%4@b", "sip:a%zz@b", "sip:a@b;", "sip:a@b;;lr",
                                         "sip:a@b;=x", "sip:a@b;x=\"y\"", "sip:a@b?", "sip:a@b?x", "sip:a@b?=y",
                                         "sip:a@b?x=y&", "sip:a@[::1", "sip:a@[]", "sip:a@[g::]", "sip:2001:db8::10",
                                         "sip:a@b/c", "sip:a\x01@b", "sip:a@b\xc3\xa4", "isbn:", "http://a b",
                                         "http://a/?x=<", "sip:a@b,sip:c@d"));

// RFC 3261 §19.1.4
class EqualUris : public testing::TestWithParam<std::tuple<const char*, const char*>> {};

TEST_P(EqualUris, AreEquivalentBothWays) {
  const auto a = uri(std::get<0>(GetParam()));
  const auto b = uri(std::get<1>(GetParam()));
  EXPECT_TRUE(equivalent(a, b));
  EXPECT_TRUE(equivalent(b, a));
}

INSTANTIATE_TEST_SUITE_P(
    OfTheRfc, EqualUris,
    testing::Values(std::tuple("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp"),
                    std::tuple("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"),
                    std::tuple("sip:carol@chicago.com", "sip:carol@chicago.com;security=on"),
                    std::tuple("sip:carol@chicago.com;newparam=5", "sip:carol@chicago.com;security=on"),
                    std::tuple("sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
                               "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com"),
                    std::tuple("sip:alice@atlanta.com?subject=project%20x&priority=urgent",
                               "sip:alice@atlanta.com?priority=urgent&subject=project%20x")));

INSTANTIATE_TEST_SUITE_P(
    Others, EqualUris,
    testing::Values(std::tuple("sip:a@[2001:db8::1]", "SIP:a@[2001:DB8:0:0::1]"), std::tuple("sip:%4a@b", "sip:%4A@b"),
                    std::tuple("sip:a%3bb@c", "sip:a%3Bb@c"), std::tuple("TEL:+1", "tel:+1"),
                    // Found by fuzzing: a repeated parameter, which §19.1.1 forbids.
                    std::tuple("sip:a@b;transport=tcpx;transport=tcp", "sip:a@b;transport=tcpx;transport=tcp")));

class DifferentUris : public testing::TestWithParam<std::tuple<const char*, const char*>> {};

TEST_P(DifferentUris, AreNotEquivalentEitherWay) {
  const auto a = uri(std::get<0>(GetParam()));
  const auto b = uri(std::get<1>(GetParam()));
  EXPECT_FALSE(equivalent(a, b));
  EXPECT_FALSE(equivalent(b, a));
}

INSTANTIATE_TEST_SUITE_P(
    OfTheRfc, DifferentUris,
    testing::Values(std::tuple("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"),
                    std::tuple("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"),
                    std::tuple("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"),
                    std::tuple("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp"),
                    std::tuple("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"),
                    std::tuple("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"),
                    // "Note that equality is not transitive":
                    std::tuple("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off")));

INSTANTIATE_TEST_SUITE_P(
    Others, DifferentUris,
    testing::Values(std::tuple("sip:a@b", "sips:a@b"), std::tuple("sip:a@b", "sip:b"),
                    std::tuple("sip:a;b@c", "sip:a%3Bb@c"), std::tuple("sip:a@b", "sip:a@b;maddr=c"),
                    std::tuple("sip:a@b", "sip:a@b;user=ip"), std::tuple("sip:a@b", "sip:a@b;ttl=1"),
                    std::tuple("sip:a@b", "sip:a@b;method=INVITE"), std::tuple("sip:a:x@b", "sip:a:y@b"),
                    std::tuple("sip:a@b?x=1&x=1", "sip:a@b?x=1"),
                    std::tuple("sip:a@b?x=1&x=1&y=2", "sip:a@b?x=1&y=2&y=2"),
                    std::tuple("sip:null-%00@b", "sip:null-@b"), std::tuple("tel:+1", "tel:+2"),
                    std::tuple("tel:+1", "sip:+1@b"), std::tuple("sip:a@[::1]", "sip:a@[::2]")));

TEST(Uri, HasALimit) {
  const auto text = "sip:" + std::string(Uri::kMaxSize - 4, 'a');
  EXPECT_TRUE(parse_uri(text));
  const auto longer = text + "a";
  EXPECT_FALSE(parse_uri(longer));
}

TEST(Escapes, AreUndoneOnceAndBadOnesStay) {
  EXPECT_EQ(unescape("a%20b"), "a b");
  EXPECT_EQ(unescape("%2541"), "%41");
  EXPECT_EQ(unescape("100%"), "100%");
  EXPECT_EQ(unescape("%4"), "%4");
  EXPECT_EQ(unescape("%4g%G4"), "%4g%G4");
}

TEST(Escapes, AreMadeForWhatMayNotStandInAUser) {
  EXPECT_EQ(escape_user("alice"), "alice");
  EXPECT_EQ(escape_user("*43"), "*43");
  EXPECT_EQ(escape_user("#31"), "%2331");
  EXPECT_EQ(escape_user("a@b c:d%"), "a%40b%20c%3Ad%25");
  EXPECT_EQ(escape_user("\xc3\xa4"), "%C3%A4");
}

TEST(CanonicalAor, HasUserAndHostOnly) {
  std::string aor = "old";
  canonical_aor(uri("sips:%61lice:pw@Example.COM:5061;transport=tls?x=y"), aor);
  EXPECT_EQ(aor, "alice@example.com");
  canonical_aor(uri("sip:Example.com"), aor);
  EXPECT_EQ(aor, "example.com");
  canonical_aor(uri("sip:101@[2001:DB8::1]:5060"), aor);
  EXPECT_EQ(aor, "101@[2001:db8::1]");
  canonical_aor(uri("tel:+49123"), aor);
  EXPECT_EQ(aor, "tel:+49123");
}

}  // namespace
}  // namespace lamplighter::sip
