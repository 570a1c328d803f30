#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "sip/digest.h"

// Any text as credentials and as a challenge; a challenge that can be read can be answered.

using namespace lamplighter;

namespace {

void check(bool holds) {
  if (!holds) std::abort();
}

void answer(const sip::DigestChallenge& challenge) {
  const auto text = sip::digest_authorization(challenge, "101", "secret", "REGISTER", "sip:a", "c", 1);
  const auto credentials = sip::parse_digest_credentials(text);
  check(credentials.has_value());
  check(credentials->realm == challenge.realm && credentials->nonce == challenge.nonce);
  const auto ha1 = sip::digest_ha1(challenge.algorithm, "101", challenge.realm, "secret");
  check(sip::digest_matches(*credentials, ha1, "REGISTER"));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto credentials = sip::parse_digest_credentials(text)) {
    check(credentials->qop.empty() || credentials->nonce_count.size() == 8);
    (void)sip::digest_matches(*credentials, "939e7578ed9e3c518a452acee763bce9", "REGISTER");
  }
  if (const auto challenge = sip::parse_digest_challenge(text)) answer(*challenge);
  return 0;
}
