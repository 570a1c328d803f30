#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <functional>
#include <memory>
#include <optional>

#include "api/http_server.h"
#include "api/router.h"

namespace lamplighter::api {

/// One client: reads a request, has it answered, reads the next. All on the server's thread; lives as long as one of
/// its operations is pending or its answer is due.
class HttpConnection : public std::enable_shared_from_this<HttpConnection> {
 public:
  /// `loop` is shared with the answers, which may come from other threads when the server is already gone.
  HttpConnection(const std::shared_ptr<boost::asio::io_context>& loop, boost::asio::ip::tcp::socket socket,
                 const HttpSettings& settings, const Router& router, std::function<void(HttpConnection*)> on_end);

  void read();
  /// Ends it at once; pending operations fail.
  void cut();

 private:
  using Parser = boost::beast::http::request_parser<boost::beast::http::string_body>;

  void on_read(const boost::system::error_code& error);
  void handle();
  void refuse(const boost::system::error_code& error);
  void write(Response response, bool keep_alive);
  template <typename Body>
  void send(boost::beast::http::response<Body> message, const Response& response);
  void drain();
  void end();

  std::weak_ptr<boost::asio::io_context> loop_;
  boost::beast::tcp_stream stream_;
  const HttpSettings& settings_;
  const Router& router_;
  std::function<void(HttpConnection*)> on_end_;
  SocketAddress remote_;
  boost::beast::flat_buffer buffer_;
  std::optional<Parser> parser_;
  bool head_ = false;     ///< the request was HEAD: its response has no body
  bool closing_ = false;  ///< the response under way is the last
};

}  // namespace lamplighter::api
