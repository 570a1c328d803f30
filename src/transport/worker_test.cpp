#include "transport/worker_test.h"

#include <gmock/gmock.h>

#include <atomic>
#include <map>
#include <set>

namespace lamplighter::transport {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

TEST(Worker, AnswersOnTheFlowADatagramArrivedOn) {
  for (auto any_port : {"127.0.0.1:0", "[::1]:0"}) {
    Running server(std::string("udp:") + any_port);
    Phone phone(any_port);
    phone.send(server.address(), "REGISTER");
    EXPECT_EQ(phone.receive(), "REGISTER");
    EXPECT_EQ(phone.from, server.address());
    auto flow = server.echo.seen().at(0).first;
    EXPECT_EQ(flow.remote, phone.address());
    EXPECT_EQ(flow.local, server.address());
    EXPECT_EQ(flow.kind, TransportKind::kUdp);
    EXPECT_EQ(flow.worker, 0);
  }
}

//  phone 127.0.0.1       server 0.0.0.0
//    | to 127.0.0.9         |
//    |--------------------->|  local 127.0.0.9, not 0.0.0.0
//    |<---- from 127.0.0.9 -|
TEST(Worker, ASocketOnAnyAddressKnowsAndKeepsTheAddressThatWasAsked) {
  Running server("udp:0.0.0.0:0");
  Phone phone;
  SocketAddress asked{at("127.0.0.9:1").ip, server.address().port};
  phone.send(asked, "x");
  EXPECT_EQ(phone.receive(), "x");
  EXPECT_EQ(phone.from, asked);
  EXPECT_EQ(server.echo.seen().at(0).first.local, asked);
}

TEST(Worker, AnIpv6SocketOnAnyAddressDoesToo) {
  Running server("udp:[::]:0");
  Phone phone("[::1]:0");
  SocketAddress asked{at("[::1]:1").ip, server.address().port};
  phone.send(asked, "x");
  EXPECT_EQ(phone.receive(), "x");
  EXPECT_EQ(phone.from, asked);
  EXPECT_EQ(server.echo.seen().at(0).first.local, asked);
}

TEST(Worker, ReportsWhichListenerAndWorker) {
  auto settings = Running::settings_for("udp:127.0.0.1:0");
  settings.index = 5;
  settings.listen.push_back(listen_on("udp:[::1]:0"));
  Running server(settings);
  Phone phone("[::1]:0");
  phone.send(server.address(1), "x");
  EXPECT_EQ(phone.receive(), "x");
  auto flow = server.echo.seen().at(0).first;
  EXPECT_EQ(flow.listener, 1);
  EXPECT_EQ(flow.worker, 5);
}

TEST(Worker, ManyDatagramsAllComeBackInOrder) {
  auto settings = Running::settings_for("udp:127.0.0.1:0");
  settings.batch = 4;
  Running server(settings);
  Phone phone;
  for (int round = 0; round < 20; ++round) {
    for (int i = 0; i < 50; ++i) phone.send(server.address(), std::to_string(round * 50 + i));
    for (int i = 0; i < 50; ++i) ASSERT_EQ(phone.receive(), std::to_string(round * 50 + i));
  }
  auto counters = server.worker.counters();
  EXPECT_EQ(counters.received, 1000u);
  EXPECT_TRUE(eventually([&] { return server.worker.counters().sent == 1000; }));
  counters = server.worker.counters();
  EXPECT_EQ(counters.received_bytes, counters.sent_bytes);
  EXPECT_EQ(counters.send_failed + counters.receive_dropped + counters.keepalives, 0u);
}

TEST(Worker, TheLargestDatagramPasses) {
  Running server("udp:127.0.0.1:0");
  Phone phone;
  std::string large(65507, 'x');
  for (int i = 0; i < 5; ++i) {
    phone.send(server.address(), large);
    EXPECT_EQ(phone.receive(), large);
  }
}

TEST(Worker, KeepalivesAreCountedNotHandedOn) {
  Running server("udp:127.0.0.1:0");
  Phone phone;
  for (auto keepalive : {std::string("\r\n\r\n"), std::string("\r\n"), std::string(4, '\0'), std::string()}) {
    phone.send(server.address(), keepalive);
  }
  phone.send(server.address(), "\r\nOPTIONS");
  EXPECT_EQ(phone.receive(), "\r\nOPTIONS");
  EXPECT_THAT(server.echo.seen(), SizeIs(1));
  EXPECT_EQ(server.worker.counters().keepalives, 4u);
  EXPECT_EQ(server.worker.counters().received, 5u);
}

TEST(Worker, AFlowToAPeerThatNeverSentAnything) {
  auto settings = Running::settings_for("udp:0.0.0.0:0");
  Running server(settings);
  Phone phone;
  auto flow = server.worker.flow_to(phone.address());
  ASSERT_TRUE(flow);
  EXPECT_EQ(flow->local, (SocketAddress{at("127.0.0.1:1").ip, server.address().port}));
  server.on_thread([&] { EXPECT_TRUE(server.worker.send(*flow, "NOTIFY")); });
  EXPECT_EQ(phone.receive(), "NOTIFY");
  EXPECT_FALSE(server.worker.flow_to(at("[::1]:5060")));
  EXPECT_FALSE(server.worker.flow_to(phone.address(), TransportKind::kTcp));
}

TEST(Worker, UnknownConnectionsAndListenersAreGone) {
  Running server("udp:127.0.0.1:0");
  auto flow = server.worker.flow_to(at("127.0.0.1:9")).value();
  server.on_thread([&] {
    auto other = flow;
    other.connection = 1;
    EXPECT_FALSE(server.worker.send(other, "x"));
    other = flow;
    other.kind = TransportKind::kTls;
    EXPECT_FALSE(server.worker.send(other, "x"));
    other = flow;
    other.listener = 1;
    EXPECT_FALSE(server.worker.send(other, "x"));
  });
}

TEST(Worker, ARefusedDatagramIsCountedAndTheOthersGoOn) {
  Running server("udp:127.0.0.1:0");
  Phone phone;
  auto good = server.worker.flow_to(phone.address()).value();
  auto closed = server.worker.flow_to(at("127.0.0.1:1")).value();  // an ICMP error comes back: nobody's concern
  auto unreachable = good;
  unreachable.remote = at("8.8.8.8:5060");  // not from a socket on 127.0.0.1: EINVAL
  server.on_thread([&] {
    server.worker.send(good, "1");
    server.worker.send(unreachable, "lost");
    server.worker.send(closed, "lost");
    server.worker.send(good, std::string(65508, 'x'));  // EMSGSIZE
    server.worker.send(good, std::string(300'000, 'x'));
    server.worker.send(good, "2");
  });
  EXPECT_EQ(phone.receive(), "1");
  EXPECT_EQ(phone.receive(), "2");
  EXPECT_TRUE(eventually([&] { return server.worker.counters().send_failed == 3; }));
  EXPECT_EQ(server.worker.counters().sent, 3u);
  phone.send(server.address(), "still there");
  EXPECT_EQ(phone.receive(), "still there");
}

TEST(Worker, WhatTheKernelDropsIsCounted) {
  auto settings = Running::settings_for("udp:127.0.0.1:0");
  settings.receive_buffer = 2048;
  Running server(settings, false);
  Phone phone;
  std::promise<void> unblock;
  server.worker.post([&] { unblock.get_future().wait(); });
  for (int i = 0; i < 200; ++i) phone.send(server.address(), std::string(500, 'x'));
  unblock.set_value();
  // The kernel tells with the next datagram it does take.
  ASSERT_TRUE(eventually([&] {
    phone.send(server.address(), "next");
    return server.worker.counters().receive_dropped > 0;
  }));
  EXPECT_GT(server.worker.counters().receive_dropped, 100u);
}

TEST(Worker, TasksOfAThreadRunInTheOrderPosted) {
  Running server("udp:127.0.0.1:0");
  constexpr int kThreads = 4, kTasks = 2000;
  std::map<int, std::vector<int>> ran;  // only the worker's thread touches it
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kTasks; ++i) server.worker.post([&ran, t, i] { ran[t].push_back(i); });
    });
  }
  for (auto& thread : threads) thread.join();
  server.worker.stop();
  for (int t = 0; t < kThreads; ++t) {
    ASSERT_THAT(ran[t], SizeIs(kTasks));
    EXPECT_TRUE(std::is_sorted(ran[t].begin(), ran[t].end()));
  }
}

TEST(Worker, StopRunsWhatWasPostedAndNothingAfter) {
  Running server("udp:127.0.0.1:0");
  std::atomic<int> ran{0};
  Phone phone;
  auto flow = server.worker.flow_to(phone.address()).value();
  server.worker.post([&] {
    ++ran;
    server.worker.send(flow, "goodbye");
  });
  server.worker.stop();
  server.worker.stop();
  EXPECT_EQ(ran, 1);
  EXPECT_EQ(phone.receive(), "goodbye");
  auto held = std::make_shared<int>(1);
  std::weak_ptr<int> alive = held;
  server.worker.post([&ran, held = std::move(held)] { ++ran; });
  EXPECT_TRUE(alive.expired());
  EXPECT_EQ(ran, 1);
  Running reborn("udp:" + server.address().to_string());  // the port is free again
}

TEST(Worker, NeverStartedItStopsQuietly) {
  SystemClock clock;
  Worker worker(Running::settings_for("udp:127.0.0.1:0"), clock);
  ASSERT_TRUE(worker.open());
  worker.post([] { FAIL() << "there is no thread"; });
  worker.stop();
}

TEST(Worker, TimersFireInOrderAndNeverEarly) {
  Running server("udp:127.0.0.1:0");
  std::promise<void> done;
  std::vector<std::uint64_t> fired;
  std::map<std::uint64_t, TimePoint> due;
  server.echo.on_fired = [&](std::uint64_t owner, TimePoint now) {
    fired.push_back(owner);
    EXPECT_GE(now, due[owner]);
    if (owner == 1) due[4] = now + 1ms, server.echo.wheel.schedule(due[4], 4, 0);
    if (fired.size() == 4) done.set_value();
  };
  server.worker.post([&] {
    auto now = server.clock.now();
    for (auto [owner, after] : std::map<std::uint64_t, Duration>{{3, 60ms}, {2, 40ms}, {1, 5ms}}) {
      due[owner] = now + after;
      server.echo.wheel.schedule(due[owner], owner, 0);
    }
  });
  ASSERT_EQ(done.get_future().wait_for(20s), std::future_status::ready);
  server.worker.stop();
  EXPECT_THAT(fired, ElementsAre(1, 4, 2, 3));
}

/// Loses, doubles or delays by the datagram's first letter.
struct Scripted : Interceptor {
  void pass(Direction direction, const Flow&, std::string_view bytes, std::vector<Duration>& delays) override {
    if (direction == Direction::kOut) ++out;
    if (bytes.starts_with(direction == Direction::kIn ? "lost in" : "lost out")) return;
    delays.push_back(bytes.starts_with(direction == Direction::kIn ? "late in" : "late out") ? 30ms : 0ms);
    if (bytes.starts_with(direction == Direction::kIn ? "twice in" : "twice out")) delays.push_back(0ms);
  }
  std::atomic<int> out{0};
};

TEST(Worker, TheInterceptorStandsBetweenItAndTheSocket) {
  auto scripted = std::make_shared<Scripted>();
  Running server(Running::settings_for("udp:127.0.0.1:0"), true, scripted);
  Phone phone;
  for (auto bytes : {"late in", "late out", "lost in", "lost out", "twice in", "twice out", "plain"}) {
    phone.send(server.address(), bytes);
  }
  std::vector<std::string> got;
  for (int i = 0; i < 7; ++i) got.push_back(phone.receive());
  EXPECT_THAT(got, ElementsAre("twice in", "twice in", "twice out", "twice out", "plain", testing::StartsWith("late"),
                               testing::StartsWith("late")));
  EXPECT_EQ(scripted->out, 7);  // seven answers, one of them lost, one doubled
  EXPECT_EQ(server.worker.counters().received, 7u);
}

TEST(Worker, SharingAPortAFlowAlwaysLandsOnTheSameWorker) {
  auto settings = Running::settings_for("udp:127.0.0.1:0");
  SystemClock clock;
  Worker w0(settings, clock);
  ASSERT_TRUE(w0.open());
  settings.index = 1;
  settings.listen = w0.bound();
  Worker w1(settings, clock);
  ASSERT_TRUE(w1.open());
  Echo echo0, echo1;
  echo0.sender = &w0;
  echo1.sender = &w1;
  w0.start(echo0);
  w1.start(echo1);

  std::vector<std::unique_ptr<Phone>> phones;
  for (int i = 0; i < 40; ++i) phones.push_back(std::make_unique<Phone>());
  for (int round = 0; round < 5; ++round) {
    for (auto& phone : phones) {
      phone->send(w0.bound()[0].address, "x");
      ASSERT_EQ(phone->receive(), "x");
      EXPECT_EQ(phone->from, w0.bound()[0].address);
    }
  }
  w0.stop();
  w1.stop();
  std::map<SocketAddress, std::set<int>> workers;
  for (const auto& [flow, bytes] : echo0.seen()) workers[flow.remote].insert(flow.worker);
  for (const auto& [flow, bytes] : echo1.seen()) workers[flow.remote].insert(flow.worker);
  EXPECT_THAT(workers, SizeIs(40));
  for (const auto& [remote, landed] : workers) EXPECT_THAT(landed, SizeIs(1)) << remote.to_string();
  EXPECT_THAT(echo0.seen(), testing::Not(IsEmpty()));
  EXPECT_THAT(echo1.seen(), testing::Not(IsEmpty()));
}

}  // namespace
}  // namespace lamplighter::transport
