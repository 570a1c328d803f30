#include "api/http_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "api/http_server.h"
#include "api/test_client.h"

namespace lamplighter::api {
namespace {

using namespace test;
using namespace std::chrono_literals;
using testing::HasSubstr;

std::unique_ptr<HttpServer> echo(HttpSettings settings = {}) {
  settings.listen = "127.0.0.1:0";
  auto server = std::make_unique<HttpServer>(settings);
  server->route("PUT", "/v1/{what}", [](const Request& request, Answer answer) {
    answer({.status = 202,
            .content_type = "text/plain",
            .body = std::string(request.param("what")) + "?" + request.query + " " + request.body +
                    std::string(request.header("Content-Type")),
            .headers = {}});
  });
  server->route("GET", "/silent", [http = server.get()](const Request&, Answer answer) {
    http->after(1h, [answer = std::move(answer)]() mutable { answer({.body = {}, .headers = {}}); });
  });
  EXPECT_TRUE(server->open());
  server->start();
  return server;
}

/// Accepts one connection, reads a little, says this and closes.
class Impostor {
 public:
  explicit Impostor(std::string text)
      : thread_([this, text = std::move(text)] {
          auto socket = acceptor_.accept();
          char some[4096];
          boost::system::error_code ignored;
          socket.read_some(asio::buffer(some), ignored);
          asio::write(socket, asio::buffer(text), ignored);
        }) {}
  ~Impostor() { thread_.join(); }
  std::string address() const { return "127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port()); }

 private:
  asio::io_context io_;
  tcp::acceptor acceptor_{io_, {asio::ip::address_v4::loopback(), 0}};
  std::thread thread_;
};

TEST(HttpClient, CarriesManyRequestsOverOneConnection) {
  auto server = echo({.token = "s3cret"});
  HttpClient client(server->bound().to_string(), "s3cret");
  for (int i = 0; i < 3; ++i) {
    auto reply = client.request("PUT", "/v1/" + encode_segment("a b?/ü") + "?wait=2s", "{}");
    ASSERT_TRUE(reply) << reply.error();
    EXPECT_EQ(reply->status, 202u);
    EXPECT_EQ(reply->content_type, "text/plain");
    EXPECT_EQ(reply->body, "a b?/ü?wait=2s {}application/json");
  }
  EXPECT_EQ(client.request("GET", "/nothing")->status, 404u);
  EXPECT_EQ(server->connections(), 1u);
  EXPECT_EQ(HttpClient(server->bound().to_string()).request("PUT", "/v1/a")->status, 401u);
}

TEST(HttpClient, ConnectsAgainWhenTheServerHasClosedMeanwhile) {
  auto server = echo({.patience = 20ms});
  HttpClient client("localhost:" + std::to_string(server->bound().port));
  EXPECT_EQ(client.request("PUT", "/v1/a")->status, 202u);
  ASSERT_TRUE(eventually([&] { return server->connections() == 0; }));
  EXPECT_EQ(client.request("PUT", "/v1/a")->status, 202u);
}

TEST(HttpClient, TheAnswerToATooLargeBodyIsRead) {
  auto server = echo();
  HttpClient client(server->bound().to_string());
  auto reply = client.request("PUT", "/v1/a", std::string(3 * 1024 * 1024, 'x'));
  ASSERT_TRUE(reply) << reply.error();
  EXPECT_EQ(reply->status, 413u);
  EXPECT_EQ(client.request("PUT", "/v1/a")->status, 202u);
}

TEST(HttpClient, ErrorsAreForPeople) {
  auto server = echo();
  auto error = [](const std::string& address) {
    auto reply = HttpClient(address).request("PUT", "/v1/a");
    return reply ? std::string("no error") : reply.error();
  };
  auto port = std::to_string(server->bound().port);
  HttpClient kept("127.0.0.1:" + port);
  EXPECT_EQ(kept.request("GET", "/silent", {}, 50ms).error(), "127.0.0.1:" + port + " did not answer within 50 ms");
  server->stop();
  EXPECT_EQ(error("127.0.0.1:" + port),
            "cannot connect to 127.0.0.1:" + port + ": Connection refused; is the server running?");
  for (auto nonsense : {"", "8080", "127.0.0.1", "127.0.0.1:", "127.0.0.1:http", "127.0.0.1:70000", "::1:80", ":80"}) {
    EXPECT_EQ(error(nonsense), "\"" + std::string(nonsense) + "\" is not an address with a port, like 127.0.0.1:8080");
  }
  auto impostor = [&](std::string text) {
    Impostor other(std::move(text));
    auto said = error(other.address());
    return said.replace(said.find(other.address()), other.address().size(), "X");
  };
  EXPECT_EQ(impostor(""), "X closed the connection before it answered");
  EXPECT_EQ(impostor("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort"),
            "X closed the connection before it answered");
  EXPECT_THAT(impostor("SIP/2.0 400 Bad Request\r\n\r\n"), HasSubstr("what X answers is not HTTP: "));
}

TEST(HttpClient, NothingCanBeSmuggledIntoARequest) {
  auto server = echo();
  auto address = server->bound().to_string();
  for (auto target : {"", "/v1/a b", "/v1/a HTTP/1.1\r\nX: y", "/v1/a\n", "/v1/\x7f"}) {
    EXPECT_THAT(HttpClient(address).request("PUT", target).error(), HasSubstr("is not an encoded path")) << target;
  }
  for (auto token : {"a b", "a\r\nX: y", "tökén"}) {
    EXPECT_THAT(HttpClient(address, token).request("PUT", "/v1/a").error(), HasSubstr("the bearer token has a blank"));
  }
}

TEST(HttpClient, SegmentsAreEncodedWhereTheyMust) {
  EXPECT_EQ(encode_segment("101@example.com"), "101@example.com");
  EXPECT_EQ(encode_segment("a/b?c#d%e f\"ü"), "a%2Fb%3Fc%23d%25e%20f%22%C3%BC");
  EXPECT_EQ(encode_segment("+49"), "+49");
  EXPECT_EQ(encode_segment(".."), "%2E%2E");
}

}  // namespace
}  // namespace lamplighter::api
