#include "phone/credentials.h"

#include <fmt/format.h>

namespace lamplighter::phone {

namespace {

constexpr std::array kChallengeHeaders{sip::HeaderId::kWwwAuthenticate, sip::HeaderId::kProxyAuthenticate};
constexpr std::array<std::string_view, 2> kAnswerHeaders{"Authorization", "Proxy-Authorization"};
// A server that calls every nonce stale would otherwise be asked for ever.
constexpr int kMaxChallenges = 3;

}  // namespace

Credentials::Credentials(std::string username, std::string password)
    : username_(std::move(username)), password_(std::move(password)) {}

bool Credentials::take(const sip::Message& response, int challenges_so_far) {
  if (password_.empty() || challenges_so_far >= kMaxChallenges) return false;
  const std::size_t slot = response.status() == 407 ? 1 : 0;
  for (const auto& field : response.headers()) {
    if (field.id != kChallengeHeaders[slot]) continue;
    const auto challenge = sip::parse_digest_challenge(response.value(field));
    if (!challenge) continue;  // another scheme or algorithm
    // The first request of a kind may carry an answer to an old nonce; the second refusal means a wrong password.
    if (challenges_so_far > 0 && !challenge->stale) return false;
    slots_[slot] =
        Challenge{std::string{challenge->realm}, std::string{challenge->nonce}, std::string{challenge->opaque},
                  challenge->qop_auth,           challenge->algorithm,          0};
    return true;
  }
  return false;
}

std::string Credentials::lines(std::string_view method, std::string_view uri, std::string_view cnonce) {
  std::string out;
  for (std::size_t slot = 0; slot < slots_.size(); ++slot) {
    auto& kept = slots_[slot];
    if (!kept) continue;
    sip::DigestChallenge challenge;
    challenge.realm = kept->realm;
    challenge.nonce = kept->nonce;
    challenge.opaque = kept->opaque;
    challenge.qop_auth = kept->qop_auth;
    challenge.algorithm = kept->algorithm;
    const auto value =
        sip::digest_authorization(challenge, username_, password_, method, uri, cnonce, ++kept->nonce_count);
    out += fmt::format("{}: {}\r\n", kAnswerHeaders[slot], value);
  }
  return out;
}

}  // namespace lamplighter::phone
