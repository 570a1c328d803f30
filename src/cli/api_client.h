#pragma once

#include <CLI/CLI.hpp>
#include <chrono>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "api/http_client.h"

namespace lamplighter::cli {

/// Which server a subcommand asks, and how it tells what it heard.
struct ApiOptions {
  std::string server, token_file;
  bool json = false;
};

/// --server, --token-file, --json.
void add_api_options(CLI::App& command, ApiOptions& options);

/// The API as seen by a subcommand: what goes wrong is told here, so that it is told the same way everywhere. With
/// --json the problem document goes to standard output, else one line to stderr.
class ApiClient {
 public:
  /// `command`: "lamp set", for messages. The error is the exit status; why has been told.
  static std::expected<ApiClient, int> open(std::string command, const ApiOptions& options);

  /// What to add when the server does not know the phone.
  void advise_unknown(std::string advice) { unknown_advice_ = std::move(advice); }
  /// Where the body came from, for what the server finds wrong in it: "reception.json".
  void name_body(std::string name) { body_name_ = std::move(name); }

  /// One request and the document the server answers it with; the error is the exit status.
  std::expected<std::string, int> ask(std::string_view method, std::string_view target, std::string_view body = {},
                                      std::chrono::milliseconds patience = std::chrono::milliseconds{0});
  /// Asks again for what ask() was not given, without telling that it failed again.
  std::optional<std::string> ask_quietly(std::string_view target);

  /// Tells that it failed; the exit status 1. With `--json` as a problem document of this program's own.
  int failed(std::string_view what) const;
  bool json() const { return json_; }

 private:
  ApiClient(std::string command, std::string server, std::string token, bool json);
  int refused(const api::HttpReply& reply) const;

  std::string command_, unknown_advice_, body_name_;
  bool json_;
  api::HttpClient http_;
};

/// Tells that it was asked wrongly; the exit status 2.
int asked_wrongly(std::string_view command, std::string_view what);

/// The server's document as it came, on one line.
void print_document(std::string_view document);

/// "/v1/phones/101", "/v1/phones/101/keys", "/v1/phones/101/keys/2".
std::string phone_target(std::string_view phone);
std::string keys_target(std::string_view phone);
std::string key_target(std::string_view phone, std::string_view key);

}  // namespace lamplighter::cli
