#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <mutex>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "base/log.h"
#include "proof/world.h"

// Plays random histories against the whole server in virtual time, until one breaks a promise (docs/proof.md).
namespace {

using namespace lamplighter;
using namespace lamplighter::proof;

struct Options {
  std::uint64_t histories = 10'000;
  std::uint64_t seed = 1;
  unsigned jobs = 2;
  unsigned failures = 1;
  std::string only;
  std::string replay;
  bool trace = false;
  bool shrink = true;
};

std::string describe(const Failure& failure) { return fmt::format("({}) {}", failure.invariant, failure.what); }

int replay(const Options& options) {
  auto text = options.replay;
  if (std::ifstream file(options.replay); file) {
    std::stringstream whole;
    whole << file.rdbuf();
    text = whole.str();
  }
  auto history = History::parse(text);
  if (!history) {
    fmt::print(stderr, "lamplighter-proof: {}\n", history.error());
    return 2;
  }
  WorldOptions world;
  if (options.trace) world.trace = [](const std::string& line) { fmt::print("{}\n", line); };
  const auto verdict = play(*history, world);
  if (!verdict.failure) {
    fmt::print("all promises kept; lamps right {:.3f} s after everything was mended, {} MESSAGEs\n",
               std::chrono::duration<double>(verdict.settled).count(), verdict.requests);
    return 0;
  }
  fmt::print("broken after step {}: {}\n", verdict.step, describe(*verdict.failure));
  if (options.shrink) fmt::print("\n{}", shrink(*history, verdict.failure->invariant).text());
  return 1;
}

/// What all threads have seen.
struct Tally {
  std::atomic<std::uint64_t> next = 0;
  std::atomic<std::uint64_t> played = 0, steps = 0, requests = 0, settled_ms = 0, slowest_ms = 0;
  std::atomic<unsigned> failures = 0;
  std::mutex output;
};

void play_some(const Options& options, Tally& tally) {
  while (tally.failures < options.failures) {
    const auto number = tally.next++;
    if (number >= options.histories) return;
    const auto history = History::random(options.seed + number);
    const auto verdict = play(history);
    ++tally.played;
    tally.steps += history.steps.size();
    tally.requests += verdict.requests;
    const auto settled =
        static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(verdict.settled).count());
    tally.settled_ms += settled;
    for (auto most = tally.slowest_ms.load();
         most < settled && !tally.slowest_ms.compare_exchange_weak(most, settled);) {
    }
    if (!verdict.failure) continue;
    if (!options.only.empty() && options.only.find(verdict.failure->invariant) == std::string::npos) continue;
    if (++tally.failures > options.failures) return;
    const auto small = options.shrink ? shrink(history, verdict.failure->invariant) : history;
    const auto again = play(small);
    std::lock_guard lock(tally.output);
    fmt::print("history {} (--seed {} --histories 1): {}\nshrunk to {} steps: {}\n\n{}\n", number,
               options.seed + number, describe(*verdict.failure), small.steps.size(),
               again.failure ? describe(*again.failure) : "nothing (the fault comes and goes)", small.text());
    std::fflush(stdout);
  }
}

int run(const Options& options) {
  Tally tally;
  const auto begin = std::chrono::steady_clock::now();
  const auto elapsed = [&] { return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count(); };
  std::vector<std::jthread> threads;
  for (unsigned i = 0; i < std::max(options.jobs, 1u); ++i) threads.emplace_back([&] { play_some(options, tally); });
  std::jthread progress([&](const std::stop_token& stop) {
    for (auto shown = 0.0; !stop.stop_requested(); std::this_thread::sleep_for(std::chrono::milliseconds{50})) {
      if (elapsed() < shown + 2) continue;
      shown = elapsed();
      fmt::print(stderr, "\r{} of {} histories, {:.0f}/s ", tally.played.load(), options.histories,
                 static_cast<double>(tally.played.load()) / shown);
    }
  });
  threads.clear();
  progress.request_stop();
  progress.join();
  const auto played = tally.played.load();
  const auto average = [&](const std::atomic<std::uint64_t>& of) {
    return static_cast<double>(of.load()) / static_cast<double>(std::max<std::uint64_t>(played, 1));
  };
  fmt::print(stderr, "\r");
  fmt::print(
      "{} histories from seed {}, {:.1f} steps each, in {:.1f} s ({:.0f}/s, {} jobs)\n"
      "{:.1f} MESSAGEs a history; lamps right {:.1f} s after everything was mended, {:.1f} s at most\n"
      "{}\n",
      played, options.seed, average(tally.steps), elapsed(), static_cast<double>(played) / elapsed(), options.jobs,
      average(tally.requests), average(tally.settled_ms) / 1000, static_cast<double>(tally.slowest_ms) / 1000,
      tally.failures == 0 ? "every promise kept" : "PROMISES BROKEN");
  return tally.failures == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("Random histories against the server: presses, writes, loss, reboots, crashes. See docs/proof.md.");
  app.add_option("--histories", options.histories, "how many")->capture_default_str();
  app.add_option("--seed", options.seed, "of the first; each next one is one more")->capture_default_str();
  app.add_option("--jobs", options.jobs, "threads")->check(CLI::Range(1u, 256u))->capture_default_str();
  app.add_option("--failures", options.failures, "stop after so many")->capture_default_str();
  app.add_option("--only", options.only, "count only these invariants, such as \"bd\"");
  app.add_option("--replay", options.replay, "a history, or a file with one");
  app.add_flag("--trace", options.trace, "with --replay: print what happens");
  app.add_flag("!--no-shrink", options.shrink, "leave failing histories as long as they are");
  CLI11_PARSE(app, argc, argv);
  set_up_log("off");
  return options.replay.empty() ? run(options) : replay(options);
}
