#include "sip/digest.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <initializer_list>
#include <memory>
#include <stdexcept>

#include "sip/chars.h"

namespace lamplighter::sip {
namespace {

/// A hash in lower-case hex.
struct Hex {
  std::array<char, 64> chars;
  std::size_t size = 0;

  std::string_view view() const { return {chars.data(), size}; }
};

struct Free {
  void operator()(EVP_MD* digest) const { EVP_MD_free(digest); }
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

/// OpenSSL's digest objects. Looking one up costs more than hashing a REGISTER's few bytes, so each thread keeps its
/// own.
class Hasher {
 public:
  Hasher() : context_(EVP_MD_CTX_new()) {
    constexpr std::array kNames{"MD5", "SHA256"};
    for (std::size_t at = 0; at < kNames.size(); ++at) digests_[at].reset(EVP_MD_fetch(nullptr, kNames[at], nullptr));
    if (!context_ || !digests_[0] || !digests_[1]) throw std::runtime_error("OpenSSL has no MD5 or no SHA-256");
  }

  /// The hash of the parts with ':' between them.
  Hex of(DigestAlgorithm algorithm, std::initializer_list<std::string_view> parts) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::array<unsigned char, EVP_MAX_MD_SIZE> bytes;
    unsigned size = 0;
    [[maybe_unused]] int fine = EVP_DigestInit_ex2(context_.get(), digest(algorithm), nullptr);
    bool first = true;
    for (const auto part : parts) {
      if (!first) fine &= EVP_DigestUpdate(context_.get(), ":", 1);
      fine &= EVP_DigestUpdate(context_.get(), part.data(), part.size());
      first = false;
    }
    fine &= EVP_DigestFinal_ex(context_.get(), bytes.data(), &size);
    assert(fine == 1);
    Hex hex;
    for (unsigned at = 0; at < size && hex.size < hex.chars.size(); ++at) {
      hex.chars[hex.size++] = kDigits[bytes[at] >> 4];
      hex.chars[hex.size++] = kDigits[bytes[at] & 15];
    }
    return hex;
  }

  static Hasher& mine() {
    thread_local Hasher hasher;
    return hasher;
  }

 private:
  const EVP_MD* digest(DigestAlgorithm algorithm) const { return digests_[static_cast<std::size_t>(algorithm)].get(); }

  std::array<std::unique_ptr<EVP_MD, Free>, 2> digests_;
  std::unique_ptr<EVP_MD_CTX, Free> context_;
};

Hex response_hex(DigestAlgorithm algorithm, std::string_view ha1, std::string_view method, std::string_view uri,
                 std::string_view nonce, std::string_view nonce_count, std::string_view cnonce, std::string_view qop) {
  auto& hasher = Hasher::mine();
  const auto ha2 = hasher.of(algorithm, {method, uri});
  if (qop.empty()) return hasher.of(algorithm, {ha1, nonce, ha2.view()});
  return hasher.of(algorithm, {ha1, nonce, nonce_count, cnonce, qop, ha2.view()});
}

// quoted-string = '"' *(qdtext / quoted-pair) '"'
void append_quoted(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append("=\"");
  for (const char c : value) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  out += '"';
}

}  // namespace

std::string_view name_of(DigestAlgorithm algorithm) { return algorithm == DigestAlgorithm::kMd5 ? "MD5" : "SHA-256"; }

std::string digest_ha1(DigestAlgorithm algorithm, std::string_view username, std::string_view realm,
                       std::string_view password) {
  return std::string(Hasher::mine().of(algorithm, {username, realm, password}).view());
}

std::string digest_response(DigestAlgorithm algorithm, std::string_view ha1, std::string_view method,
                            std::string_view uri, std::string_view nonce, std::string_view nonce_count,
                            std::string_view cnonce, std::string_view qop) {
  return std::string(response_hex(algorithm, ha1, method, uri, nonce, nonce_count, cnonce, qop).view());
}

bool digest_matches(const DigestCredentials& credentials, std::string_view ha1, std::string_view method) {
  const auto expected = response_hex(credentials.algorithm, ha1, method, credentials.uri, credentials.nonce,
                                     credentials.nonce_count, credentials.cnonce, credentials.qop);
  if (credentials.response.size() != expected.size) return false;
  // Some clients write upper-case hex.
  std::array<char, 64> given;
  std::ranges::transform(credentials.response, given.begin(), chars::lower);
  return CRYPTO_memcmp(given.data(), expected.chars.data(), expected.size) == 0;
}

std::string digest_challenge(DigestAlgorithm algorithm, std::string_view realm, std::string_view nonce, bool stale) {
  std::string out = "Digest ";
  append_quoted(out, "realm", realm);
  append_quoted(out, ", nonce", nonce);
  out.append(", algorithm=").append(name_of(algorithm)).append(", qop=\"auth\"");
  if (stale) out.append(", stale=true");
  return out;
}

std::string digest_authorization(const DigestChallenge& challenge, std::string_view username, std::string_view password,
                                 std::string_view method, std::string_view uri, std::string_view cnonce,
                                 std::uint32_t nonce_count) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::array<char, 8> count;
  for (std::size_t at = 0; at < count.size(); ++at) count[at] = kDigits[(nonce_count >> (28 - 4 * at)) & 15];
  const std::string_view nc(count.data(), count.size());
  const std::string_view qop = challenge.qop_auth ? "auth" : "";
  const auto ha1 = digest_ha1(challenge.algorithm, username, challenge.realm, password);

  std::string out = "Digest ";
  append_quoted(out, "username", username);
  // What came in quotes goes back as it was between them, escapes and all.
  out.append(", realm=\"").append(challenge.realm).append("\", nonce=\"").append(challenge.nonce).append("\"");
  append_quoted(out, ", uri", uri);
  append_quoted(out, ", response",
                digest_response(challenge.algorithm, ha1, method, uri, challenge.nonce, nc, cnonce, qop));
  out.append(", algorithm=").append(name_of(challenge.algorithm));
  if (challenge.qop_auth) {
    append_quoted(out, ", cnonce", cnonce);
    out.append(", qop=auth, nc=").append(nc);
  }
  if (!challenge.opaque.empty()) out.append(", opaque=\"").append(challenge.opaque).append("\"");
  return out;
}

}  // namespace lamplighter::sip
