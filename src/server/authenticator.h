#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "base/clock.h"
#include "location/credentials.h"
#include "sip/digest.h"
#include "sip/message.h"

namespace lamplighter::server {

struct AuthenticatorSettings {
  std::string realm;
  std::vector<Network> trusted;                  ///< no digest asked from these
  std::vector<sip::DigestAlgorithm> algorithms;  ///< offered in this order
  std::chrono::seconds nonce_lifetime{300};
};

/// Digest authentication of requests (RFC 3261 §22, RFC 7616, RFC 8760). Nonces carry their time and a keyed MAC, so no
/// table of them is kept. One secret per server, shared by its workers.
class Authenticator {
 public:
  /// Where the challenge goes: a registrar and other endpoints say 401, a proxy 407.
  enum class Role : std::uint8_t { kEndpoint, kProxy };

  Authenticator(AuthenticatorSettings settings, const location::Credentials& credentials, const Clock& clock,
                std::string secret);

  struct Verdict {
    bool allowed = false;
    bool trusted = false;     ///< allowed because of where it came from
    std::string user;         ///< who proved to be who; empty when trusted
    int status = 0;           ///< not allowed: 401 or 407 with `headers`; 400 for malformed credentials
    std::string_view reason;  ///< static text; empty: the customary phrase
    std::string headers;      ///< whole challenge header lines
  };
  Verdict check(const sip::Message& request, const SocketAddress& source, Role role) const;

  bool is_trusted(const IpAddress& source) const;
  const std::string& realm() const { return settings_.realm; }

 private:
  std::string make_nonce() const;
  /// nullopt: not ours; otherwise whether it is still fresh.
  std::optional<bool> nonce_is_fresh(std::string_view nonce) const;

  AuthenticatorSettings settings_;
  const location::Credentials& credentials_;
  const Clock& clock_;
  std::string secret_;
};

}  // namespace lamplighter::server
