#include "api/http_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <boost/json/parse.hpp>
#include <future>
#include <thread>

namespace lamplighter::api {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::ip::tcp;
using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::StartsWith;

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

struct Running {
  explicit Running(HttpSettings settings = {}, const std::function<void(HttpServer&)>& add = {}) {
    settings.listen = "127.0.0.1:0";
    server = std::make_unique<HttpServer>(settings);
    add_health(*server, [] { return boost::json::object{{"phones", 7}}; });
    server->route("POST", "/echo",
                  [](const Request& request, Answer answer) { answer({.body = request.body, .headers = {}}); });
    if (add) add(*server);
    auto opened = server->open();
    if (!opened) throw std::runtime_error(opened.error());
    server->start();
  }
  HttpServer* operator->() { return server.get(); }
  HttpServer& operator*() { return *server; }
  std::unique_ptr<HttpServer> server;
};

/// Waits for what other threads bring about; false after far longer than it can take.
template <typename F>
bool eventually(F&& condition) {
  auto deadline = std::chrono::steady_clock::now() + 20s;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::yield();
  }
  return true;
}

boost::json::object document(const http::response<http::string_body>& response) {
  return boost::json::parse(response.body()).as_object();
}

TEST(HttpServer, HealthzSaysOkAndWhatTheProgramAdds) {
  Running server;
  Client client(*server);
  auto response = client.request(http::verb::get, "/healthz?verbose=1");
  EXPECT_EQ(response.result_int(), 200u);
  EXPECT_EQ(response[http::field::content_type], "application/json");
  EXPECT_EQ(response[http::field::cache_control], "no-store");
  EXPECT_EQ(response.body(), R"({"status":"ok","phones":7})");
}

TEST(HttpServer, HeadIsGetWithoutTheBody) {
  Running server;
  Client client(*server);
  auto response = client.request(http::verb::head, "/healthz");
  EXPECT_EQ(response.result_int(), 200u);
  EXPECT_EQ(response[http::field::content_length], "26");
  EXPECT_EQ(response.body(), "");
  // The connection is still in step: no body was sent.
  EXPECT_EQ(client.request(http::verb::get, "/healthz").body().size(), 26u);
}

TEST(HttpServer, AnUnknownPathIs404AsAProblemDocument) {
  Running server;
  Client client(*server);
  auto response = client.request(http::verb::get, "/lamps");
  EXPECT_EQ(response.result_int(), 404u);
  EXPECT_EQ(response[http::field::content_type], "application/problem+json");
  auto problem = document(response);
  EXPECT_EQ(problem["type"], "about:blank");
  EXPECT_EQ(problem["title"], "Not Found");
  EXPECT_EQ(problem["status"], 404);
  EXPECT_EQ(problem["detail"], "there is nothing at /lamps");
}

TEST(HttpServer, AnUnknownMethodIs405WithAllow) {
  Running server;
  Client client(*server);
  auto response = client.request(http::verb::delete_, "/healthz");
  EXPECT_EQ(response.result_int(), 405u);
  EXPECT_EQ(response[http::field::allow], "GET, HEAD");
  EXPECT_EQ(document(response)["title"], "Method Not Allowed");
}

TEST(HttpServer, AConnectionCarriesManyRequests) {
  Running server;
  Client client(*server);
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(client.request(http::verb::post, "/echo", std::to_string(i)).body(), std::to_string(i));
  }
  client.send("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\nGET /nothing HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(client.response().result_int(), 200u);
  EXPECT_EQ(client.response().result_int(), 404u);
  client.send("GET http://localhost/healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(client.rest(), StartsWith("HTTP/1.1 200 OK\r\n"));
}

TEST(HttpServer, GarbageIs400AndTheConnectionEnds) {
  Running server;
  for (auto garbage : {"INVITE sip:431@example.com SIP/2.0\r\n\r\n", "\x16\x03\x01\x02\x01\x01\r\n\r\n",
                       "GET / HTTP/1.1\r\nno colon\r\n\r\n", "GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n"}) {
    Client client(*server);
    client.send(garbage);
    auto answer = client.rest();
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 400 Bad Request\r\n")) << garbage;
    EXPECT_THAT(answer, HasSubstr("application/problem+json"));
  }
  Client client(*server);
  EXPECT_EQ(client.request(http::verb::options, "*").result_int(), 400u);
  EXPECT_TRUE(eventually([&] { return server->connections() == 1; }));
}

TEST(HttpServer, ATooLargeBodyIs413WithoutBeingRead) {
  Running server;
  Client at_limit(*server);
  EXPECT_EQ(at_limit.request(http::verb::post, "/echo", std::string(1024 * 1024, 'x')).body().size(), 1024u * 1024);
  Client declared(*server);
  declared.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1048577\r\n\r\n");
  EXPECT_THAT(declared.rest(), AllOf(StartsWith("HTTP/1.1 413"), HasSubstr("larger than 1048576 bytes")));
  Client chunked(*server);
  chunked.send("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
  std::string chunk = "40000\r\n" + std::string(0x40000, 'x') + "\r\n";
  for (int i = 0; i < 8; ++i) chunked.send(chunk);
  EXPECT_EQ(chunked.response().result_int(), 413u);
}

TEST(HttpServer, ATooLargeHeaderIs431) {
  Running server;
  Client client(*server);
  client.send("GET /healthz HTTP/1.1\r\nX: " + std::string(20'000, 'x') + "\r\n\r\n");
  EXPECT_THAT(client.rest(), AllOf(StartsWith("HTTP/1.1 431"), HasSubstr("larger than 16384 bytes")));
}

TEST(HttpServer, ASlowClientIsCutOff) {
  Running server({.patience = 50ms});
  Client client(*server);
  client.send("GET /healthz HTTP/1.1\r\nHos");
  EXPECT_EQ(client.rest(), "");
  EXPECT_TRUE(eventually([&] { return server->connections() == 0; }));
}

TEST(HttpServer, TooManyConnectionsAreTurnedAway) {
  Running server({.max_connections = 2});
  auto first = std::make_unique<Client>(*server);
  Client second(*server);
  ASSERT_TRUE(eventually([&] { return server->connections() == 2; }));
  Client third(*server);
  EXPECT_THAT(third.rest(), AllOf(StartsWith("HTTP/1.1 503"), HasSubstr("too many connections")));
  first.reset();
  ASSERT_TRUE(eventually([&] { return server->connections() == 1; }));
  Client fourth(*server);
  EXPECT_EQ(fourth.request(http::verb::get, "/healthz").result_int(), 200u);
}

TEST(HttpServer, AHandlerMayAnswerLaterFromAnotherThread) {
  std::thread worker;
  Running server({}, [&](HttpServer& http) {
    http.route("PUT", "/later", [&](const Request& request, Answer answer) {
      worker = std::thread([answer = std::move(answer), body = request.body]() mutable {
        answer({.status = 202, .body = body, .headers = {{"Location", "/later/1"}}});
      });
    });
  });
  Client client(*server);
  auto response = client.request(http::verb::put, "/later", "state");
  EXPECT_EQ(response.result_int(), 202u);
  EXPECT_EQ(response[http::field::location], "/later/1");
  EXPECT_EQ(response.body(), "state");
  worker.join();
}

TEST(HttpServer, AForgottenAnswerIs500) {
  Running server({}, [](HttpServer& http) { http.route("GET", "/lost", [](const Request&, Answer) {}); });
  Client client(*server);
  EXPECT_EQ(client.request(http::verb::get, "/lost").result_int(), 500u);
}

TEST(HttpServer, AnswersThatComeAfterItsEndGoNowhere) {
  std::promise<Answer> held;
  auto server = std::make_unique<Running>(HttpSettings{}, [&](HttpServer& http) {
    http.route("GET", "/held", [&](const Request&, Answer answer) { held.set_value(std::move(answer)); });
  });
  Client client(**server);
  client.send("GET /held HTTP/1.1\r\nHost: a\r\n\r\n");
  Answer answer = held.get_future().get();
  server.reset();
  EXPECT_EQ(client.rest(), "");
  answer({.body = "too late", .headers = {}});
}

TEST(HttpServer, StopCutsConnectionsAndRunsWhatWasPosted) {
  Running server;
  Client client(*server);
  std::atomic<int> ran{0};
  for (int i = 0; i < 100; ++i) server->post([&] { ++ran; });
  server->stop();
  server->stop();
  EXPECT_EQ(ran, 100);
  EXPECT_EQ(client.rest(), "");
  server->post([&] { ++ran; });
  EXPECT_EQ(ran, 100);
}

TEST(HttpServer, OpenErrorsAreForAnAdministrator) {
  Running server;
  auto error = [](std::string listen) {
    HttpServer second({.listen = std::move(listen)});
    auto opened = second.open();
    return opened ? "no error" : opened.error();
  };
  auto taken = server->bound().to_string();
  EXPECT_EQ(error(taken), "http:" + taken +
                              ": address already in use; another program has this port, `ss -ltnp 'sport = :" +
                              std::to_string(server->bound().port) + "'` shows which");
  EXPECT_THAT(error("203.0.113.77:8080"), HasSubstr("no interface of this machine has the address 203.0.113.77"));
  EXPECT_THAT(error("8080"), HasSubstr("http: \"8080\" is not an address with a port"));
}

TEST(HttpServer, ListensOnIpv6) {
  HttpServer server({.listen = "[::1]:0"});
  add_health(server, [] { return boost::json::object{}; });
  ASSERT_TRUE(server.open());
  server.start();
  Client client(server);
  EXPECT_EQ(client.request(http::verb::get, "/healthz").body(), R"({"status":"ok"})");
}

}  // namespace
}  // namespace lamplighter::api
