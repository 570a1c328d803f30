#pragma once

#include <array>
#include <chrono>
#include <cstdint>

namespace lamplighter::load {

/// How long things took: counts in buckets whose width grows with the value, at most 1.6 % of it (as HdrHistogram
/// does). Adding is a few instructions and never allocates; from 1 ns to 36 minutes, longer counts as that.
class Latency {
 public:
  void add(std::chrono::nanoseconds value);

  std::uint64_t count() const { return count_; }
  std::chrono::nanoseconds max() const { return std::chrono::nanoseconds{max_}; }
  std::chrono::nanoseconds mean() const;
  /// The value that a `share` (0 to 1) of all did not exceed, to 1.6 %; zero when nothing was added.
  std::chrono::nanoseconds quantile(double share) const;

 private:
  static constexpr unsigned kSubBits = 6;  // 64 buckets between a power of two and the next
  static constexpr unsigned kPowers = 36;
  static std::size_t index_of(std::uint64_t value);
  static std::uint64_t top_of(std::size_t index);

  std::array<std::uint64_t, (kPowers + 1) << kSubBits> buckets_{};
  std::uint64_t count_ = 0;
  std::uint64_t sum_ = 0;
  std::uint64_t max_ = 0;
};

}  // namespace lamplighter::load
