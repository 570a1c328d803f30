#include <benchmark/benchmark.h>

#include <chrono>
#include <string>
#include <vector>

#include "base/sender.h"
#include "base/timer_wheel.h"
#include "sip/message.h"
#include "sip/writer.h"
#include "transaction/table.h"

// What finding a transaction costs, and making one and ending it, with few and with many others in the table.

namespace {

using namespace lamplighter;
using namespace std::chrono_literals;

const Flow kFlow{.remote = {IpAddress::v4(0xc0000201), 5060}, .local = {IpAddress::v4(0xc0000202), 5060}};

class Nowhere final : public Sender {
 public:
  bool send(const Flow&, std::string_view) override { return true; }
};

/// Answers every request with 200 at once, as a registrar does.
class Answering final : public transaction::TransactionUser {
 public:
  void on_request(transaction::ServerId id, const sip::Message& request, const Flow& flow, TimePoint now) override {
    sip::begin_response(response_, request, 200, "OK", "a1b2c3d4", flow.remote).no_body();
    table->respond(id, 200, response_, now);
  }
  void on_cancel(transaction::ServerId, transaction::ServerId, const sip::Message&, const Flow&, TimePoint) override {}
  void on_ack(transaction::ServerId, const sip::Message&, const Flow&, TimePoint) override {}
  void on_response(transaction::ClientId, std::uint64_t, const sip::Message&, const Flow&, TimePoint) override {}
  void on_failure(transaction::ClientId, std::uint64_t, transaction::Failure, TimePoint) override {}
  void on_stray_response(const sip::Message&, const Flow&, TimePoint) override {}

  transaction::Table* table = nullptr;

 private:
  std::string response_;
};

struct Rig {
  Rig() { user.table = &table; }

  void take(std::string_view text) {
    if (message.parse(text)) table.on_message(message, kFlow, now);
  }
  void wait(std::chrono::milliseconds time) {
    now += time;
    wheel.advance(now, [&](TimerWheel::Expired timer) { table.on_timer(timer.owner, timer.kind, now); });
  }

  Nowhere sender;
  Answering user;
  TimePoint now{};
  TimerWheel wheel{now};
  transaction::Table table{sender, wheel, user, {}, 0, {0x5eed, 1}, {}};
  sip::Message message;
};

std::string request(std::size_t number) {
  const auto text = std::to_string(number);
  return "MESSAGE sip:101@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.7:3072;branch=z9hG4bK-d2b1vgtb" + text +
         ";rport\r\nMax-Forwards: 70\r\nFrom: <sip:101@192.0.2.1>;tag=ujs5ofhcqr\r\nTo: <sip:431@192.0.2.1>\r\n"
         "Call-ID: 3c2e7d0f7d1d-" +
         text + "\r\nCSeq: 1 MESSAGE\r\nContent-Length: 0\r\n\r\n";
}

void parse_only(benchmark::State& state) {
  Rig rig;
  const auto text = request(0);
  for (auto _ : state) {
    if (!rig.message.parse(text)) state.SkipWithError("cannot be parsed");
    benchmark::DoNotOptimize(rig.message);
  }
}
BENCHMARK(parse_only);

// Parse included: the table asks the message for what the key is made of, and that is read when it is first asked for.
void find_retransmission(benchmark::State& state) {
  Rig rig;
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < static_cast<std::size_t>(state.range(0)); ++i) rig.take(texts.emplace_back(request(i)));
  std::size_t next = 0;
  for (auto _ : state) {
    rig.take(texts[next]);
    next = (next + 7919) % texts.size();  // not the neighbour: that would be in the cache
  }
  if (rig.table.counters().request_retransmissions_absorbed < static_cast<std::uint64_t>(state.iterations())) {
    state.SkipWithError("was not taken for a retransmission");
  }
}
BENCHMARK(find_retransmission)->Arg(100)->Arg(10'000)->Arg(100'000);

// A request, its answer, and Timer J 32 s later: what one REGISTER costs the transaction layer.
void make_and_end(benchmark::State& state) {
  Rig rig;
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < 100'000; ++i) texts.push_back(request(i));
  std::size_t next = 0;
  for (auto _ : state) {
    rig.take(texts[next]);
    if (++next == texts.size()) next = 0;
    if (next % 1000 == 0) rig.wait(1s);
  }
}
BENCHMARK(make_and_end);

}  // namespace
