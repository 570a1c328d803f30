#include "transport/sim_network.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <set>

#include "base/timer_wheel.h"

namespace lamplighter::transport {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

SocketAddress at(std::string_view text) { return SocketAddress::parse(text).value(); }

/// A peer that remembers what it got and when, and does what a test tells it to on a message.
class Peer : public Receiver {
 public:
  Peer(SimNetwork& network, ManualClock& clock, std::string_view address, std::uint8_t worker = 0)
      : clock_(clock), start_(clock.now()), wheel_(clock.now()), node(network.add(at(address), worker)) {
    node.attach(*this);
  }
  void on_message(const Flow& flow, std::string_view bytes, TimePoint now) override {
    EXPECT_EQ(now, clock_.now());
    got.emplace_back(bytes);
    times.push_back(now - start_);
    last_flow = flow;
    if (on_got) on_got(flow, bytes);
  }
  void on_timers(TimePoint now) override {
    wheel_.advance(now, [&](const TimerWheel::Expired& expired) {
      fired.push_back(expired.owner);
      times.push_back(now - start_);
    });
  }
  std::optional<TimePoint> next_timer() const override { return wheel_.next(); }
  void send(std::string_view to, std::string_view bytes) { EXPECT_TRUE(node.send(node.flow_to(at(to)), bytes)); }
  void schedule(Duration after, std::uint64_t owner) { wheel_.schedule(clock_.now() + after, owner, 0); }

 private:
  ManualClock& clock_;
  TimePoint start_;
  TimerWheel wheel_;

 public:
  SimNetwork::Node& node;
  std::vector<std::string> got;
  std::vector<Duration> times;
  std::vector<std::uint64_t> fired;
  Flow last_flow;
  std::function<void(const Flow&, std::string_view)> on_got;
};

struct SimNetworkTest : testing::Test {
  ManualClock clock;
  SimNetwork network{clock};
};

//  a                 b
//    | ping          |      1 ms
//    |-------------->|
//    |<-------- pong |      1 ms
TEST_F(SimNetworkTest, AnAnswerComesBackOnTheFlowItArrivedOn) {
  Peer a(network, clock, "192.0.2.1:5060"), b(network, clock, "[2001:db8::2]:5062", 3);
  b.on_got = [&](const Flow& flow, std::string_view) { EXPECT_TRUE(b.node.send(flow, "pong")); };
  a.send("[2001:db8::2]:5062", "ping");
  auto start = clock.now();
  EXPECT_TRUE(network.run_until([&] { return !a.got.empty(); }, 1s));
  EXPECT_EQ(clock.now() - start, 2ms);
  EXPECT_THAT(a.got, ElementsAre("pong"));
  EXPECT_EQ(b.last_flow.remote, at("192.0.2.1:5060"));
  EXPECT_EQ(b.last_flow.local, at("[2001:db8::2]:5062"));
  EXPECT_EQ(b.last_flow.worker, 3);
  EXPECT_EQ(b.last_flow.kind, TransportKind::kUdp);
}

TEST_F(SimNetworkTest, RunForLeavesTheClockExactlyThere) {
  Peer a(network, clock, "192.0.2.1:5060");
  a.schedule(300ms, 1);
  a.schedule(1001ms, 2);
  auto start = clock.now();
  network.run_for(1s);
  EXPECT_EQ(clock.now() - start, 1s);
  EXPECT_THAT(a.fired, ElementsAre(1));
  network.run_for(1ms);
  EXPECT_THAT(a.fired, ElementsAre(1, 2));
  EXPECT_THAT(a.times, ElementsAre(300ms, 1001ms));
}

TEST_F(SimNetworkTest, RunUntilGivesUpAtItsLimit) {
  auto start = clock.now();
  EXPECT_FALSE(network.run_until([] { return false; }, 30s));
  EXPECT_EQ(clock.now() - start, 30s);
}

TEST_F(SimNetworkTest, TimersSetFromOutsideOrMovedEarlierAreSeen) {
  Peer a(network, clock, "192.0.2.1:5060"), b(network, clock, "192.0.2.2:5060");
  a.schedule(10h, 1);
  network.run_for(1s);
  a.schedule(5s, 2);
  b.on_got = [&](const Flow&, std::string_view) { a.schedule(1s, 3); };  // touches another node than its own
  a.send("192.0.2.2:5060", "x");
  network.run_for(10s);
  EXPECT_THAT(a.fired, ElementsAre(3, 2));
  EXPECT_THAT(a.times, ElementsAre(2001ms, 6s));
}

TEST_F(SimNetworkTest, TasksRunNowInTheOrderPosted) {
  Peer a(network, clock, "192.0.2.1:5060");
  std::vector<int> ran;
  auto start = clock.now();
  a.node.post([&] {
    ran.push_back(1);
    a.node.post([&] { ran.push_back(3); });
  });
  a.node.post([&] { ran.push_back(2); });
  EXPECT_THAT(ran, IsEmpty());
  EXPECT_TRUE(network.run_until([&] { return ran.size() == 3; }, 1s));
  EXPECT_THAT(ran, ElementsAre(1, 2, 3));
  EXPECT_EQ(clock.now(), start);
}

TEST_F(SimNetworkTest, DatagramsToNobodyAreLost) {
  Peer a(network, clock, "192.0.2.1:5060");
  network.add(at("192.0.2.3:5060"));  // no receiver yet
  a.send("192.0.2.2:5060", "x");
  a.send("192.0.2.3:5060", "x");
  network.run_for(1s);
  EXPECT_THAT(a.got, IsEmpty());
  Flow connection = a.node.flow_to(at("192.0.2.2:5060"));
  connection.connection = 1;
  EXPECT_FALSE(a.node.send(connection, "x"));
}

TEST_F(SimNetworkTest, ASharedAddressAlwaysGivesARemoteToTheSameNode) {
  Peer w0(network, clock, "192.0.2.1:5060", 0), w1(network, clock, "192.0.2.1:5060", 1);
  std::vector<std::unique_ptr<Peer>> phones;
  for (int i = 0; i < 50; ++i) {
    phones.push_back(std::make_unique<Peer>(network, clock, "198.51.100." + std::to_string(i) + ":5060"));
  }
  for (int round = 0; round < 3; ++round) {
    for (auto& phone : phones) phone->send("192.0.2.1:5060", phone->node.address().to_string());
  }
  network.run_for(1s);
  EXPECT_EQ(w0.got.size() + w1.got.size(), 150u);
  std::set<std::string> seen0(w0.got.begin(), w0.got.end()), seen1(w1.got.begin(), w1.got.end());
  EXPECT_EQ(seen0.size() + seen1.size(), 50u);
  EXPECT_GT(seen0.size(), 10u);
  EXPECT_GT(seen1.size(), 10u);
  EXPECT_EQ(w1.last_flow.worker, 1);
}

TEST_F(SimNetworkTest, ARemovedNodeIsSilentAndDeaf) {
  Peer a(network, clock, "192.0.2.1:5060");
  auto b = std::make_unique<Peer>(network, clock, "192.0.2.2:5060");
  bool ran = false;
  auto held = std::make_shared<int>(1);
  std::weak_ptr<int> alive = held;
  b->schedule(1ms, 1);
  b->node.post([&ran, held = std::move(held)] { ran = true; });
  a.send("192.0.2.2:5060", "x");
  auto& node = b->node;
  network.remove(node);
  EXPECT_TRUE(alive.expired());
  b.reset();
  EXPECT_FALSE(node.send(node.flow_to(at("192.0.2.1:5060")), "ghost"));
  node.post([&] { ran = true; });
  network.run_for(1s);
  EXPECT_FALSE(ran);
  EXPECT_THAT(a.got, IsEmpty());
  Peer reborn(network, clock, "192.0.2.2:5060");
  a.send("192.0.2.2:5060", "again");
  network.run_for(1s);
  EXPECT_THAT(reborn.got, ElementsAre("again"));
}

TEST_F(SimNetworkTest, ANodeMayBeRemovedFromWithinItsOwnCallbacks) {
  Peer a(network, clock, "192.0.2.1:5060"), b(network, clock, "192.0.2.2:5060");
  b.on_got = [&](const Flow& flow, std::string_view) {
    b.node.send(flow, "last words");
    b.schedule(1ms, 1);
    network.remove(b.node);
  };
  a.send("192.0.2.2:5060", "1");
  a.send("192.0.2.2:5060", "2");
  network.run_for(1s);
  EXPECT_THAT(b.got, ElementsAre("1"));
  EXPECT_THAT(b.fired, IsEmpty());
  EXPECT_THAT(a.got, ElementsAre("last words"));
  a.node.post([&] { network.remove(a.node); });
  a.node.post([] { FAIL() << "its node is gone"; });
  network.run_for(1s);
}

TEST_F(SimNetworkTest, TheInterceptorSeesEachDatagramOnceAndDecides) {
  struct Twice : Interceptor {
    void pass(Direction direction, const Flow& flow, std::string_view bytes, std::vector<Duration>& delays) override {
      EXPECT_EQ(direction, Direction::kOut);
      EXPECT_EQ(flow.local, at("192.0.2.1:5060"));
      ++calls;
      if (bytes == "lost") return;
      delays = {30ms, 5ms};
    }
    int calls = 0;
  };
  auto twice = std::make_shared<Twice>();
  network.intercept(twice);
  std::vector<std::string> wire;
  network.observe([&](const SocketAddress& from, const SocketAddress& to, std::string_view bytes) {
    wire.push_back(from.to_string() + " " + to.to_string() + " " + std::string(bytes));
  });
  Peer a(network, clock, "192.0.2.1:5060"), b(network, clock, "192.0.2.2:5060");
  a.send("192.0.2.2:5060", "x");
  a.send("192.0.2.2:5060", "lost");
  network.run_for(1s);
  EXPECT_EQ(twice->calls, 2);
  EXPECT_THAT(b.times, ElementsAre(5ms, 30ms));
  EXPECT_THAT(wire, ElementsAre("192.0.2.1:5060 192.0.2.2:5060 x", "192.0.2.1:5060 192.0.2.2:5060 x"));
}

std::vector<Duration> faulty_run(std::uint64_t seed) {
  ManualClock clock;
  SimNetwork network(clock);
  network.intercept(make_faults({.seed = seed, .loss = 0.2, .duplication = 0.2, .reordering = 0.2, .jitter = 9ms}));
  Peer a(network, clock, "192.0.2.1:5060"), b(network, clock, "192.0.2.2:5060");
  auto echo = [](Peer& peer) {
    return [&peer](const Flow& flow, std::string_view bytes) { peer.node.send(flow, bytes); };
  };
  a.on_got = echo(a);
  b.on_got = echo(b);
  for (int i = 0; i < 50; ++i) a.send("192.0.2.2:5060", std::to_string(i));
  network.run_for(200ms);
  return b.times;
}

TEST(SimNetworkRuns, CanBeRepeatedFromTheirSeed) {
  auto first = faulty_run(5);
  EXPECT_GT(first.size(), 100u);
  EXPECT_EQ(first, faulty_run(5));
  EXPECT_NE(first, faulty_run(6));
}

}  // namespace
}  // namespace lamplighter::transport
