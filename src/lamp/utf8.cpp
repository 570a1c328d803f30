#include "lamp/utf8.h"

#include <cstdint>

namespace lamplighter::lamp {
namespace {

// The first byte of a character says its length and, with the second byte's range, rules out overlong forms,
// surrogates and what lies beyond U+10FFFF (RFC 3629 §4).
struct Lead {
  std::size_t length;  ///< 0: cannot start a character
  std::uint8_t second_from = 0x80, second_to = 0xbf;
};

constexpr Lead lead(std::uint8_t byte) {
  if (byte < 0x80) return {1};
  if (byte < 0xc2) return {0};
  if (byte < 0xe0) return {2};
  if (byte == 0xe0) return {3, 0xa0, 0xbf};
  if (byte == 0xed) return {3, 0x80, 0x9f};
  if (byte < 0xf0) return {3};
  if (byte == 0xf0) return {4, 0x90, 0xbf};
  if (byte < 0xf4) return {4};
  if (byte == 0xf4) return {4, 0x80, 0x8f};
  return {0};
}

}  // namespace

std::optional<TextFault> find_fault(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  for (std::size_t at = 0; at < text.size();) {
    const auto [length, from, to] = lead(byte(at));
    if (length == 0 || text.size() - at < length) return TextFault{at, false};
    if (length == 1 && (byte(at) < 0x20 || byte(at) == 0x7f)) return TextFault{at, true};
    if (length > 1 && (byte(at + 1) < from || byte(at + 1) > to)) return TextFault{at, false};
    for (std::size_t i = 2; i < length; ++i) {
      if (byte(at + i) < 0x80 || byte(at + i) > 0xbf) return TextFault{at, false};
    }
    if (byte(at) == 0xc2 && byte(at + 1) < 0xa0) return TextFault{at, true};  // U+0080 to U+009F
    at += length;
  }
  return std::nullopt;
}

}  // namespace lamplighter::lamp
