#pragma once

#include <algorithm>
#include <chrono>
#include <optional>

#include "store/store.h"

namespace lamplighter::store {

/// When a store that is being written forgets presses, and which. Measured by the newest press written since it was
/// opened, not by the newest on record: that one may come from a time when the machine's clock was ahead, and would
/// have all others forgotten at once.
class PressWindow {
 public:
  struct Range {
    WallTime first, last;
    bool holds(WallTime at) const { return first <= at && at <= last; }
  };

  /// A press is written. Now and then: forget all that are out of this range.
  std::optional<Range> add(WallTime at) {
    newest_ = std::max(newest_, at);
    if (pruned_ && newest_ - *pruned_ < kInterval) return std::nullopt;
    pruned_ = newest_;
    return Range{newest_ - kPressesKept, newest_ + kPressesKept};
  }

 private:
  static constexpr std::chrono::minutes kInterval{1};

  WallTime newest_{};
  std::optional<WallTime> pruned_;
};

}  // namespace lamplighter::store
