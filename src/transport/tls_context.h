#pragma once

#include <openssl/types.h>

#include <array>
#include <cstdint>
#include <ctime>
#include <expected>
#include <memory>
#include <string>

#include "base/guarded.h"

namespace lamplighter::transport {

struct SslFree {
  void operator()(SSL* ssl) const;
};
using SslPointer = std::unique_ptr<SSL, SslFree>;

struct TlsSettings {
  enum class ClientCertificates : std::uint8_t { kNo, kOptional, kRequired };

  // NOLINTBEGIN(readability-redundant-member-init): for g++, which wants every member named without them
  std::string certificate = {};  ///< PEM: ours first, then those between it and the root
  std::string key = {};          ///< PEM
  std::string ca = {};           ///< PEM: who signs client certificates
  // NOLINTEND(readability-redundant-member-init)
  ClientCertificates client_certificates = ClientCertificates::kNo;
  bool only_tls13 = false;
  std::string ciphers = "ECDHE+AESGCM:ECDHE+CHACHA20";  ///< of TLS 1.2
};

/// What TLS connections are made with: certificate, key, rules. Read again without a restart; connections that are open
/// keep what they began with. Thread safe.
class TlsContext {
 public:
  /// The error names the setting and the file.
  static std::expected<std::shared_ptr<TlsContext>, std::string> load(TlsSettings settings);

  /// Reads the files again. After an error nothing has changed.
  std::expected<void, std::string> reload();
  /// Whether a file has changed since it was last read, well or badly.
  bool files_changed() const;

  /// The server's side of a new connection on this socket, which stays the caller's. Null: no memory.
  SslPointer accept(int socket) const;

 private:
  struct ContextFree {
    void operator()(SSL_CTX* context) const;
  };
  using Context = std::shared_ptr<SSL_CTX>;
  struct Stamp {
    std::int64_t seconds = 0, nanoseconds = 0;
    std::uint64_t inode = 0;
    friend bool operator==(const Stamp&, const Stamp&) = default;
  };
  using Stamps = std::array<Stamp, 3>;

  explicit TlsContext(TlsSettings settings) : settings_(std::move(settings)) {}
  std::expected<Context, std::string> read() const;
  Stamps stamps() const;

  TlsSettings settings_;
  Guarded<Context> context_;
  Guarded<Stamps> read_at_;
};

/// What the last OpenSSL call on this thread complained of: "no shared cipher".
std::string tls_error();

}  // namespace lamplighter::transport
