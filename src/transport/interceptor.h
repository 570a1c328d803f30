#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/flow.h"
#include "base/random.h"

namespace lamplighter::transport {

enum class Direction : std::uint8_t { kIn, kOut };

/// Stands between the program and the network: says when each datagram passes, and how often.
class Interceptor {
 public:
  virtual ~Interceptor() = default;
  /// Fills `delays` (empty at the call): one entry per copy to pass on, each after that delay; none: lost.
  /// May be called by several workers' threads.
  virtual void pass(Direction direction, const Flow& flow, std::string_view bytes, std::vector<Duration>& delays) = 0;
};

struct FaultSettings {
  std::uint64_t seed = 1;
  double loss = 0;         ///< probability, each way
  double duplication = 0;  ///< probability of a second copy
  double reordering = 0;   ///< probability of an extra `reorder_by` delay, so that later datagrams overtake
  std::chrono::milliseconds delay{0};
  std::chrono::milliseconds jitter{0};  ///< uniform, added to delay
  std::chrono::milliseconds reorder_by{30};

  /// "loss=0.1,dup=0.05,reorder=0.1,delay=20ms,jitter=10ms,seed=42", any subset.
  static std::expected<FaultSettings, std::string> parse(std::string_view text);
};

/// Seeded loss, duplication, delay and reordering. The same seed and the same calls give the same faults.
std::shared_ptr<Interceptor> make_faults(FaultSettings settings);

}  // namespace lamplighter::transport
