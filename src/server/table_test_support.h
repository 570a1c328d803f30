#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/executor.h"
#include "base/sender.h"
#include "base/timer_wheel.h"
#include "sip/message.h"
#include "transaction/table.h"

// A transaction table without network: requests are put in as text, responses come out as text.
namespace lamplighter::server {

/// Remembers what would have been sent.
class FakeSender final : public Sender {
 public:
  bool send(const Flow&, std::string_view bytes) override {
    sent.emplace_back(bytes);
    return true;
  }
  std::vector<std::string> sent;
};

/// Runs what was posted when told to.
class FakeExecutor final : public Executor {
 public:
  void post(Task task) override { tasks.push_back(std::move(task)); }
  void run() {
    for (auto& task : std::exchange(tasks, {})) task();
  }
  std::vector<Task> tasks;
};

/// The table with its surroundings; `handle` is the transaction user under test.
class TableHarness : private transaction::TransactionUser {
 public:
  using Handle =
      std::function<void(transaction::ServerId, const sip::Message& request, const Flow& flow, TimePoint now)>;
  explicit TableHarness(Handle handle) : handle_(std::move(handle)) {
    flow.remote = SocketAddress::parse("192.0.2.17:2048").value();
    flow.local = SocketAddress::parse("192.0.2.1:5060").value();
  }

  /// What came back at once, joined; empty when nothing did.
  std::string request(const std::string& text) {
    const auto before = sender.sent.size();
    sip::Message message;
    EXPECT_TRUE(message.parse(text)) << text;
    table.on_message(message, flow, clock.now());
    return since(before);
  }
  /// What has become due by now.
  void run_timers() {
    wheel.advance(clock.now(), [&](TimerWheel::Expired due) { table.on_timer(due.owner, due.kind, clock.now()); });
  }
  /// Everything sent after the first `count` messages, joined.
  std::string since(std::size_t count) const {
    std::string all;
    for (auto i = count; i < sender.sent.size(); ++i) all += sender.sent[i];
    return all;
  }

  ManualClock clock;
  FakeSender sender;
  TimerWheel wheel{clock.now()};
  Flow flow;
  transaction::Table table{sender, wheel, *this, {}, 0, {1, 2}, {}};

 private:
  void on_request(transaction::ServerId id, const sip::Message& request, const Flow& from, TimePoint now) override {
    handle_(id, request, from, now);
  }
  void on_cancel(transaction::ServerId id, transaction::ServerId, const sip::Message& request, const Flow& from,
                 TimePoint now) override {
    handle_(id, request, from, now);
  }
  void on_ack(transaction::ServerId, const sip::Message&, const Flow&, TimePoint) override {}
  void on_response(transaction::ClientId, std::uint64_t, const sip::Message&, const Flow&, TimePoint) override {}
  void on_failure(transaction::ClientId, std::uint64_t, transaction::Failure, TimePoint) override {}
  void on_stray_response(const sip::Message&, const Flow&, TimePoint) override {}

  Handle handle_;
};

}  // namespace lamplighter::server
