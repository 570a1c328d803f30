#include "server/authenticator.h"

#include <fmt/format.h>
#include <openssl/crypto.h>

#include <algorithm>
#include <charconv>

#include "base/text.h"
#include "server/mac.h"
#include "sip/headers.h"

namespace lamplighter::server {
namespace {

using sip::DigestAlgorithm;
using sip::HeaderId;

// A nonce: the time it was made (milliseconds, 16 hex digits) and the first half of HMAC-SHA256(secret, those digits).
constexpr std::size_t kTimeDigits = 16;
constexpr std::size_t kMacBytes = 16;
constexpr std::size_t kNonceSize = kTimeDigits + 2 * kMacBytes;

std::string mac_of(std::string_view time, std::string_view secret) { return hmac_hex(secret, time, kMacBytes); }

// A quoted value as the user typed it; most have no escapes and need no copy.
std::string unescaped(std::string_view value) {
  if (value.find('\\') == std::string_view::npos) return std::string(value);
  return sip::unquote(fmt::format("\"{}\"", value));
}

bool same_realm(std::string_view quoted, std::string_view realm) {
  return quoted == realm || (quoted.find('\\') != std::string_view::npos && unescaped(quoted) == realm);
}

// Whether the answer proves knowledge of the user's HA1. Somebody unknown is computed against an HA1 that nobody has,
// so that the time it takes does not tell which users exist.
//
// The digest covers the `uri` field, not the Request-URI itself. RFC 7616 §3.4.6 asks that both name the same resource;
// in SIP, proxies and session border controllers rewrite the Request-URI on the way (RFC 3261 §22.4 point 5 warns of
// it), and phones disagree about parameters. Refusing a difference would lock honest phones out and stop nobody: who
// can replay an answer within the nonce's lifetime needs no other URI. So a difference is accepted.
bool proves(const sip::DigestCredentials& given, const std::optional<location::Credential>& known,
            std::string_view method) {
  constexpr std::string_view kNobody = "0000000000000000000000000000000000000000000000000000000000000000";
  const bool md5 = given.algorithm == DigestAlgorithm::kMd5;
  const std::string_view stored = !known ? std::string_view{} : md5 ? known->ha1_md5 : known->ha1_sha256;
  const bool usable = !stored.empty();
  const bool matches = sip::digest_matches(given, usable ? stored : kNobody.substr(0, md5 ? 32 : 64), method);
  return usable && matches;
}

}  // namespace

Authenticator::Authenticator(AuthenticatorSettings settings, const location::Credentials& credentials,
                             const Clock& clock, std::string secret)
    : settings_(std::move(settings)), credentials_(credentials), clock_(clock), secret_(std::move(secret)) {}

bool Authenticator::is_trusted(const IpAddress& source) const {
  return std::ranges::any_of(settings_.trusted, [&](const Network& network) { return network.contains(source); });
}

std::string Authenticator::make_nonce() const {
  std::string nonce;
  append_hex(nonce, static_cast<std::uint64_t>(clock_.wall().time_since_epoch().count()), kTimeDigits);
  nonce += mac_of(nonce, secret_);
  return nonce;
}

std::optional<bool> Authenticator::nonce_is_fresh(std::string_view nonce) const {
  if (nonce.size() != kNonceSize) return std::nullopt;
  const auto time = nonce.substr(0, kTimeDigits);
  const auto mac = mac_of(time, secret_);
  if (CRYPTO_memcmp(mac.data(), nonce.data() + kTimeDigits, mac.size()) != 0) return std::nullopt;
  std::uint64_t made = 0;
  const auto read = std::from_chars(time.data(), time.data() + time.size(), made, 16);
  if (read.ec != std::errc{} || read.ptr != time.data() + time.size()) return std::nullopt;
  const auto age = clock_.wall() - WallTime{std::chrono::milliseconds{static_cast<std::int64_t>(made)}};
  // Both ways: a nonce made before the clock was set back must not stay valid until the clock has caught up.
  return age <= settings_.nonce_lifetime && -age <= settings_.nonce_lifetime;
}

Authenticator::Verdict Authenticator::check(const sip::Message& request, const SocketAddress& source, Role role) const {
  Verdict verdict;
  if (is_trusted(source.ip)) {
    verdict.allowed = verdict.trusted = true;
    return verdict;
  }
  const bool proxy = role == Role::kProxy;
  bool stale = false;
  std::optional<sip::SipError> malformed;
  bool answered = false;  // to a challenge of ours
  for (const auto& field : request.headers()) {
    if (field.id != (proxy ? HeaderId::kProxyAuthorization : HeaderId::kAuthorization)) continue;
    const auto given = sip::parse_digest_credentials(request.value(field));
    if (!given) {
      // 401: another scheme or algorithm, not ours to judge.
      if (given.error().status == 400) malformed = given.error();
      continue;
    }
    // A request may carry answers for several proxies (RFC 3261 §22.3), and for several algorithms (RFC 8760 §2.6).
    if (!same_realm(given->realm, settings_.realm)) continue;
    if (std::ranges::find(settings_.algorithms, given->algorithm) == settings_.algorithms.end()) continue;
    answered = true;
    const auto fresh = nonce_is_fresh(given->nonce);
    if (!fresh) continue;
    auto user = unescaped(given->username);
    if (!proves(*given, credentials_.find(user, settings_.realm), request.method_name())) continue;
    if (*fresh) {
      verdict.allowed = true;
      verdict.user = std::move(user);
      return verdict;
    }
    stale = true;  // the right password: the phone may answer the new nonce without asking its user
  }
  if (malformed && !answered) {
    verdict.status = malformed->status;
    verdict.reason = malformed->reason;
    return verdict;
  }
  verdict.status = proxy ? 407 : 401;
  const auto nonce = make_nonce();
  for (const auto algorithm : settings_.algorithms) {
    verdict.headers += proxy ? "Proxy-Authenticate: " : "WWW-Authenticate: ";
    verdict.headers += sip::digest_challenge(algorithm, settings_.realm, nonce, stale);
    verdict.headers += "\r\n";
  }
  return verdict;
}

}  // namespace lamplighter::server
