#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/http_server.h"
#include "api/test_client.h"

namespace lamplighter::api {
namespace {

using namespace test;
using testing::HasSubstr;
using Reply = http::response<http::string_body>;

struct Door {
  explicit Door(std::string token) : server({.listen = "127.0.0.1:0", .token = std::move(token)}) {
    add_health(server, [] { return boost::json::object{}; });
    server.route("PUT", "/v1/lamp", [](const Request&, Answer answer) { answer({.body = "lit", .headers = {}}); });
    EXPECT_TRUE(server.open());
    server.start();
  }
  /// `headers`: lines with their CRLF.
  Reply put(const std::string& headers, const std::string& target = "/v1/lamp") {
    Client client(server);
    client.send("PUT " + target + " HTTP/1.1\r\nContent-Length: 0\r\n" + headers + "\r\n");
    return client.response();
  }
  HttpServer server;
};

TEST(Access, WithATokenEverythingUnderV1AsksForIt) {
  Door door("s3cret");
  EXPECT_EQ(door.put("Host: lamps.example.com\r\nAuthorization: Bearer s3cret\r\n").body(), "lit");
  EXPECT_EQ(door.put("Host: a\r\nauthorization: bearer s3cret\r\n").body(), "lit");

  auto without = door.put("Host: 127.0.0.1\r\n");
  EXPECT_EQ(without.result_int(), 401u);
  EXPECT_EQ(without[http::field::www_authenticate], R"(Bearer realm="lamplighter")");
  EXPECT_EQ(without[http::field::content_type], "application/problem+json");
  EXPECT_THAT(document(without)["detail"].as_string().c_str(), HasSubstr("expected the header Authorization: Bearer"));

  for (auto wrong : {"s3cres", "s3cret2", "s3cre", "x", "S3CRET", "s3cret s3cret"}) {
    auto refused = door.put(std::string("Host: a\r\nAuthorization: Bearer ") + wrong + "\r\n");
    EXPECT_EQ(refused.result_int(), 401u) << wrong;
    EXPECT_EQ(refused[http::field::www_authenticate], R"(Bearer realm="lamplighter", error="invalid_token")");
    EXPECT_THAT(refused.body(), Not(HasSubstr("s3c")));
  }
  for (auto other : {"Basic czNjcmV0", "s3cret", "Bearer", "Bearers3cret", ""}) {
    EXPECT_EQ(door.put(std::string("Host: a\r\nAuthorization: ") + other + "\r\n").result_int(), 401u) << other;
  }
  // Nobody learns without it what there is.
  EXPECT_EQ(door.put("Host: a\r\n", "/v1/nothing").result_int(), 401u);
  EXPECT_EQ(door.put("Host: a\r\n", "/%76%31/lamp").result_int(), 401u);
  EXPECT_EQ(door.put("Host: a\r\n", "http://a/v1/lamp").result_int(), 401u);
  EXPECT_EQ(Client(door.server).request(http::verb::get, "/healthz").result_int(), 200u);
}

TEST(Access, WithoutATokenTheHostMustBeThisMachineItself) {
  Door door("");
  for (auto host : {"127.0.0.1", "127.0.0.1:8080", "127.7.7.7", "localhost", "LocalHost:80", "[::1]", "[::1]:8080"}) {
    EXPECT_EQ(door.put(std::string("Host: ") + host + "\r\n").body(), "lit") << host;
  }
  for (auto host : {"attacker.example", "attacker.example:8080", "127.0.0.1.attacker.example",
                    "localhost.attacker.example", "192.0.2.7", "0.0.0.0", "", "[2001:db8::1]:8080"}) {
    auto refused = door.put(std::string("Host: ") + host + "\r\n");
    EXPECT_EQ(refused.result_int(), 403u) << host;
    EXPECT_THAT(document(refused)["detail"].as_string().c_str(), HasSubstr("expected localhost or a loopback address"));
  }
  EXPECT_EQ(door.put("").result_int(), 403u);
  EXPECT_EQ(door.put("Host: localhost\r\nHost: attacker.example\r\n").result_int(), 403u);
  EXPECT_EQ(document(door.put("Host: \xff[31m\r\n"))["status"], 403);
}

}  // namespace
}  // namespace lamplighter::api
