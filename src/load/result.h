#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "load/latency.h"
#include "load/options.h"

namespace lamplighter::load {

/// What one run found out.
struct Result {
  Mode mode = Mode::kPress;
  std::uint32_t phones = 0, sockets = 0;
  double seconds = 0;

  std::uint64_t done = 0;                 ///< presses, registrations … finished as they should
  std::uint64_t refused = 0;              ///< answered, but not as hoped: see statuses
  std::uint64_t timeouts = 0;             ///< given up
  std::uint64_t unfinished = 0;           ///< under way at the end
  std::map<int, std::uint64_t> statuses;  ///< final answers by status

  std::uint64_t sent = 0, received = 0;  ///< datagrams
  std::uint64_t retransmissions = 0;     ///< requests sent again by the phones
  std::uint64_t repeats = 0;             ///< messages of the server that had come before
  std::uint64_t unexpected = 0;          ///< lamp messages nobody pressed for
  std::uint64_t messages = 0;            ///< lamp messages, repeats not counted

  Latency answer;  ///< request to final answer
  Latency lamp;    ///< INVITE, or API call, to MESSAGE

  std::optional<pid_t> server;
  std::optional<std::chrono::nanoseconds> server_cpu;
  std::chrono::nanoseconds own_cpu{0};
  std::uint64_t kernel_drops = 0;

  bool server_gone = false;      ///< its port closed during the run
  std::vector<Promise> missing;  ///< Mode::kQuery: promised, but not bound
};

/// For people, several lines.
std::string describe(const Result& result);
/// One JSON object in one line; times in microseconds.
std::string to_json(const Result& result);

}  // namespace lamplighter::load
