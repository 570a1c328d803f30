#pragma once

#include <atomic>
#include <cstdint>

namespace lamplighter {

/// Counts on one thread, is read by any: a plain add for the writer, never torn for the reader.
class Counter {
 public:
  void operator++() { add(1); }
  void add(std::uint64_t by) { value_.store(value_.load(std::memory_order_relaxed) + by, std::memory_order_relaxed); }
  std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

}  // namespace lamplighter
