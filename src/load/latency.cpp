#include "load/latency.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace lamplighter::load {

// Values below 64 have a bucket each. Above, the highest seven bits choose it: their position the power, the six below
// the leading one the bucket inside.
std::size_t Latency::index_of(std::uint64_t value) {
  if (value < (1U << kSubBits)) return value;
  const auto power = static_cast<unsigned>(std::bit_width(value)) - 1 - kSubBits;
  const auto sub = (value >> power) - (1U << kSubBits);
  return ((power + 1) << kSubBits) + sub;
}

std::uint64_t Latency::top_of(std::size_t index) {
  if (index < (1U << kSubBits)) return index;
  const auto power = (index >> kSubBits) - 1;
  const auto sub = index & ((1U << kSubBits) - 1);
  return (((1U << kSubBits) + sub + 1) << power) - 1;
}

void Latency::add(std::chrono::nanoseconds value) {
  const auto ns = static_cast<std::uint64_t>(std::max<std::int64_t>(value.count(), 0));
  const auto index = std::min(index_of(ns), buckets_.size() - 1);
  ++buckets_[index];
  ++count_;
  sum_ += ns;
  max_ = std::max(max_, ns);
}

std::chrono::nanoseconds Latency::mean() const { return std::chrono::nanoseconds{count_ == 0 ? 0 : sum_ / count_}; }

std::chrono::nanoseconds Latency::quantile(double share) const {
  if (count_ == 0) return std::chrono::nanoseconds{0};
  const auto rank =
      std::max<std::uint64_t>(1, static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(count_))));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < buckets_.size(); ++i) {
    seen += buckets_[i];
    if (seen >= rank) return std::chrono::nanoseconds{std::min(top_of(i), max_)};
  }
  return max();
}

}  // namespace lamplighter::load
