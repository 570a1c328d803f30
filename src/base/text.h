#pragma once

#include <array>
#include <charconv>
#include <cstdint>
#include <string>

// Numbers at the end of a text, for messages that are written a hundred thousand times a second: a format string is
// read again each time.
namespace lamplighter {

inline void append_number(std::string& out, std::uint64_t value) {
  std::array<char, 20> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  out.append(digits.data(), end);
}

/// `width` lower case hex digits (1 to 16), leading zeros included; higher ones are cut off.
inline void append_hex(std::string& out, std::uint64_t value, std::size_t width) {
  std::array<char, 16> digits;
  for (std::size_t i = width; i-- > 0; value >>= 4) digits[i] = "0123456789abcdef"[value & 15];
  out.append(digits.data(), width);
}

}  // namespace lamplighter
