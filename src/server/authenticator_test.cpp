#include "server/authenticator.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>

#include "base/clock.h"
#include "sip/headers.h"

namespace lamplighter::server {
namespace {

using namespace std::chrono_literals;
using sip::DigestAlgorithm;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using Role = Authenticator::Role;

constexpr std::string_view kRealm = "lamplighter";
constexpr std::string_view kUri = "sip:192.0.2.1";

class AuthenticatorTest : public testing::Test {
 protected:
  AuthenticatorTest() {
    std::vector<location::Credential> users;
    for (const auto* name : {"101", "o\"neil"}) {
      users.push_back({name, std::string(kRealm), sip::digest_ha1(DigestAlgorithm::kMd5, name, kRealm, "secret"),
                       sip::digest_ha1(DigestAlgorithm::kSha256, name, kRealm, "secret")});
    }
    credentials.replace(std::move(users));
  }

  Authenticator authenticator(std::vector<DigestAlgorithm> algorithms = {DigestAlgorithm::kSha256,
                                                                         DigestAlgorithm::kMd5}) {
    AuthenticatorSettings settings;
    settings.realm = kRealm;
    settings.trusted = {Network::parse("10.1.0.0/16").value()};
    settings.algorithms = std::move(algorithms);
    settings.nonce_lifetime = 300s;
    return {settings, credentials, clock, "the server's secret"};
  }

  Authenticator::Verdict check(const std::string& headers = {}, Role role = Role::kEndpoint,
                               std::string_view source = "192.0.2.17:2048") {
    const auto text = fmt::format(
        "REGISTER {} SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.17;branch=z9hG4bK-1\r\nFrom: <sip:101@192.0.2.1>;tag=a\r\n"
        "To: <sip:101@192.0.2.1>\r\nCall-ID: a\r\nCSeq: 1 REGISTER\r\n{}Content-Length: 0\r\n\r\n",
        kUri, headers);
    sip::Message message;
    EXPECT_TRUE(message.parse(text));
    return subject->check(message, SocketAddress::parse(source).value(), role);
  }

  // The challenge for an algorithm out of the verdict's header lines.
  sip::DigestChallenge challenge(const Authenticator::Verdict& verdict, DigestAlgorithm algorithm) {
    kept = verdict.headers;
    std::string_view rest = kept;
    while (!rest.empty()) {
      const auto end = rest.find("\r\n");
      const auto line = rest.substr(0, end);
      rest.remove_prefix(end + 2);
      const auto parsed = sip::parse_digest_challenge(line.substr(line.find(':') + 1));
      EXPECT_TRUE(parsed) << line;
      if (parsed && parsed->algorithm == algorithm) return *parsed;
    }
    ADD_FAILURE() << "no challenge for " << name_of(algorithm) << " in " << kept;
    return {};
  }

  std::string answer(const sip::DigestChallenge& to, std::string_view user = "101",
                     std::string_view password = "secret", std::string_view uri = kUri,
                     std::string_view header = "Authorization") {
    return fmt::format("{}: {}\r\n", header,
                       sip::digest_authorization(to, user, password, "REGISTER", uri, "0a4f113b", 1));
  }

  ManualClock clock;
  location::Credentials credentials;
  std::optional<Authenticator> subject = authenticator();
  std::string kept;
};

TEST_F(AuthenticatorTest, AChallengeOffersEachAlgorithmInTheOrderOfTheSettings) {
  const auto verdict = check();
  EXPECT_FALSE(verdict.allowed);
  EXPECT_EQ(verdict.status, 401);
  const auto sha = verdict.headers.find("WWW-Authenticate: Digest realm=\"lamplighter\"");
  EXPECT_EQ(sha, 0u);
  EXPECT_LT(verdict.headers.find("SHA-256"), verdict.headers.find("MD5"));
  EXPECT_THAT(verdict.headers, Not(HasSubstr("stale=true")));
  EXPECT_TRUE(challenge(verdict, DigestAlgorithm::kMd5).qop_auth);
}

TEST_F(AuthenticatorTest, AProxyAsksWith407AndReadsItsOwnHeader) {
  const auto first = check({}, Role::kProxy);
  EXPECT_EQ(first.status, 407);
  EXPECT_THAT(first.headers, HasSubstr("Proxy-Authenticate: Digest"));
  const auto to = challenge(first, DigestAlgorithm::kMd5);
  EXPECT_FALSE(check(answer(to), Role::kProxy).allowed);
  EXPECT_TRUE(check(answer(to, "101", "secret", kUri, "Proxy-Authorization"), Role::kProxy).allowed);
}

TEST_F(AuthenticatorTest, TheRightPasswordIsAllowedWithEitherAlgorithm) {
  for (const auto algorithm : {DigestAlgorithm::kMd5, DigestAlgorithm::kSha256}) {
    const auto verdict = check(answer(challenge(check(), algorithm)));
    EXPECT_TRUE(verdict.allowed) << name_of(algorithm);
    EXPECT_FALSE(verdict.trusted);
    EXPECT_EQ(verdict.user, "101");
  }
}

TEST_F(AuthenticatorTest, AWrongPasswordAnUnknownUserAndAnEmptyOneAreChallengedAlike) {
  const auto to = challenge(check(), DigestAlgorithm::kMd5);
  for (const auto& headers : {answer(to, "101", "wrong"), answer(to, "999", "secret"), answer(to, "", "")}) {
    const auto verdict = check(headers);
    EXPECT_FALSE(verdict.allowed);
    EXPECT_EQ(verdict.status, 401) << headers;
    EXPECT_THAT(verdict.headers, Not(HasSubstr("stale=true")));
    EXPECT_THAT(verdict.user, IsEmpty());
  }
}

TEST_F(AuthenticatorTest, AUserWithoutThisDigestIsNotAllowedByTheDummy) {
  credentials.replace({{"102", std::string(kRealm), "", ""}});
  const auto to = challenge(check(), DigestAlgorithm::kMd5);
  sip::DigestChallenge copy = to;
  const std::string zero(32, '0');
  const auto response =
      sip::digest_response(DigestAlgorithm::kMd5, zero, "REGISTER", kUri, copy.nonce, "00000001", "0a4f113b", "auth");
  const auto header = fmt::format(
      "Authorization: Digest username=\"102\", realm=\"{}\", nonce=\"{}\", uri=\"{}\", response=\"{}\", "
      "algorithm=MD5, cnonce=\"0a4f113b\", qop=auth, nc=00000001\r\n",
      kRealm, copy.nonce, kUri, response);
  EXPECT_FALSE(check(header).allowed);
}

TEST_F(AuthenticatorTest, TrustedNetworksAreNotAsked) {
  const auto verdict = check({}, Role::kEndpoint, "10.1.2.3:5060");
  EXPECT_TRUE(verdict.allowed);
  EXPECT_TRUE(verdict.trusted);
  EXPECT_THAT(verdict.user, IsEmpty());
  EXPECT_FALSE(check({}, Role::kEndpoint, "10.2.2.3:5060").allowed);
}

TEST_F(AuthenticatorTest, AnOldNonceWithTheRightPasswordIsStale) {
  const auto headers = answer(challenge(check(), DigestAlgorithm::kMd5));
  clock.advance(300s);
  EXPECT_TRUE(check(headers).allowed) << "to the last second";
  clock.advance(1s);
  const auto verdict = check(headers);
  EXPECT_FALSE(verdict.allowed);
  EXPECT_THAT(verdict.headers, HasSubstr("stale=true"));
}

TEST_F(AuthenticatorTest, AnOldNonceWithAWrongPasswordIsNotStale) {
  const auto headers = answer(challenge(check(), DigestAlgorithm::kMd5), "101", "wrong");
  clock.advance(301s);
  EXPECT_THAT(check(headers).headers, Not(HasSubstr("stale=true")));
}

TEST_F(AuthenticatorTest, AClockSetBackDoesNotKeepNoncesAlive) {
  const auto headers = answer(challenge(check(), DigestAlgorithm::kMd5));
  clock.set_wall(clock.wall() - 24h);
  const auto verdict = check(headers);
  EXPECT_FALSE(verdict.allowed);
  EXPECT_THAT(verdict.headers, HasSubstr("stale=true"));
}

TEST_F(AuthenticatorTest, AForgedNonceIsNoNonceOfOurs) {
  auto to = challenge(check(), DigestAlgorithm::kMd5);
  for (const std::size_t at : {std::size_t{3}, std::size_t{15}, std::size_t{16}, std::size_t{47}}) {
    std::string forged(to.nonce);
    forged[at] = forged[at] == 'f' ? 'e' : 'f';
    auto other = to;
    other.nonce = forged;
    const auto verdict = check(answer(other));
    EXPECT_FALSE(verdict.allowed) << at;
    EXPECT_THAT(verdict.headers, Not(HasSubstr("stale=true")));
  }
  auto other = to;
  other.nonce = "dcd98b7102dd2f0e8b11d0f600bfb0c093";
  EXPECT_FALSE(check(answer(other)).allowed);
}

TEST_F(AuthenticatorTest, AnotherServersNonceIsNotTaken) {
  const auto headers = answer(challenge(check(), DigestAlgorithm::kMd5));
  AuthenticatorSettings settings;
  settings.realm = kRealm;
  settings.algorithms = {DigestAlgorithm::kMd5};
  subject.emplace(settings, credentials, clock, "another secret");
  EXPECT_FALSE(check(headers).allowed);
}

TEST_F(AuthenticatorTest, OursIsChosenAmongAnswersForSeveralRealms) {
  const auto to = challenge(check(), DigestAlgorithm::kMd5);
  auto theirs = to;
  theirs.realm = "elsewhere";
  EXPECT_TRUE(check(answer(theirs) + answer(to)).allowed);
  const auto verdict = check(answer(theirs));
  EXPECT_FALSE(verdict.allowed);
  EXPECT_EQ(verdict.status, 401);
}

TEST_F(AuthenticatorTest, OtherSchemesAreChallenged) {
  EXPECT_EQ(check("Authorization: Basic MTAxOnNlY3JldA==\r\n").status, 401);
  EXPECT_EQ(check("Authorization: Bearer abc\r\n").status, 401);
}

TEST_F(AuthenticatorTest, AnAlgorithmThatIsSwitchedOffIsChallenged) {
  const auto headers = answer(challenge(check(), DigestAlgorithm::kMd5));
  ASSERT_TRUE(check(headers).allowed);
  subject.emplace(authenticator({DigestAlgorithm::kSha256}));
  const auto verdict = check(headers);
  EXPECT_EQ(verdict.status, 401);
  EXPECT_THAT(verdict.headers, Not(HasSubstr("MD5")));
}

TEST_F(AuthenticatorTest, MalformedDigestsAreABadRequest) {
  const auto verdict = check("Authorization: Digest username=\"101\", realm=\"lamplighter\"\r\n");
  EXPECT_EQ(verdict.status, 400);
  EXPECT_THAT(std::string(verdict.reason), Not(IsEmpty()));
  EXPECT_THAT(verdict.headers, IsEmpty());
}

TEST_F(AuthenticatorTest, ARewrittenRequestUriIsNotHeldAgainstThePhone) {
  EXPECT_TRUE(check(answer(challenge(check(), DigestAlgorithm::kMd5), "101", "secret", "sip:pbx.example.com")).allowed);
}

TEST_F(AuthenticatorTest, ANameWithQuotesInItIsFound) {
  const auto to = challenge(check(), DigestAlgorithm::kMd5);
  const auto ha1 = sip::digest_ha1(DigestAlgorithm::kMd5, "o\"neil", kRealm, "secret");
  const auto response =
      sip::digest_response(DigestAlgorithm::kMd5, ha1, "REGISTER", kUri, to.nonce, "00000001", "0a4f113b", "auth");
  const auto verdict = check(fmt::format(
      "Authorization: Digest username=\"o\\\"neil\", realm=\"{}\", nonce=\"{}\", uri=\"{}\", response=\"{}\", "
      "algorithm=MD5, cnonce=\"0a4f113b\", qop=auth, nc=00000001\r\n",
      kRealm, to.nonce, kUri, response));
  EXPECT_TRUE(verdict.allowed);
  EXPECT_EQ(verdict.user, "o\"neil");
}

TEST_F(AuthenticatorTest, UsersAreFoundAsSoonAsTheyAreAdded) {
  const auto to = challenge(check(), DigestAlgorithm::kMd5);
  EXPECT_FALSE(check(answer(to, "102", "new")).allowed);
  credentials.replace({{"102", std::string(kRealm), sip::digest_ha1(DigestAlgorithm::kMd5, "102", kRealm, "new"), ""}});
  EXPECT_TRUE(check(answer(to, "102", "new")).allowed);
  EXPECT_FALSE(check(answer(to)).allowed) << "and gone as soon as removed";
}

}  // namespace
}  // namespace lamplighter::server
