#include <benchmark/benchmark.h>

#include <chrono>
#include <vector>

#include "base/timer_wheel.h"

// What a timer costs, with few and with many others waiting.

namespace {

using namespace lamplighter;
using namespace std::chrono_literals;

void fill(TimerWheel& wheel, std::int64_t waiting) {
  for (std::int64_t i = 0; i < waiting; ++i) {
    wheel.schedule(TimePoint{} + 1h + std::chrono::milliseconds{i}, static_cast<std::uint64_t>(i), 0);
  }
}

// What most timers are: set when a request goes out, and cancelled when its answer comes.
void schedule_and_cancel(benchmark::State& state) {
  TimerWheel wheel{TimePoint{}};
  fill(wheel, state.range(0));
  for (auto _ : state) {
    benchmark::DoNotOptimize(wheel.cancel(wheel.schedule(TimePoint{} + 500ms, 1, 0)));
  }
}
BENCHMARK(schedule_and_cancel)->Arg(0)->Arg(100'000)->Arg(1'000'000);

// The others: Timers I, J and K of 5 and 32 s, a thousand a second.
void schedule_and_fire(benchmark::State& state) {
  TimerWheel wheel{TimePoint{}};
  TimePoint now{};
  std::uint64_t fired = 0;
  std::int64_t count = 0;
  for (auto _ : state) {
    wheel.schedule(now + (count % 2 == 0 ? 5s : 32s), 1, 0);
    ++count;
    now += 1ms;
    wheel.advance(now, [&](TimerWheel::Expired) { ++fired; });
  }
  benchmark::DoNotOptimize(fired);
}
BENCHMARK(schedule_and_fire);

// A turn of the loop in which no timer is due.
void advance_idle(benchmark::State& state) {
  TimerWheel wheel{TimePoint{}};
  fill(wheel, state.range(0));
  TimePoint now{};
  for (auto _ : state) {
    now += 50us;
    wheel.advance(now, [](TimerWheel::Expired) {});
    benchmark::DoNotOptimize(wheel.next());
    if (now > TimePoint{} + 30min) now = TimePoint{};
  }
}
BENCHMARK(advance_idle)->Arg(0)->Arg(100'000);

}  // namespace
