#include "base/random.h"

#include <sys/random.h>

#include <bit>
#include <cerrno>
#include <system_error>
#include <vector>

namespace lamplighter {
namespace {

/// Spreads a seed such as 1 or 2 over the whole state (the authors of xoshiro advise exactly this).
std::uint64_t split_mix(std::uint64_t& state) {
  std::uint64_t z = (state += 0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

}  // namespace

Random::Random(std::uint64_t seed) {
  for (auto& word : state_) word = split_mix(seed);
}

std::uint64_t Random::next() {
  std::uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
  std::uint64_t t = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= t;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

std::uint64_t Random::below(std::uint64_t bound) {
  // The lowest 2^64 mod bound values would make some results likelier than others.
  std::uint64_t threshold = (0 - bound) % bound;
  while (true) {
    std::uint64_t value = next();
    if (value >= threshold) return value % bound;
  }
}

bool Random::chance(double probability) { return unit() < probability; }

double Random::unit() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }

void fill_secret(std::span<std::uint8_t> out) {
  while (!out.empty()) {
    ssize_t got = getrandom(out.data(), out.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    // No kernel we run on does this; a guessable secret would be worse than no server.
    if (got < 0) throw std::system_error(errno, std::system_category(), "getrandom");
    out = out.subspan(static_cast<std::size_t>(got));
  }
}

std::string secret_hex(std::size_t bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::vector<std::uint8_t> raw(bytes);
  fill_secret(raw);
  std::string text;
  text.reserve(bytes * 2);
  for (auto byte : raw) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

std::uint64_t secret_u64() {
  std::array<std::uint8_t, 8> raw;
  fill_secret(raw);
  return std::bit_cast<std::uint64_t>(raw);
}

}  // namespace lamplighter
