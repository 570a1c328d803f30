#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>

namespace lamplighter {

/// A fast generator with a seed that tests print: faults, jitter, load. Never for secrets. (xoshiro256**)
class Random {
 public:
  explicit Random(std::uint64_t seed);
  std::uint64_t next();
  /// Uniform in [0, bound); bound > 0.
  std::uint64_t below(std::uint64_t bound);
  /// True with this probability.
  bool chance(double probability);
  /// Uniform in [0, 1).
  double unit();

 private:
  std::array<std::uint64_t, 4> state_;
};

/// Fills with bytes nobody can guess (getrandom): keys, nonces, the start of tags.
void fill_secret(std::span<std::uint8_t> out);
/// `bytes` secret bytes as lower-case hex.
std::string secret_hex(std::size_t bytes);
std::uint64_t secret_u64();

}  // namespace lamplighter
