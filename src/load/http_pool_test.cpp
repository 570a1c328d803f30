#include "load/http_pool.h"

#include <gtest/gtest.h>
#include <sys/epoll.h>

#include <atomic>
#include <set>

#include "load/test_responder.h"

namespace lamplighter::load {
namespace {

class HttpPoolTest : public testing::Test {
 protected:
  ~HttpPoolTest() override { close(epoll_); }

  HttpPool& open(const SocketAddress& server, std::uint32_t connections = 1, std::string_view token = {}) {
    return pool_.emplace(server, token, connections, epoll_, kFirstTag);
  }
  // Turns the loop until so many answers are there, or ten seconds are over.
  std::vector<HttpReply> replies(std::size_t count) {
    std::vector<HttpReply> all;
    for (int turn = 0; turn < 1000; ++turn) {
      for (auto& reply : pool_->take_replies()) all.push_back(std::move(reply));
      if (all.size() >= count) break;
      epoll_event events[8];
      const int ready = epoll_wait(epoll_, events, 8, 10);
      for (int i = 0; i < ready; ++i) pool_->on_event(events[i].data.u32, events[i].events);
    }
    return all;
  }

  static constexpr std::uint32_t kFirstTag = 7;
  int epoll_ = epoll_create1(EPOLL_CLOEXEC);
  std::optional<HttpPool> pool_;
};

TEST_F(HttpPoolTest, AsksAndIsAnswered) {
  HttpResponder server([](const HttpResponder::Request& request) {
    EXPECT_EQ(header_value(request.head, "Authorization"), "Bearer secret");
    EXPECT_FALSE(header_value(request.head, "Host").empty());
    return HttpResponder::json(request.method + " " + request.target + " " + request.body, "201 Created");
  });
  open(server.address(), 1, "secret").send(42, "PUT", "/v1/phones/101", R"({"a":1})");
  const auto all = replies(1);
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].id, 42U);
  EXPECT_EQ(all[0].status, 201);
  EXPECT_EQ(all[0].body, R"(PUT /v1/phones/101 {"a":1})");
}

TEST_F(HttpPoolTest, MoreRequestsThanConnectionsWaitForTheirTurn) {
  std::atomic<int> asked = 0;
  HttpResponder server([&](const HttpResponder::Request& request) {
    ++asked;
    return HttpResponder::json(request.target);
  });
  auto& pool = open(server.address(), 3);
  for (std::uint32_t i = 0; i < 50; ++i) pool.send(i, "GET", "/" + std::to_string(i), {});
  const auto all = replies(50);
  ASSERT_EQ(all.size(), 50U);
  std::set<std::uint32_t> ids;
  for (const auto& reply : all) {
    EXPECT_EQ(reply.body, "/" + std::to_string(reply.id));
    ids.insert(reply.id);
  }
  EXPECT_EQ(ids.size(), 50U);
  EXPECT_EQ(asked, 50);
}

TEST_F(HttpPoolTest, TakesABodyLargerThanAnyBuffer) {
  const std::string large(3'000'000, 'x');
  HttpResponder server([&](const HttpResponder::Request& request) {
    EXPECT_EQ(request.body.size(), large.size());
    return HttpResponder::json(large);
  });
  open(server.address()).send(1, "PUT", "/", large);
  const auto all = replies(1);
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].body.size(), large.size());
}

TEST_F(HttpPoolTest, ABrokenConnectionIsStatusZeroAndTheNextRequestHasANewOne) {
  std::atomic<int> asked = 0;
  HttpResponder server(
      [&](const HttpResponder::Request&) { return ++asked == 1 ? std::string() : HttpResponder::json("{}"); });
  auto& pool = open(server.address());
  pool.send(1, "GET", "/", {});
  pool.send(2, "GET", "/", {});
  const auto all = replies(2);
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].status, 0);
  EXPECT_EQ(all[1].id, 2U);
  EXPECT_EQ(all[1].status, 200);
}

TEST_F(HttpPoolTest, WhatIsNoHttpIsStatusZero) {
  HttpResponder server([](const HttpResponder::Request& request) -> std::string {
    if (request.target == "/chunked") return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    if (request.target == "/length") return "HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n";
    if (request.target == "/more") return HttpResponder::json("{}") + "and more";
    return "SIP/2.0 200 OK\r\n\r\n";
  });
  auto& pool = open(server.address());
  std::uint32_t id = 0;
  for (const auto* target : {"/chunked", "/length", "/more", "/sip"}) pool.send(id++, "GET", target, {});
  const auto all = replies(4);
  ASSERT_EQ(all.size(), 4U);
  for (const auto& reply : all) EXPECT_EQ(reply.status, 0) << reply.id;
}

TEST_F(HttpPoolTest, SaysThatNobodyListens) {
  SocketAddress nobody;
  {
    const HttpResponder server([](const HttpResponder::Request&) { return std::string(); });
    nobody = server.address();
  }
  auto& pool = open(nobody);
  pool.send(1, "GET", "/", {});
  const auto all = replies(1);
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].status, 0);
  EXPECT_TRUE(pool.take_refused());
  EXPECT_FALSE(pool.take_refused());
}

TEST_F(HttpPoolTest, ACancelledRequestIsNeverAnswered) {
  std::atomic<bool> go = false;
  HttpResponder server([&](const HttpResponder::Request& request) {
    if (request.target == "/slow") go.wait(false);
    return HttpResponder::json(request.target);
  });
  auto& pool = open(server.address());
  pool.send(1, "GET", "/slow", {});
  pool.send(1, "GET", "/queued", {});
  pool.send(2, "GET", "/next", {});
  pool.cancel(1);
  const auto all = replies(1);
  go = true;
  go.notify_all();
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].body, "/next");
}

}  // namespace
}  // namespace lamplighter::load
