#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sip/digest.h"
#include "sip/message.h"

namespace lamplighter::phone {

/// The phone's side of digest authentication (RFC 3261 §22, RFC 8760 §2.4): remembers the last challenge of the server
/// and of the proxies, and answers it, also ahead of being asked again.
class Credentials {
 public:
  Credentials(std::string username, std::string password);

  /// Takes the challenge of a 401 or 407: the first one that can be done (§2.4: they stand in the server's order of
  /// preference). False when there is none, no password, or the same question was answered already and the server did
  /// not say that only the nonce was stale.
  bool take(const sip::Message& response, int challenges_so_far);

  /// The Authorization and Proxy-Authorization lines for a request, empty before any challenge. `cnonce` is fresh.
  std::string lines(std::string_view method, std::string_view uri, std::string_view cnonce);

  void forget() { slots_ = {}; }

 private:
  struct Challenge {
    std::string realm, nonce, opaque;
    bool qop_auth = false;
    sip::DigestAlgorithm algorithm{};
    std::uint32_t nonce_count = 0;
  };

  std::string username_, password_;
  std::array<std::optional<Challenge>, 2> slots_;  ///< WWW-Authenticate, Proxy-Authenticate
};

}  // namespace lamplighter::phone
