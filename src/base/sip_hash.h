#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace lamplighter {

/// 128 bits that name something; equal by chance never.
struct Digest128 {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  friend bool operator==(const Digest128&, const Digest128&) = default;
};

/// SipHash-1-3 with 128 bits of result (J.-P. Aumasson, D. J. Bernstein) over texts and numbers: without the key nobody
/// can choose two inputs that collide. Each text counts with its length: "ab","c" differs from "a","bc".
class SipHash {
 public:
  using Key = std::array<std::uint64_t, 2>;

  explicit SipHash(const Key& key)
      : v0_(key[0] ^ 0x736f6d6570736575),
        v1_(key[1] ^ 0x646f72616e646f6d ^ 0xee),
        v2_(key[0] ^ 0x6c7967656e657261),
        v3_(key[1] ^ 0x7465646279746573) {}

  SipHash& add(std::uint64_t word) {
    v3_ ^= word;
    round();
    v0_ ^= word;
    return *this;
  }
  SipHash& add(std::string_view text) { return add_words(text, 0); }
  /// Letters count without case. Other bytes keep their value but for bit 5: no two characters of a token or a host
  /// (RFC 3261 §25.1) become the same by that.
  SipHash& add_folded(std::string_view text) { return add_words(text, 0x2020202020202020); }

  Digest128 finish() {
    v2_ ^= 0xee;
    for (int i = 0; i < 3; ++i) round();
    Digest128 out{.low = v0_ ^ v1_ ^ v2_ ^ v3_};
    v1_ ^= 0xdd;
    for (int i = 0; i < 3; ++i) round();
    out.high = v0_ ^ v1_ ^ v2_ ^ v3_;
    return out;
  }

 private:
  SipHash& add_words(std::string_view text, std::uint64_t fold) {
    add(std::uint64_t{text.size()});
    const char* at = text.data();
    std::size_t left = text.size();
    for (; left >= 8; left -= 8, at += 8) {
      std::uint64_t word;
      std::memcpy(&word, at, 8);
      add(word | fold);
    }
    if (left > 0) {
      std::uint64_t word = 0;
      std::memcpy(&word, at, left);
      add(word | fold);
    }
    return *this;
  }
  void round() {
    v0_ += v1_;
    v1_ = std::rotl(v1_, 13) ^ v0_;
    v0_ = std::rotl(v0_, 32);
    v2_ += v3_;
    v3_ = std::rotl(v3_, 16) ^ v2_;
    v0_ += v3_;
    v3_ = std::rotl(v3_, 21) ^ v0_;
    v2_ += v1_;
    v1_ = std::rotl(v1_, 17) ^ v2_;
    v2_ = std::rotl(v2_, 32);
  }

  std::uint64_t v0_, v1_, v2_, v3_;
};

}  // namespace lamplighter
