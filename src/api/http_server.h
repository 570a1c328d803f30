#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "api/http.h"
#include "base/address.h"
#include "base/executor.h"

namespace lamplighter::api {

struct HttpSettings {
  std::string listen = "127.0.0.1:8080";  ///< port 0: a free one (tests)
  std::size_t max_body = 1024 * 1024;     ///< 413 beyond
  std::size_t max_header = 16 * 1024;     ///< 431 beyond
  std::size_t max_connections = 256;      ///< 503 beyond
  /// Bearer token (RFC 6750) that everything under /v1/ asks for. Empty: none, then only this machine may ask, and
  /// under a name of its own (Host), so that no web page can (DNS rebinding).
  std::string token = {};
  /// For sending a whole request, between two requests, and for taking a response.
  std::chrono::milliseconds patience = std::chrono::seconds{30};
};

/// HTTP/1.1 on its own control thread. Routes are added before start(); their handlers run on that thread and may
/// answer later from any other. Errors are problem documents (RFC 9457).
class HttpServer final : public Executor {
 public:
  explicit HttpServer(HttpSettings settings);
  ~HttpServer() override;

  /// See Router::add().
  void route(std::string method, std::string_view pattern, Handler handler);

  /// Binds. The error is for an administrator. An address that others can reach needs a token.
  std::expected<void, std::string> open();
  /// With the port it really has. After open().
  SocketAddress bound() const;
  void start();
  /// Cuts every connection and joins the thread. Idempotent. Answers that come later go nowhere.
  void stop();

  /// Runs a task on the control thread. After stop() it is dropped.
  void post(Task task) override;
  /// post() for those who may still have something to say when the server is gone: then it is dropped.
  std::function<void(Task)> poster() const;

  /// Runs a task on the control thread after a while. For that thread only. Returns a number for cancel().
  std::uint64_t after(std::chrono::milliseconds delay, Task task);
  void cancel(std::uint64_t timer);

  /// Connections open now; any thread.
  std::size_t connections() const;

 private:
  class Gate;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// GET /healthz: 200 with {"status":"ok"} and the members `fields` gives, asked on the control thread each time.
void add_health(HttpServer& server, std::function<boost::json::object()> fields);

}  // namespace lamplighter::api
