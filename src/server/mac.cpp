#include "server/mac.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>

#include "base/text.h"

namespace lamplighter::server {
namespace {

struct Free {
  void operator()(EVP_MAC* mac) const { EVP_MAC_free(mac); }
  void operator()(EVP_MAC_CTX* context) const { EVP_MAC_CTX_free(context); }
};

class Hmac {
 public:
  Hmac() : mac_(EVP_MAC_fetch(nullptr, "HMAC", nullptr)), context_(mac_ ? EVP_MAC_CTX_new(mac_.get()) : nullptr) {
    if (!context_) throw std::runtime_error("OpenSSL has no HMAC");
  }

  std::array<std::uint8_t, 32> of(std::string_view secret, std::string_view text) {
    begin(secret);
    std::array<std::uint8_t, 32> digest{};
    std::size_t size = 0;
    const bool fine = EVP_MAC_update(context_.get(), bytes(text), text.size()) == 1 &&
                      EVP_MAC_final(context_.get(), digest.data(), &size, digest.size()) == 1;
    if (!fine || size != digest.size()) throw std::runtime_error("OpenSSL cannot compute an HMAC");
    return digest;
  }

 private:
  static const unsigned char* bytes(std::string_view text) {
    return reinterpret_cast<const unsigned char*>(text.data());
  }

  void begin(std::string_view secret) {
    if (secret_ == secret && EVP_MAC_init(context_.get(), nullptr, 0, nullptr) == 1) return;
    std::string digest = "SHA256";
    const std::array parameters{OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest.data(), 0),
                                OSSL_PARAM_construct_end()};
    if (EVP_MAC_init(context_.get(), bytes(secret), secret.size(), parameters.data()) != 1) {
      throw std::runtime_error("OpenSSL has no HMAC with SHA-256");
    }
    secret_ = secret;
  }

  std::unique_ptr<EVP_MAC, Free> mac_;
  std::unique_ptr<EVP_MAC_CTX, Free> context_;
  std::optional<std::string> secret_;  ///< that the context is prepared with
};

}  // namespace

std::string hmac_hex(std::string_view secret, std::string_view text, std::size_t bytes) {
  thread_local Hmac hmac;
  const auto digest = hmac.of(secret, text);
  std::string hex;
  for (std::size_t i = 0; i < std::min(bytes, digest.size()); ++i) append_hex(hex, digest[i], 2);
  return hex;
}

}  // namespace lamplighter::server
