#include "api/http_server.h"

#include <pthread.h>

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <cassert>
#include <map>
#include <thread>
#include <unordered_map>

#include "api/http_connection.h"
#include "api/router.h"
#include "base/bind_error.h"
#include "base/guarded.h"
#include "base/log.h"

namespace lamplighter::api {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

// Out of descriptors or memory, accepting fails at once, again and again: look again after a while.
constexpr auto kAcceptPause = std::chrono::milliseconds{100};

tcp::endpoint endpoint_of(const SocketAddress& address) {
  if (address.ip.is_v4()) {
    asio::ip::address_v4::bytes_type four;
    std::copy_n(address.ip.bytes().begin(), four.size(), four.begin());
    return {asio::ip::address_v4(four), address.port};
  }
  return {asio::ip::address_v6(address.ip.bytes()), address.port};
}

}  // namespace

/// The way onto the control thread, shared with those who may outlive the server. Nothing is queued once it is shut:
/// what a task holds must not wait in a loop that will never run it.
class HttpServer::Gate {
 public:
  explicit Gate(std::shared_ptr<asio::io_context> loop) : loop_(std::move(loop)) {}

  void post(Task task) {
    open_.with([&](bool open) {
      if (open) asio::post(*loop_, [task = std::move(task)]() mutable { task(); });
    });
  }
  /// `last` is the last task to be queued. False when it was shut already.
  bool shut(Task last) {
    return open_.with([&](bool& open) {
      if (open) asio::post(*loop_, [last = std::move(last)]() mutable { last(); });
      return std::exchange(open, false);
    });
  }

 private:
  std::shared_ptr<asio::io_context> loop_;
  Guarded<bool> open_{true};
};

struct HttpServer::Impl {
  explicit Impl(HttpSettings the_settings) : settings(std::move(the_settings)) {}

  void accept();
  void take(tcp::socket socket);
  void turn_away(tcp::socket socket);
  void shut_down();

  HttpSettings settings;
  Router router;
  SocketAddress bound;
  /// Shared with answers on other threads, so that a late one finds a loop that merely no longer runs.
  std::shared_ptr<asio::io_context> loop = std::make_shared<asio::io_context>(1);
  std::shared_ptr<Gate> gate = std::make_shared<Gate>(loop);
  asio::executor_work_guard<asio::io_context::executor_type> work{loop->get_executor()};
  tcp::acceptor acceptor{*loop};
  asio::steady_timer pause{*loop};
  std::unordered_map<HttpConnection*, std::shared_ptr<HttpConnection>> connections;
  std::atomic<std::size_t> connection_count{0};
  std::map<std::uint64_t, asio::steady_timer> timers;
  std::uint64_t last_timer = 0;
  std::thread thread;
};

void HttpServer::Impl::accept() {
  acceptor.async_accept([this](const boost::system::error_code& error, tcp::socket socket) {
    if (!acceptor.is_open()) return;
    if (!error) {
      take(std::move(socket));
      return accept();
    }
    log::warn("http: cannot accept a connection: {}", error.message());
    pause.expires_after(kAcceptPause);
    pause.async_wait([this](const boost::system::error_code& cancelled) {
      if (!cancelled) accept();
    });
  });
}

void HttpServer::Impl::take(tcp::socket socket) {
  if (connections.size() >= settings.max_connections) return turn_away(std::move(socket));
  auto connection =
      std::make_shared<HttpConnection>(loop, std::move(socket), settings, router, [this](HttpConnection* ended) {
        connections.erase(ended);
        connection_count = connections.size();
      });
  connections.emplace(connection.get(), connection);
  connection_count = connections.size();
  connection->read();
}

/// As much courtesy as costs nothing: the answer fits the empty send buffer.
void HttpServer::Impl::turn_away(tcp::socket socket) {
  auto response = problem(503, "too many connections");
  std::string text = "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Type: " + response.content_type +
                     "\r\nContent-Length: " + std::to_string(response.body.size()) + "\r\n\r\n" + response.body;
  boost::system::error_code ignored;  // turned away either way
  socket.non_blocking(true, ignored);
  socket.write_some(asio::buffer(text), ignored);
  socket.shutdown(tcp::socket::shutdown_send, ignored);
}

void HttpServer::Impl::shut_down() {
  boost::system::error_code ignored;
  acceptor.close(ignored);
  pause.cancel();
  timers.clear();
  auto all = std::move(connections);
  connections.clear();
  connection_count = 0;
  for (auto& [key, connection] : all) connection->cut();
  work.reset();  // the loop ends when the cut connections' operations have
}

HttpServer::HttpServer(HttpSettings settings) : impl_(std::make_unique<Impl>(std::move(settings))) {}

HttpServer::~HttpServer() { stop(); }

void HttpServer::route(std::string method, std::string_view pattern, Handler handler) {
  assert(!impl_->thread.joinable());
  impl_->router.add(std::move(method), pattern, std::move(handler));
}

std::expected<void, std::string> HttpServer::open() {
  auto address = SocketAddress::parse(impl_->settings.listen);
  if (!address) return std::unexpected("http: " + address.error());
  if (impl_->settings.token.empty() && !address->ip.is_loopback()) {
    return std::unexpected(
        "http: " + address->to_string() +
        " can be reached from other machines, so a bearer token is needed: set http.token_file, or " +
        "http.listen to a loopback address like 127.0.0.1:8080");
  }
  boost::system::error_code error;
  auto& acceptor = impl_->acceptor;
  auto endpoint = endpoint_of(*address);
  auto attempt = [&](auto&& step) {
    if (!error) step();
  };
  attempt([&] { acceptor.open(endpoint.protocol(), error); });
  attempt([&] { acceptor.set_option(tcp::acceptor::reuse_address(true), error); });  // past TIME_WAIT after a restart
  if (address->ip.is_v6()) attempt([&] { acceptor.set_option(asio::ip::v6_only(true), error); });
  attempt([&] { acceptor.bind(endpoint, error); });
  attempt([&] { acceptor.listen(tcp::acceptor::max_listen_connections, error); });
  if (error) {
    boost::system::error_code ignored;
    acceptor.close(ignored);
    return std::unexpected(bind_error("http:" + address->to_string(), *address, SocketKind::kStream, error.value()));
  }
  impl_->bound = {address->ip, acceptor.local_endpoint().port()};
  return {};
}

SocketAddress HttpServer::bound() const { return impl_->bound; }

void HttpServer::start() {
  assert(impl_->acceptor.is_open() && !impl_->thread.joinable());
  impl_->accept();
  impl_->thread = std::thread([impl = impl_.get()] {
    pthread_setname_np(pthread_self(), "http");
    impl->loop->run();
  });
}

void HttpServer::stop() {
  if (!impl_->gate->shut([impl = impl_.get()] { impl->shut_down(); })) return;
  if (impl_->thread.joinable()) return impl_->thread.join();
  boost::system::error_code ignored;
  impl_->acceptor.close(ignored);
}

void HttpServer::post(Task task) { impl_->gate->post(std::move(task)); }

std::function<void(Task)> HttpServer::poster() const {
  return [gate = impl_->gate](Task task) { gate->post(std::move(task)); };
}

std::uint64_t HttpServer::after(std::chrono::milliseconds delay, Task task) {
  const auto number = ++impl_->last_timer;
  auto& timer = impl_->timers.emplace(number, *impl_->loop).first->second;
  timer.expires_after(delay);
  timer.async_wait(
      [impl = impl_.get(), number, task = std::move(task)](const boost::system::error_code& error) mutable {
        // A timer that has fired already can no longer be cancelled, only be found missing.
        if (error || impl->timers.erase(number) == 0) return;
        task();
      });
  return number;
}

void HttpServer::cancel(std::uint64_t timer) { impl_->timers.erase(timer); }

std::size_t HttpServer::connections() const { return impl_->connection_count; }

}  // namespace lamplighter::api
