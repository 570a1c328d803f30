#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <boost/json/parse.hpp>
#include <chrono>
#include <string>
#include <string_view>
#include <thread>

#include "api/http_server.h"

// For the tests of this room.
namespace lamplighter::api::test {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::ip::tcp;

/// A client with one connection, blocking, as plain as a client can be.
class Client {
 public:
  explicit Client(const HttpServer& server) {
    socket_.connect({asio::ip::make_address(server.bound().ip.to_string()), server.bound().port});
  }
  http::response<http::string_body> request(http::verb verb, std::string_view target, std::string body = {}) {
    http::request<http::string_body> request(verb, std::string(target), 11);
    request.set(http::field::host, "localhost");
    request.body() = std::move(body);
    request.prepare_payload();
    http::write(socket_, request);
    return response(verb == http::verb::head);
  }
  http::response<http::string_body> response(bool to_head = false) {
    http::response_parser<http::string_body> parser;
    parser.skip(to_head);
    http::read(socket_, buffer_, parser);
    return parser.release();
  }
  void send(std::string_view text) {
    boost::system::error_code ignored;  // the server may have cut us off already: what it answered is what counts
    asio::write(socket_, asio::buffer(text), ignored);
  }
  /// As a client that is switched off.
  void close() { socket_.close(); }
  /// Everything until the server closes.
  std::string rest() {
    std::string text;
    boost::system::error_code error;
    asio::read(socket_, asio::dynamic_buffer(text), error);
    return text;
  }

 private:
  asio::io_context io_;
  tcp::socket socket_{io_};
  boost::beast::flat_buffer buffer_;
};

/// Waits for what other threads bring about; false after far longer than it can take.
template <typename F>
bool eventually(F&& condition) {
  auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{20};
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::yield();
  }
  return true;
}

inline boost::json::object document(const http::response<http::string_body>& response) {
  return boost::json::parse(response.body()).as_object();
}

}  // namespace lamplighter::api::test
