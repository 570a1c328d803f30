#pragma once

#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <memory>
#include <string>

#include "base/temp_folder.h"
#include "transport/tls_context.h"

// What the tests of TLS share: certificates made on the spot, and a phone's end.
namespace lamplighter::transport {

/// A key and a certificate in two files, signed by another one or by itself.
class TestCertificate {
 public:
  TestCertificate(const TempFolder& folder, const std::string& name, const TestCertificate* signer = nullptr)
      : certificate_file(folder.file(name + ".pem")), key_file(folder.file(name + ".key")) {
    key_ = EVP_EC_gen("P-256");
    certificate_ = X509_new();
    static long serial = 0;
    X509_set_version(certificate_, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate_), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(certificate_), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate_), 3600L * 24 * 365);
    X509_set_pubkey(certificate_, key_);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate_), "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
    const auto* issuer = signer ? signer->certificate_ : certificate_;
    X509_set_issuer_name(certificate_, X509_get_subject_name(issuer));
    if (!signer) {
      X509_EXTENSION* ca = X509V3_EXT_conf_nid(nullptr, nullptr, NID_basic_constraints, "critical,CA:TRUE");
      X509_add_ext(certificate_, ca, -1);
      X509_EXTENSION_free(ca);
    }
    X509_sign(certificate_, signer ? signer->key_ : key_, EVP_sha256());
    write();
  }
  ~TestCertificate() {
    X509_free(certificate_);
    EVP_PKEY_free(key_);
  }
  TestCertificate(const TestCertificate&) = delete;
  TestCertificate& operator=(const TestCertificate&) = delete;

  /// Into its own files, or over those of another.
  void write() const { write(certificate_file, key_file); }
  void write(const std::string& to_certificate, const std::string& to_key) const {
    auto* file = std::fopen(to_certificate.c_str(), "we");
    PEM_write_X509(file, certificate_);
    std::fclose(file);
    file = std::fopen(to_key.c_str(), "we");
    PEM_write_PrivateKey(file, key_, nullptr, nullptr, 0, nullptr, nullptr);
    std::fclose(file);
  }

  std::string certificate_file, key_file;

 private:
  X509* certificate_;
  EVP_PKEY* key_;
};

/// TLS on the phone's end of a connected socket.
class TlsPeer {
 public:
  struct Options {
    const TestCertificate* own = nullptr;
    int max_version = 0;
    const char* ciphers = nullptr;
  };
  explicit TlsPeer(int socket) : TlsPeer(socket, Options{}) {}
  TlsPeer(int socket, const Options& options) : context_(SSL_CTX_new(TLS_client_method())) {
    if (options.own) {
      SSL_CTX_use_certificate_file(context_, options.own->certificate_file.c_str(), SSL_FILETYPE_PEM);
      SSL_CTX_use_PrivateKey_file(context_, options.own->key_file.c_str(), SSL_FILETYPE_PEM);
    }
    if (options.max_version) {
      SSL_CTX_set_min_proto_version(context_, 0);
      SSL_CTX_set_max_proto_version(context_, options.max_version);
    }
    if (options.ciphers) SSL_CTX_set_cipher_list(context_, options.ciphers);
    ssl_ = SSL_new(context_);
    SSL_set_fd(ssl_, socket);
  }
  ~TlsPeer() {
    SSL_free(ssl_);
    SSL_CTX_free(context_);
  }
  TlsPeer(const TlsPeer&) = delete;
  TlsPeer& operator=(const TlsPeer&) = delete;

  bool connect() { return SSL_connect(ssl_) == 1; }
  bool send(std::string_view bytes) {
    return bytes.empty() || SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size())) > 0;
  }
  std::string receive(std::size_t size) {
    std::string out;
    while (out.size() < size) {
      std::string piece(size - out.size(), '\0');
      const int got = SSL_read(ssl_, piece.data(), static_cast<int>(piece.size()));
      if (got <= 0) break;
      out.append(piece, 0, static_cast<std::size_t>(got));
    }
    ERR_clear_error();
    return out;
  }
  /// The name in the server's certificate.
  std::string server_name() const {
    X509* certificate = SSL_get1_peer_certificate(ssl_);
    char name[64] = "";
    if (certificate) X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name, sizeof name);
    X509_free(certificate);
    return name;
  }
  std::string version() const { return SSL_get_version(ssl_); }

 private:
  SSL_CTX* context_;
  SSL* ssl_;
};

}  // namespace lamplighter::transport
