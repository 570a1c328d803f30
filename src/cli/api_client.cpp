#include "cli/api_client.h"

#include <fmt/format.h>

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <cstdio>

#include "cli/terminal.h"
#include "config/settings.h"
#include "view/document.h"

namespace lamplighter::cli {
namespace {

constexpr std::chrono::seconds kPatience{10};  // with a server that has nothing to wait for

std::string default_server() { return config::Settings{}.text("http.listen"); }

/// "127.0.0.1" and "[::1]" mean the usual port.
std::expected<std::string, std::string> address_of(const std::string& server) {
  if (server.contains("//") || server.contains('/')) {
    return std::unexpected(fmt::format("'{}' is a URL, expected HOST:PORT such as 127.0.0.1:8080", server));
  }
  if (server.empty()) return std::unexpected("nothing given, expected HOST:PORT such as 127.0.0.1:8080");
  const bool has_port = !server.ends_with(']') && server.contains(':');
  if (has_port) return server;
  const auto usual = default_server();
  return server + usual.substr(usual.rfind(':'));
}

std::expected<std::string, std::string> read_token(const std::string& path) {
  if (path.empty()) return "";
  auto text = read_file(path);
  if (!text) return text;
  auto token = text->substr(0, text->find_first_of("\r\n"));
  if (token.empty()) return std::unexpected(fmt::format("the first line of '{}' is empty, expected the token", path));
  if (view::clean(token) != token || token.contains(' ')) {
    return std::unexpected(
        fmt::format("the first line of '{}' is no token: it has blanks or control characters", path));
  }
  return token;
}

}  // namespace

void add_api_options(CLI::App& command, ApiOptions& options) {
  options.server = default_server();
  command.add_option("--server", options.server, "HOST:PORT of the server's API (its http.listen)")
      ->type_name("HOST:PORT")
      ->envname("LAMPLIGHTER_SERVER")
      ->capture_default_str();
  command.add_option("--token-file", options.token_file, "File whose first line is the token (its http.token_file)")
      ->type_name("FILE")
      ->envname("LAMPLIGHTER_TOKEN_FILE");
  command.add_flag("--json", options.json, "Print the server's JSON document as it is, errors too (RFC 9457)");
}

int asked_wrongly(std::string_view command, std::string_view what) {
  fmt::print(stderr, "lamplighter {}: {}\n", command, what);
  return 2;
}

void print_document(std::string_view document) {
  while (document.ends_with('\n')) document.remove_suffix(1);
  fmt::print("{}\n", document);
}

ApiClient::ApiClient(std::string command, std::string server, std::string token, bool json)
    : command_(std::move(command)), json_(json), http_(std::move(server), std::move(token)) {}

std::expected<ApiClient, int> ApiClient::open(std::string command, const ApiOptions& options) {
  auto address = address_of(options.server);
  if (!address) return std::unexpected(asked_wrongly(command, "--server: " + address.error()));
  auto token = read_token(options.token_file);
  if (!token) return std::unexpected(asked_wrongly(command, "--token-file: " + token.error()));
  return ApiClient(std::move(command), std::move(*address), std::move(*token), options.json);
}

std::expected<std::string, int> ApiClient::ask(std::string_view method, std::string_view target, std::string_view body,
                                               std::chrono::milliseconds patience) {
  auto reply = http_.request(method, target, body, kPatience + patience);
  if (!reply) return std::unexpected(failed(reply.error()));
  if (reply->status / 100 != 2) return std::unexpected(refused(*reply));
  return std::move(reply->body);
}

std::optional<std::string> ApiClient::ask_quietly(std::string_view target) {
  auto reply = http_.request("GET", target, {}, kPatience);
  if (!reply || reply->status / 100 != 2) return std::nullopt;
  return std::move(reply->body);
}

int ApiClient::failed(std::string_view what) const {
  if (json_) {
    print_document(boost::json::serialize(
        boost::json::object{{"type", "about:blank"}, {"title", "Not done"}, {"detail", view::clean(what)}}));
  } else {
    fmt::print(stderr, "lamplighter {}: {}\n", command_, view::clean(what));
  }
  return 1;
}

int ApiClient::refused(const api::HttpReply& reply) const {
  if (json_ && reply.content_type.starts_with("application/problem+json")) {
    print_document(reply.body);
    return 1;
  }
  auto line = view::problem_line(reply.status, reply.body);
  if (reply.status == 401) line += "; --token-file names the file with the server's token";
  const bool body_is_wrong = reply.status == 400 || reply.status == 413 || reply.status == 422;
  if (body_is_wrong && !body_name_.empty()) line = body_name_ + ": " + line;
  if (reply.status == 404) line += unknown_advice_;
  return failed(line);
}

std::string phone_target(std::string_view phone) { return "/v1/phones/" + api::encode_segment(phone); }
std::string keys_target(std::string_view phone) { return phone_target(phone) + "/keys"; }
std::string key_target(std::string_view phone, std::string_view key) {
  return keys_target(phone) + "/" + api::encode_segment(key);
}

}  // namespace lamplighter::cli
