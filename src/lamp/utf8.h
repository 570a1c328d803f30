#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace lamplighter::lamp {

/// Why text cannot stand in a value.
struct TextFault {
  std::size_t offset;  ///< of the byte, from 0
  bool control;        ///< a control character; else not UTF-8
};

/// The first fault of a text: a byte that is not UTF-8 (RFC 3629: no overlong forms, no surrogates, at most U+10FFFF),
/// or a control character (C0, DEL and C1, which a terminal would obey).
std::optional<TextFault> find_fault(std::string_view text);

}  // namespace lamplighter::lamp
