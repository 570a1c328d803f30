#include "api/http_connection.h"

#include <boost/asio/post.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>
#include <expected>

#include "api/access.h"
#include "lamp/utf8.h"

namespace lamplighter::api {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;

SocketAddress address_of(const asio::ip::tcp::endpoint& endpoint) {
  std::uint16_t port = endpoint.port();
  if (endpoint.address().is_v4()) return {IpAddress::v4(endpoint.address().to_v4().to_uint()), port};
  return {IpAddress::v6(endpoint.address().to_v6().to_bytes()), port};
}

/// The error is for people.
std::expected<Request, std::string> request_from(http::request<http::string_body>& message,
                                                 const SocketAddress& remote) {
  auto url = boost::urls::parse_origin_form(message.target());
  if (!url)
    url = boost::urls::parse_absolute_uri(message.target());  // a proxy's way, to be taken too (RFC 9112 §3.2.2)
  if (!url) return std::unexpected("the request target is not a path");
  Request request;
  request.method = message.method_string();
  request.path = url->path();
  if (auto fault = lamp::find_fault(request.path)) {
    return std::unexpected(std::string("the path has ") +
                           (fault->control ? "a control character" : "bytes that are not UTF-8"));
  }
  request.raw_path = url->encoded_path();
  request.query = url->encoded_query();
  for (const auto& field : message) request.headers.emplace_back(field.name_string(), field.value());
  request.body = std::move(message.body());
  request.remote = remote;
  return request;
}

}  // namespace

HttpConnection::HttpConnection(const std::shared_ptr<asio::io_context>& loop, asio::ip::tcp::socket socket,
                               const HttpSettings& settings, const Router& router,
                               std::function<void(HttpConnection*)> on_end)
    : loop_(loop),
      stream_(std::move(socket)),
      settings_(settings),
      router_(router),
      on_end_(std::move(on_end)),
      buffer_(settings.max_header + settings.max_body) {
  boost::system::error_code error;
  auto endpoint = stream_.socket().remote_endpoint(error);
  if (!error) remote_ = address_of(endpoint);
}

void HttpConnection::read() {
  parser_.emplace();
  parser_->header_limit(static_cast<std::uint32_t>(settings_.max_header));
  parser_->body_limit(settings_.max_body);
  stream_.expires_after(settings_.patience);
  http::async_read(
      stream_, buffer_, *parser_,
      [self = shared_from_this()](const boost::system::error_code& error, std::size_t) { self->on_read(error); });
}

void HttpConnection::on_read(const boost::system::error_code& error) {
  if (!error) return handle();
  // Only what a client sent wrongly is answered; gone or too slow, nobody would read it.
  bool answerable = error.category() == http::make_error_code(http::error::bad_method).category() &&
                    error != http::error::end_of_stream && error != http::error::partial_message;
  if (answerable) return refuse(error);
  end();
}

void HttpConnection::refuse(const boost::system::error_code& error) {
  head_ = false;
  if (error == http::error::body_limit) {
    return write(problem(413, "the body is larger than " + std::to_string(settings_.max_body) + " bytes"), false);
  }
  if (error == http::error::header_limit || error == http::error::buffer_overflow) {
    return write(problem(431, "the header is larger than " + std::to_string(settings_.max_header) + " bytes"), false);
  }
  write(problem(400, "the request is not HTTP/1.1: " + error.message()), false);
}

void HttpConnection::handle() {
  auto message = parser_->release();
  head_ = message.method() == http::verb::head;
  bool keep_alive = message.keep_alive();
  auto request = request_from(message, remote_);
  if (!request) return write(problem(400, request.error()), keep_alive);
  if (auto refusal = check_access(*request, settings_.token)) return write(std::move(*refusal), keep_alive);

  std::weak_ptr<HttpConnection> self = weak_from_this();
  // The connection must not die between the request and an answer from elsewhere: the server's list holds it.
  Answer answer([self, loop = loop_.lock(), keep_alive](Response response) {
    asio::post(*loop, [self, keep_alive, response = std::move(response)]() mutable {
      if (auto connection = self.lock()) connection->write(std::move(response), keep_alive);
    });
  });
  router_.dispatch(*request, std::move(answer));
}

void HttpConnection::write(Response response, bool keep_alive) {
  closing_ = !keep_alive;
  auto status = static_cast<http::status>(response.status);
  if (head_) {
    http::response<http::empty_body> message(status, 11);
    message.content_length(response.body.size());
    return send(std::move(message), response);
  }
  http::response<http::string_body> message(status, 11);
  message.body() = std::move(response.body);
  message.prepare_payload();
  send(std::move(message), response);
}

template <typename Body>
void HttpConnection::send(http::response<Body> message, const Response& response) {
  message.set(http::field::server, "Lamplighter");
  message.set(http::field::content_type, response.content_type);
  for (const auto& [name, value] : response.headers) message.set(name, value);
  message.keep_alive(!closing_);
  auto kept = std::make_shared<http::response<Body>>(std::move(message));
  stream_.expires_after(settings_.patience);
  http::async_write(stream_, *kept,
                    [self = shared_from_this(), kept](const boost::system::error_code& error, std::size_t) {
                      if (error) return self->end();
                      self->closing_ ? self->drain() : self->read();
                    });
}

/// Reads away what the client still sends: closing on unread bytes would reset the connection, and a reset can overtake
/// the response that says what was wrong.
void HttpConnection::drain() {
  boost::system::error_code ignored;  // the client may have closed already
  stream_.socket().shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
  buffer_.clear();
  stream_.async_read_some(buffer_.prepare(16 * 1024),
                          [self = shared_from_this()](const boost::system::error_code& error, std::size_t) {
                            error ? self->end() : self->drain();
                          });
}

void HttpConnection::cut() {
  stream_.close();
  end();
}

void HttpConnection::end() {
  stream_.close();
  if (auto on_end = std::exchange(on_end_, nullptr)) on_end(this);
}

}  // namespace lamplighter::api
