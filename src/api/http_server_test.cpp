#include "api/http_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <thread>

#include "api/test_client.h"

namespace lamplighter::api {
namespace {

using namespace test;
using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::StartsWith;

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
  auto error = [](std::string listen, std::string token = {}) {
    HttpServer second({.listen = std::move(listen), .token = std::move(token)});
    auto opened = second.open();
    return opened ? "no error" : opened.error();
  };
  auto taken = server->bound().to_string();
  EXPECT_EQ(error(taken), "http:" + taken +
                              ": address already in use; another program has this port, `ss -ltnp 'sport = :" +
                              std::to_string(server->bound().port) + "'` shows which");
  EXPECT_THAT(error("203.0.113.77:8080", "secret"),
              HasSubstr("no interface of this machine has the address 203.0.113.77"));
  EXPECT_THAT(error("8080"), HasSubstr("http: \"8080\" is not an address with a port"));
  for (auto reachable : {"0.0.0.0:8080", "[::]:8080", "203.0.113.77:8080"}) {
    EXPECT_THAT(error(reachable),
                AllOf(HasSubstr(reachable), HasSubstr("needed: set http.token_file, or http.listen")));
  }
}

TEST(HttpServer, TimersRunOnTheControlThreadUnlessCancelled) {
  Running server({}, [&](HttpServer& http) {
    http.route("GET", "/timers", [&](const Request&, Answer answer) {
      auto text = std::make_shared<std::string>();
      auto thread = std::this_thread::get_id();
      auto note = [text, thread](char c) { *text += std::this_thread::get_id() == thread ? c : '?'; };
      auto never = http.after(1ms, [note] { note('x'); });
      http.after(20ms, [note, text, answer = std::move(answer)]() mutable {
        note('c');
        answer({.body = *text, .headers = {}});
      });
      http.after(10ms, [note] { note('b'); });
      http.after(0ms, [note] { note('a'); });
      http.cancel(never);
    });
  });
  EXPECT_EQ(Client(*server).request(http::verb::get, "/timers").body(), "abc");
}

TEST(HttpServer, StopDropsTimersAndWhatTheyHold) {
  auto held = std::make_shared<int>();
  Running server({}, [&](HttpServer& http) {
    http.route("GET", "/timer", [&](const Request&, Answer answer) {
      http.after(1h, [held, answer = std::move(answer)]() mutable { answer({.body = {}, .headers = {}}); });
    });
  });
  Client client(*server);
  client.send("GET /timer HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(eventually([&] { return held.use_count() > 1; }));
  server->stop();
  EXPECT_EQ(client.rest(), "");
  EXPECT_EQ(held.use_count(), 1);
}

TEST(HttpServer, APosterMayOutliveTheServer) {
  auto held = std::make_shared<int>();
  std::function<void(Task)> post;
  {
    Running server;
    post = server->poster();
    std::promise<void> ran;
    post([&] { ran.set_value(); });
    ran.get_future().wait();
  }
  post([held] { FAIL() << "there is no server"; });
  EXPECT_EQ(held.use_count(), 1);
}

TEST(HttpServer, NamedSegmentsAreDecodedOneByOne) {
  Running server({}, [](HttpServer& http) {
    auto say = [&](std::string_view pattern, std::string text) {
      http.route("GET", pattern, [text](const Request& request, Answer answer) {
        std::string body = text;
        for (const auto& [name, value] : request.params) body += " " + name + "=" + value;
        answer({.body = body, .headers = {}});
      });
    };
    say("/rooms/{room}/lamps/{lamp}", "lamp");
    say("/rooms/{room}/lamps/all", "all");
    say("/rooms/{room}", "room");
    say("/rooms/hall", "hall");
  });
  Client client(*server);
  auto get = [&](std::string_view target) { return client.request(http::verb::get, target); };
  EXPECT_EQ(get("/rooms/a%2Fb/lamps/t%C3%BCr").body(), "lamp room=a/b lamp=tür");
  EXPECT_EQ(get("/rooms/101@d/lamps/all?x=1").body(), "all room=101@d");
  EXPECT_EQ(get("/rooms/%68all").body(), "hall");
  EXPECT_EQ(get("/rooms/hall/lamps/2").body(), "lamp room=hall lamp=2");
  EXPECT_EQ(get("/rooms/+49%2B1").body(), "room room=+49+1");
  for (auto nothing :
       {"/rooms/", "/rooms", "/rooms//lamps/1", "/rooms/a/b/lamps/1", "/rooms%2Fa", "/rooms/a/lamps/1/"}) {
    EXPECT_EQ(get(nothing).result_int(), 404u) << nothing;
  }
  EXPECT_EQ(document(get("/rooms/a%ff"))["detail"], "the path has bytes that are not UTF-8");
  EXPECT_EQ(document(get("/rooms/a%0Ab"))["detail"], "the path has a control character");
  EXPECT_EQ(get("/rooms/a%zz").result_int(), 400u);
  auto wrong = client.request(http::verb::put, "/rooms/a%2Fb");
  EXPECT_EQ(wrong[http::field::allow], "GET, HEAD");
  EXPECT_EQ(document(wrong)["detail"], "/rooms/a%2Fb takes GET, HEAD");
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
