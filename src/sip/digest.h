#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "sip/error.h"

// Digest authentication: RFC 3261 §22, RFC 7616, RFC 8760. Only qop=auth and the legacy form without qop.
namespace lamplighter::sip {

enum class DigestAlgorithm : std::uint8_t { kMd5, kSha256 };
/// "MD5", "SHA-256".
std::string_view name_of(DigestAlgorithm algorithm);

/// Credentials of an Authorization or Proxy-Authorization header, as slices; quoted values without their quotes.
struct DigestCredentials {
  std::string_view username;
  std::string_view realm;
  std::string_view nonce;
  std::string_view uri;
  std::string_view response;
  std::string_view cnonce;
  std::string_view opaque;
  std::string_view qop;          ///< empty: the legacy form
  std::string_view nonce_count;  ///< eight hex digits
  DigestAlgorithm algorithm = DigestAlgorithm::kMd5;
};
/// Reads an Authorization value. Status 400 when it is Digest and malformed (a missing or repeated field, a bad nc); an
/// error with status 401 when the scheme or algorithm is one we do not do (the caller ignores it and challenges).
std::expected<DigestCredentials, SipError> parse_digest_credentials(std::string_view value);

/// A challenge as a client sees it (WWW-Authenticate, Proxy-Authenticate).
struct DigestChallenge {
  std::string_view realm;
  std::string_view nonce;
  std::string_view opaque;
  bool qop_auth = false;
  bool stale = false;
  DigestAlgorithm algorithm = DigestAlgorithm::kMd5;
};
std::expected<DigestChallenge, SipError> parse_digest_challenge(std::string_view value);

/// H(username:realm:password) in lower-case hex.
std::string digest_ha1(DigestAlgorithm algorithm, std::string_view username, std::string_view realm,
                       std::string_view password);
/// The `response` value (RFC 7616 §3.4.1). `qop` empty: the legacy form.
std::string digest_response(DigestAlgorithm algorithm, std::string_view ha1, std::string_view method,
                            std::string_view uri, std::string_view nonce, std::string_view nonce_count,
                            std::string_view cnonce, std::string_view qop);
/// Whether the credentials prove knowledge of HA1 for this method. Compares in constant time.
bool digest_matches(const DigestCredentials& credentials, std::string_view ha1, std::string_view method);

/// `Digest realm="…", nonce="…", algorithm=…, qop="auth"[, stale=true]`
std::string digest_challenge(DigestAlgorithm algorithm, std::string_view realm, std::string_view nonce, bool stale);
/// The Authorization value a client sends for a challenge. `cnonce` and `nonce_count` are used when the challenge has
/// qop.
std::string digest_authorization(const DigestChallenge& challenge, std::string_view username, std::string_view password,
                                 std::string_view method, std::string_view uri, std::string_view cnonce,
                                 std::uint32_t nonce_count);

}  // namespace lamplighter::sip
