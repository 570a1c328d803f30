#include "phone/text_width.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace lamplighter::phone {

namespace {

struct Range {
  std::uint32_t first, last;
};

// Unicode: general categories Mn and Me as far as they occur in names, zero width characters, variation selectors.
constexpr std::array<Range, 14> kZeroWidth{{{0x0300, 0x036f},
                                            {0x0483, 0x0489},
                                            {0x0591, 0x05bd},
                                            {0x0610, 0x061a},
                                            {0x064b, 0x065f},
                                            {0x0900, 0x0902},
                                            {0x093c, 0x093c},
                                            {0x0941, 0x0948},
                                            {0x0e31, 0x0e31},
                                            {0x0e34, 0x0e3a},
                                            {0x200b, 0x200f},
                                            {0x20d0, 0x20f0},
                                            {0xfe00, 0xfe0f},
                                            {0xfe20, 0xfe2f}}};
// UAX #11, classes W and F.
constexpr std::array<Range, 12> kWide{{{0x1100, 0x115f},
                                       {0x2e80, 0x303e},
                                       {0x3041, 0x33ff},
                                       {0x3400, 0x4dbf},
                                       {0x4e00, 0x9fff},
                                       {0xa000, 0xa4cf},
                                       {0xac00, 0xd7a3},
                                       {0xf900, 0xfaff},
                                       {0xfe30, 0xfe6f},
                                       {0xff00, 0xff60},
                                       {0x1f300, 0x1faff},
                                       {0x20000, 0x3fffd}}};

bool in(const auto& ranges, std::uint32_t point) {
  return std::ranges::any_of(ranges, [point](Range range) { return point >= range.first && point <= range.last; });
}

struct Glyph {
  std::string_view bytes;
  int width;
};

/// Takes one code point off the text; what is no valid UTF-8 or a control character becomes "?".
Glyph next_glyph(std::string_view& text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  const std::size_t length = lead < 0x80                   ? 1
                             : lead >= 0xf0 && lead < 0xf5 ? 4
                             : lead >= 0xe0 && lead < 0xf0 ? 3
                             : lead >= 0xc2 && lead < 0xe0 ? 2
                                                           : 0;
  std::uint32_t point = length == 1 ? lead : length == 2 ? lead & 0x1fu : length == 3 ? lead & 0x0fu : lead & 0x07u;
  bool broken = length == 0 || text.size() < length;
  for (std::size_t i = 1; !broken && i < length; ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    broken = (byte & 0xc0u) != 0x80;
    point = point << 6 | (byte & 0x3fu);
  }
  const auto bytes = text.substr(0, broken ? 1 : length);
  text.remove_prefix(bytes.size());
  if (broken || point < 0x20 || (point >= 0x7f && point < 0xa0)) return {"?", 1};
  return {bytes, in(kZeroWidth, point) ? 0 : in(kWide, point) ? 2 : 1};
}

}  // namespace

int text_width(std::string_view text) {
  int width = 0;
  while (!text.empty()) width += next_glyph(text).width;
  return width;
}

std::string fit(std::string_view text, int columns) {
  if (columns <= 0) return {};
  const bool whole = text_width(text) <= columns;
  const int room = whole ? columns : columns - 1;  // one for the ellipsis
  std::string out;
  int width = 0;
  while (!text.empty()) {
    const auto glyph = next_glyph(text);
    if (width + glyph.width > room) break;
    out += glyph.bytes;
    width += glyph.width;
  }
  if (!whole) {
    out += "…";
    ++width;
  }
  out.append(static_cast<std::size_t>(columns - width), ' ');
  return out;
}

}  // namespace lamplighter::phone
