#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace lamplighter::location {

// Numbers in as few bytes as they need, seven bits a byte, the lowest first; texts with their length before them.

inline constexpr std::size_t kLongestNumber = 10;

constexpr std::size_t size_of_number(std::uint64_t value) {
  std::size_t count = 1;
  while (value >>= 7) ++count;
  return count;
}

/// Returns where the next one goes.
inline char* write_number(char* out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) *out++ = static_cast<char>(value | 0x80);
  *out++ = static_cast<char>(value);
  return out;
}

/// Writes into memory that is large enough.
class Pen {
 public:
  explicit Pen(char* at) : at_(at) {}

  void number(std::uint64_t value) { at_ = write_number(at_, value); }
  /// Small numbers of either sign stay short: 0, -1, 1, -2 … become 0, 1, 2, 3 …
  void signed_number(std::int64_t value) {
    number((static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63));
  }
  void bytes(const void* data, std::size_t size) {
    if (size > 0) std::memcpy(at_, data, size);
    at_ += size;
  }
  void text(std::string_view text) {
    number(text.size());
    bytes(text.data(), text.size());
  }
  char* at() const { return at_; }

 private:
  char* at_;
};

/// Reads what was written, in the same order. It trusts the bytes: they are our own.
class Cursor {
 public:
  explicit Cursor(const char* at) : at_(at) {}

  std::uint64_t number() {
    std::uint64_t value = 0;
    for (unsigned shift = 0;; shift += 7) {
      const auto byte = static_cast<unsigned char>(*at_++);
      value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  }
  std::int64_t signed_number() {
    const auto value = number();
    return static_cast<std::int64_t>((value >> 1) ^ (~(value & 1) + 1));
  }
  std::string_view bytes(std::size_t count) {
    const std::string_view out(at_, count);
    at_ += count;
    return out;
  }
  std::string_view text() { return bytes(number()); }
  const char* at() const { return at_; }

 private:
  const char* at_;
};

}  // namespace lamplighter::location
