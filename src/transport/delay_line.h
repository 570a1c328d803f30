#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/flow.h"
#include "transport/interceptor.h"

namespace lamplighter::transport {

/// Datagrams an interceptor holds back, by the time they may go on; of equal times the first to come goes first.
class DelayLine {
 public:
  struct Item {
    TimePoint at;
    std::uint64_t sequence;
    Direction direction;
    Flow flow;
    std::string bytes;
    friend bool operator<(const Item& a, const Item& b) {  // for a heap: the earliest on top
      return a.at != b.at ? a.at > b.at : a.sequence > b.sequence;
    }
  };

  void push(TimePoint at, Direction direction, const Flow& flow, std::string_view bytes) {
    heap_.push_back({at, ++sequence_, direction, flow, std::string(bytes)});
    std::push_heap(heap_.begin(), heap_.end());
  }

  std::optional<TimePoint> next() const {
    return heap_.empty() ? std::nullopt : std::optional<TimePoint>(heap_.front().at);
  }

  /// Takes out one that is due.
  std::optional<Item> pop(TimePoint now) {
    if (heap_.empty() || heap_.front().at > now) return std::nullopt;
    std::pop_heap(heap_.begin(), heap_.end());
    Item item = std::move(heap_.back());
    heap_.pop_back();
    return item;
  }

 private:
  std::vector<Item> heap_;
  std::uint64_t sequence_ = 0;
};

}  // namespace lamplighter::transport
