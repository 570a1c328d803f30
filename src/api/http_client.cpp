#include "api/http_client.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/url/encode.hpp>
#include <boost/url/rfc/pchars.hpp>
#include <charconv>
#include <optional>

#include "api/http.h"

namespace lamplighter::api {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;
using boost::system::error_code;

// More than any page of the API; what sends more is not our server.
constexpr std::uint64_t kMaxBody = 256 * 1024 * 1024;

/// "[::1]:8080" → "::1", "8080".
std::optional<std::pair<std::string, std::string>> host_and_port(std::string_view address) {
  auto colon = address.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  auto host = address.substr(0, colon);
  auto port = address.substr(colon + 1);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  } else if (host.contains(':')) {
    return std::nullopt;
  }
  std::uint16_t number = 0;
  auto [end, wrong] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (host.empty() || wrong != std::errc{} || end != port.data() + port.size() || number == 0) return std::nullopt;
  return std::pair(std::string(host), std::string(port));
}

}  // namespace

struct HttpClient::Impl {
  using Message = http::request<http::string_body>;
  using Result = std::expected<HttpReply, std::string>;

  Result request(const Message& message, std::chrono::milliseconds timeout);

  std::string address;
  std::string token;
  asio::io_context loop{1};
  std::optional<beast::tcp_stream> stream;  ///< none: not connected
  beast::flat_buffer buffer;

 private:
  std::expected<void, std::string> connect(std::chrono::steady_clock::time_point deadline);
  error_code exchange(const Message& message, http::response_parser<http::string_body>& parser);
  template <typename Start>
  error_code run(Start start);
};

/// Runs one operation of the stream to its end, or to the stream's deadline.
template <typename Start>
error_code HttpClient::Impl::run(Start start) {
  error_code result;
  start([&](const error_code& error, auto&&...) { result = error; });
  loop.restart();
  loop.run();
  return result;
}

std::expected<void, std::string> HttpClient::Impl::connect(std::chrono::steady_clock::time_point deadline) {
  auto parts = host_and_port(address);
  if (!parts) return std::unexpected(fmt::format("\"{}\" is not an address with a port, like 127.0.0.1:8080", address));
  error_code error;
  // Asking for names blocks, whatever the timeout; addresses and localhost need nobody to be asked.
  auto endpoints = tcp::resolver(loop).resolve(parts->first, parts->second, error);
  if (error) return std::unexpected(fmt::format("cannot find {}: {}", parts->first, error.message()));

  stream.emplace(loop);
  buffer.clear();
  stream->expires_at(deadline);
  error = run([&](auto done) { stream->async_connect(endpoints, std::move(done)); });
  if (error) {
    stream.reset();
    if (error == beast::error::timeout) return std::unexpected(fmt::format("cannot connect to {}: no answer", address));
    const char* hint = error == asio::error::connection_refused ? "; is the server running?" : "";
    return std::unexpected(fmt::format("cannot connect to {}: {}{}", address, error.message(), hint));
  }
  error_code ignored;  // only makes it slower
  stream->socket().set_option(tcp::no_delay(true), ignored);
  return {};
}

error_code HttpClient::Impl::exchange(const Message& message, http::response_parser<http::string_body>& parser) {
  auto written = run([&](auto done) { http::async_write(*stream, message, std::move(done)); });
  if (written == beast::error::timeout) return written;
  // A server may answer before it has read everything (413), and close: its answer says more than the failed write.
  auto read = run([&](auto done) { http::async_read(*stream, buffer, parser, std::move(done)); });
  return read && written ? written : read;
}

HttpClient::Impl::Result HttpClient::Impl::request(const Message& message, std::chrono::milliseconds timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  for (;;) {
    const bool reused = stream.has_value();
    if (!reused) {
      if (auto connected = connect(deadline); !connected) return std::unexpected(connected.error());
    }
    stream->expires_at(deadline);
    http::response_parser<http::string_body> parser;
    parser.body_limit(kMaxBody);
    parser.skip(message.method() == http::verb::head);
    const auto error = exchange(message, parser);
    if (!error) {
      const auto& response = parser.get();
      HttpReply reply{response.result_int(), response[http::field::content_type], response.body()};
      if (!parser.keep_alive()) stream.reset();
      return reply;
    }
    stream.reset();
    if (error == beast::error::timeout) {
      return std::unexpected(fmt::format("{} did not answer within {} ms", address, timeout.count()));
    }
    // A kept connection may have been closed by the server at the very moment it was used again. What the methods here
    // do twice is the same as once (RFC 9110 §9.2.2).
    if (reused && !parser.got_some() && message.method() != http::verb::post) continue;
    if (error == http::error::end_of_stream || error == asio::error::connection_reset ||
        error == asio::error::broken_pipe || error == http::error::partial_message) {
      return std::unexpected(fmt::format("{} closed the connection before it answered", address));
    }
    if (error.category() == http::make_error_code(http::error::bad_method).category()) {
      return std::unexpected(fmt::format("what {} answers is not HTTP: {}", address, error.message()));
    }
    return std::unexpected(fmt::format("the connection to {} failed: {}", address, error.message()));
  }
}

HttpClient::HttpClient(std::string address, std::string token) : impl_(std::make_unique<Impl>()) {
  impl_->address = std::move(address);
  impl_->token = std::move(token);
}
HttpClient::~HttpClient() = default;
HttpClient::HttpClient(HttpClient&& other) noexcept = default;
HttpClient& HttpClient::operator=(HttpClient&& other) noexcept = default;

std::expected<HttpReply, std::string> HttpClient::request(std::string_view method, std::string_view target,
                                                          std::string_view body, std::chrono::milliseconds timeout) {
  // What would end its line early would be another request.
  if (target.empty() || std::ranges::any_of(target, [](unsigned char c) { return c <= ' ' || c == 0x7f; })) {
    return std::unexpected(fmt::format("{} is not an encoded path", quoted(target)));
  }
  if (std::ranges::any_of(impl_->token, [](unsigned char c) { return c <= ' ' || c >= 0x7f; })) {
    return std::unexpected("the bearer token has a blank, a control character or one that is not ASCII");
  }
  Impl::Message message;
  message.version(11);
  message.method_string(method);
  message.target(target);
  message.set(http::field::host, impl_->address);
  message.set(http::field::user_agent, "lamplighter");
  message.set(http::field::accept, "application/json, application/problem+json");
  if (!impl_->token.empty()) message.set(http::field::authorization, "Bearer " + impl_->token);
  if (!body.empty()) message.set(http::field::content_type, "application/json");
  message.body() = body;
  message.prepare_payload();
  return impl_->request(message, timeout);
}

std::string encode_segment(std::string_view text) {
  // "." and ".." are names too here, not steps (RFC 3986 §5.2.4).
  if (text == ".") return "%2E";
  if (text == "..") return "%2E%2E";
  return boost::urls::encode(text, boost::urls::pchars);
}

}  // namespace lamplighter::api
