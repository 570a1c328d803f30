#pragma once

#include <chrono>
#include <expected>
#include <memory>
#include <string>
#include <string_view>

namespace lamplighter::api {

struct HttpReply {
  unsigned status = 0;
  std::string content_type;  ///< "application/json", "application/problem+json"
  std::string body;
};

/// A synchronous HTTP/1.1 client with one connection that is kept for the next request: for the command line and the
/// load generator. Not thread safe.
class HttpClient {
 public:
  /// `address`: "127.0.0.1:8080", "[::1]:8080" or "localhost:8080". `token`: sent as a bearer token (RFC 6750 §2.1);
  /// empty: none. Connects with the first request.
  explicit HttpClient(std::string address, std::string token = {});
  ~HttpClient();
  HttpClient(HttpClient&& other) noexcept;
  HttpClient& operator=(HttpClient&& other) noexcept;

  /// One request and its response, whatever its status, within `timeout`. `target`: the encoded path and query,
  /// "/v1/phones/101?limit=5". `body`: JSON, or empty. Errors are for people: "cannot connect to 127.0.0.1:8080:
  /// Connection refused; is the server running?"
  std::expected<HttpReply, std::string> request(std::string_view method, std::string_view target,
                                                std::string_view body = {},
                                                std::chrono::milliseconds timeout = std::chrono::seconds{10});

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// A path segment's text, percent-encoded where it must be (RFC 3986 §3.3): "a/b" gives "a%2Fb".
std::string encode_segment(std::string_view text);

}  // namespace lamplighter::api
