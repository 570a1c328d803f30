#include "transport/tls_context.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509err.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdio>
#include <system_error>

#include "base/log.h"

namespace lamplighter::transport {
namespace {

constexpr int kWarnDays = 14;

/// A file that OpenSSL could not use: whether it can be read at all, or what is wrong inside.
std::string file_error(std::string_view setting, const std::string& path) {
  const auto what = tls_error();
  if (std::FILE* file = std::fopen(path.c_str(), "re")) {
    std::fclose(file);
    return fmt::format("{}: {}: {}, expected a file in PEM format", setting, path, what);
  }
  return fmt::format("{}: {}: {}", setting, path, std::system_category().message(errno));
}

void warn_about_expiry(SSL_CTX* context, const std::string& path) {
  const X509* certificate = SSL_CTX_get0_certificate(context);
  int days = 0;
  int seconds = 0;
  if (certificate == nullptr || ASN1_TIME_diff(&days, &seconds, nullptr, X509_get0_notAfter(certificate)) != 1) return;
  if (days < 0 || seconds < 0) {
    log::warn("tls: the certificate in {} has expired; phones will refuse it", path);
  } else if (days < kWarnDays) {
    log::warn("tls: the certificate in {} expires in {} days", path, days);
  }
}

}  // namespace

std::string tls_error() {
  const auto code = ERR_peek_last_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  ERR_clear_error();
  return reason == nullptr ? "no reason given" : reason;
}

void SslFree::operator()(SSL* ssl) const { SSL_free(ssl); }
void TlsContext::ContextFree::operator()(SSL_CTX* context) const { SSL_CTX_free(context); }

std::expected<TlsContext::Context, std::string> TlsContext::read() const {
  ERR_clear_error();
  Context context(SSL_CTX_new(TLS_server_method()), ContextFree{});
  auto* raw = context.get();
  if (raw == nullptr) return std::unexpected("tls: " + tls_error());
  SSL_CTX_set_min_proto_version(raw, settings_.only_tls13 ? TLS1_3_VERSION : TLS1_2_VERSION);
  SSL_CTX_set_options(raw, SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_NO_COMPRESSION |
                               SSL_OP_IGNORE_UNEXPECTED_EOF);
  // A connection that says nothing holds no buffers; what is queued may move in memory between two attempts to send it.
  SSL_CTX_set_mode(raw, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  // Phones resume with tickets, which cost no memory here.
  SSL_CTX_set_session_cache_mode(raw, SSL_SESS_CACHE_OFF);
  constexpr unsigned char kSessions[] = "lamplighter";
  SSL_CTX_set_session_id_context(raw, kSessions, sizeof kSessions - 1);
  if (SSL_CTX_set_cipher_list(raw, settings_.ciphers.c_str()) != 1) {
    return std::unexpected(fmt::format("tls.ciphers: \"{}\": {}, expected a list as `openssl ciphers -v '…'` takes it",
                                       settings_.ciphers, tls_error()));
  }
  if (SSL_CTX_use_certificate_chain_file(raw, settings_.certificate.c_str()) != 1) {
    return std::unexpected(file_error("tls.certificate", settings_.certificate));
  }
  if (SSL_CTX_use_PrivateKey_file(raw, settings_.key.c_str(), SSL_FILETYPE_PEM) != 1) {
    const auto reason = ERR_GET_REASON(ERR_peek_last_error());
    if (reason != X509_R_KEY_VALUES_MISMATCH && reason != X509_R_KEY_TYPE_MISMATCH) {
      return std::unexpected(file_error("tls.key", settings_.key));
    }
    ERR_clear_error();
    return std::unexpected(fmt::format("tls.key: {} is not the key of {}", settings_.key, settings_.certificate));
  }
  using enum TlsSettings::ClientCertificates;
  if (settings_.client_certificates != kNo) {
    if (SSL_CTX_load_verify_file(raw, settings_.ca.c_str()) != 1) {
      return std::unexpected(file_error("tls.ca", settings_.ca));
    }
    SSL_CTX_set_client_CA_list(raw, SSL_load_client_CA_file(settings_.ca.c_str()));
    const int required = settings_.client_certificates == kRequired ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0;
    SSL_CTX_set_verify(raw, SSL_VERIFY_PEER | required, nullptr);
  }
  warn_about_expiry(raw, settings_.certificate);
  return context;
}

std::expected<std::shared_ptr<TlsContext>, std::string> TlsContext::load(TlsSettings settings) {
  std::shared_ptr<TlsContext> out(new TlsContext(std::move(settings)));
  if (auto loaded = out->reload(); !loaded) return std::unexpected(std::move(loaded.error()));
  return out;
}

std::expected<void, std::string> TlsContext::reload() {
  read_at_.with([now = stamps()](Stamps& stamps) { stamps = now; });
  auto context = read();
  if (!context) return std::unexpected(std::move(context.error()));
  context_.with([&](Context& held) { held = std::move(*context); });
  return {};
}

TlsContext::Stamps TlsContext::stamps() const {
  Stamps out;
  const std::array paths{&settings_.certificate, &settings_.key, &settings_.ca};
  for (std::size_t i = 0; i < paths.size(); ++i) {
    struct stat status{};
    if (paths[i]->empty() || ::stat(paths[i]->c_str(), &status) != 0) continue;
    out[i] = {status.st_mtim.tv_sec, status.st_mtim.tv_nsec, status.st_ino};
  }
  return out;
}

bool TlsContext::files_changed() const {
  return read_at_.with([now = stamps()](const Stamps& stamps) { return stamps != now; });
}

SslPointer TlsContext::accept(int socket) const {
  const auto context = context_.with([](const Context& held) { return held; });
  SslPointer ssl(SSL_new(context.get()));
  if (!ssl || SSL_set_fd(ssl.get(), socket) != 1) return nullptr;
  SSL_set_accept_state(ssl.get());
  return ssl;
}

}  // namespace lamplighter::transport
