#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/rfc7230.hpp>
#include <boost/beast/websocket/rfc6455.hpp>

#include "transport/websocket.h"

// RFC 6455 §4.2 and RFC 7118 §4: how a WebSocket starts.
namespace lamplighter::transport {
namespace {

namespace beast = boost::beast;
namespace http = beast::http;

constexpr std::size_t kMaxHead = 8192;
constexpr std::string_view kGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

std::string_view view(beast::string_view text) { return {text.data(), text.size()}; }

/// §4.2.2: proves that the server has read the request.
std::string accept_key(std::string_view key) {
  const auto text = std::string(key).append(kGuid);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha1(), nullptr);
  std::array<unsigned char, 64> base64{};
  const int length = EVP_EncodeBlock(base64.data(), digest.data(), static_cast<int>(size));
  return {reinterpret_cast<const char*>(base64.data()), static_cast<std::size_t>(length)};
}

/// "https://example.com:8443/x" and "example.com:5062" → "example.com"
std::string_view host_of(std::string_view text) {
  if (const auto scheme = text.find("://"); scheme != std::string_view::npos) text.remove_prefix(scheme + 3);
  text = text.substr(0, text.find('/'));
  if (text.starts_with('[')) return text.substr(0, text.find(']') + 1);
  return text.substr(0, text.find(':'));
}

bool equal(std::string_view a, std::string_view b) {
  return beast::iequals({a.data(), a.size()}, {b.data(), b.size()});
}

bool is_allowed(std::string_view origin, std::string_view host, const std::vector<std::string>& origins) {
  if (origin.empty() || equal(host_of(origin), host_of(host))) return true;  // no browser, or a page of our own host
  return std::ranges::any_of(origins, [&](const std::string& one) { return one == "*" || equal(one, origin); });
}

bool offers_sip(const http::request<http::empty_body>& request) {
  for (const auto& field : request) {
    if (field.name() == http::field::sec_websocket_protocol && http::token_list(field.value()).exists("sip"))
      return true;
  }
  return false;
}

WebSocketUpgrade::Answer refuse(unsigned status, std::string_view phrase, std::string_view headers,
                                const std::string& reason) {
  return {.bytes = fmt::format("HTTP/1.1 {} {}\r\n{}Connection: close\r\nContent-Type: text/plain\r\n"
                               "Content-Length: {}\r\n\r\n{}\n",
                               status, phrase, headers, reason.size() + 1, reason),
          .good = false,
          .reason = reason,
          .rest = {}};
}

WebSocketUpgrade::Answer answer(const http::request<http::empty_body>& request,
                                const std::vector<std::string>& origins) {
  if (!beast::websocket::is_upgrade(request)) {
    return refuse(426, "Upgrade Required", "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
                  "expected a WebSocket with the subprotocol sip (RFC 7118)");
  }
  if (request[http::field::sec_websocket_version] != "13") {
    return refuse(426, "Upgrade Required", "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
                  "expected Sec-WebSocket-Version: 13");
  }
  const auto key = view(request[http::field::sec_websocket_key]);
  if (key.size() != 24 || !key.ends_with("==")) {
    return refuse(400, "Bad Request", "", "expected a Sec-WebSocket-Key of 16 bytes in base64");
  }
  if (!offers_sip(request)) {
    return refuse(400, "Bad Request", "", "expected Sec-WebSocket-Protocol: sip (RFC 7118 section 4)");
  }
  const auto origin = view(request[http::field::origin]);
  if (!is_allowed(origin, view(request[http::field::host]), origins)) {
    return refuse(
        403, "Forbidden", "",
        fmt::format("pages of {} may not connect; websocket.origins names those that may", origin.substr(0, 200)));
  }
  return {.bytes = fmt::format("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                               "Sec-WebSocket-Accept: {}\r\nSec-WebSocket-Protocol: sip\r\n\r\n",
                               accept_key(key)),
          .good = true,
          .reason = {},
          .rest = {}};
}

}  // namespace

std::optional<WebSocketUpgrade::Answer> WebSocketUpgrade::take(std::string_view bytes) {
  const auto scanned = head_.size() < 3 ? 0 : head_.size() - 3;
  head_ += bytes;
  const auto end = head_.find("\r\n\r\n", scanned);
  if (end == std::string::npos || end + 4 > kMaxHead) {
    if (head_.size() <= kMaxHead) return std::nullopt;
    return refuse(431, "Request Header Fields Too Large", "", "request larger than 8 KiB");
  }
  http::request_parser<http::empty_body> parser;
  parser.eager(false);
  beast::error_code error;
  parser.put(boost::asio::buffer(head_.data(), end + 4), error);
  if (error || !parser.is_header_done()) {
    return refuse(400, "Bad Request", "", "this is no HTTP request: " + error.message());
  }
  auto out = answer(parser.get(), *origins_);
  out.rest = head_.substr(end + 4);
  head_ = std::string();
  return out;
}

}  // namespace lamplighter::transport
