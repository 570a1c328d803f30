#pragma once

#include <array>
#include <cstdint>
#include <string_view>

// Character classes of RFC 3261 §25.1, and the small scans over them. For this room's own parsers.
namespace lamplighter::sip::chars {

enum Class : std::uint8_t {
  kToken = 1,       ///< token
  kUser = 2,        ///< user, without the escapes. '#' too: phones dial "#31" unescaped
  kPassword = 4,    ///< password, without the escapes
  kParam = 8,       ///< name or value of a parameter: tokens, hosts, and what a uri-parameter may hold
  kUriParam = 16,   ///< paramchar, without the escapes
  kUriHeader = 32,  ///< hname and hvalue, without the escapes
  kHost = 64,       ///< hostname and IPv4address; '_' too: DNS servers in the field allow it
  kVisible = 128,   ///< no control characters, no blanks; bytes of UTF-8 count
};

inline constexpr auto kTable = [] {
  std::array<std::uint8_t, 256> table{};
  const auto add = [&table](std::string_view text, int classes) {
    for (const char c : text) {
      auto& entry = table[static_cast<unsigned char>(c)];
      entry = static_cast<std::uint8_t>(entry | classes);
    }
  };
  for (unsigned c = 0x21; c < 256; ++c) {
    if (c != 0x7f) table[c] = kVisible | kParam;
  }
  for (const char c : std::string_view(";,\"<>=?")) {
    table[static_cast<unsigned char>(c)] = kVisible;
  }
  add("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789",
      kToken | kUser | kPassword | kUriParam | kUriHeader | kHost);
  add("-.", kHost);
  add("_", kHost);
  add("-.!%*_+`'~", kToken);
  add("-_.!~*'()", kUser | kPassword | kUriParam | kUriHeader);
  add("&=+$,;?/#", kUser);
  add("&=+$,", kPassword);
  add("[]/:&+$", kUriParam);
  add("[]/?:+$", kUriHeader);
  return table;
}();

constexpr bool is(char c, Class wanted) { return (kTable[static_cast<unsigned char>(c)] & wanted) != 0; }
constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_alpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
/// Blanks, tabs, and the CR and LF of a fold: inside a header's value they can be nothing else.
constexpr bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }
constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

/// 0 to 15, or -1.
constexpr int hex_digit(char c) {
  if (is_digit(c)) return c - '0';
  const char l = lower(c);
  return l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
}
/// The byte that the "%HH" at `at` stands for, or -1.
constexpr int escape_at(std::string_view text, std::size_t at) {
  if (at + 2 >= text.size() || text[at] != '%') return -1;
  const int high = hex_digit(text[at + 1]);
  const int low = hex_digit(text[at + 2]);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

constexpr void skip_blanks(std::string_view& text) {
  std::size_t at = 0;
  while (at < text.size() && is_blank(text[at])) ++at;
  text.remove_prefix(at);
}
/// Takes the longest run of `wanted` off the front; empty when there is none.
constexpr std::string_view take(std::string_view& text, Class wanted) {
  std::size_t at = 0;
  while (at < text.size() && is(text[at], wanted)) ++at;
  const auto taken = text.substr(0, at);
  text.remove_prefix(at);
  return taken;
}
/// Takes a quoted string with its quotes off the front; empty when it has no end. `text` starts at the first quote.
constexpr std::string_view take_quoted(std::string_view& text) {
  for (std::size_t at = 1; at < text.size(); ++at) {
    if (text[at] == '\\') {
      ++at;
    } else if (text[at] == '"') {
      const auto taken = text.substr(0, at + 1);
      text.remove_prefix(at + 1);
      return taken;
    }
  }
  return {};
}
/// Whether all of `text` is of this class or a valid "%HH" escape.
constexpr bool all_escaped(std::string_view text, Class wanted) {
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (is(text[at], wanted)) continue;
    if (escape_at(text, at) < 0) return false;
    at += 2;
  }
  return true;
}

}  // namespace lamplighter::sip::chars
