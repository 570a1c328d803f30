#pragma once

#include <cstddef>
#include <expected>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lamp/key.h"

// application/x-buttons: Snom "LED Remote Control" (docs/x-buttons.md). Lines end in CRLF, none after the last; an
// empty line starts the next key's block; a block replaces the key's whole state.
namespace lamplighter::lamp {

inline constexpr std::string_view kXButtonsType = "application/x-buttons";

/// Fields that only show a call or mailbox; kept as text, in the order k c o n a l i d b m f on the wire.
struct Extras {
  std::string caller;     ///< i=
  std::string name;       ///< d=
  std::string direction;  ///< b= in, out
  std::string mailbox;    ///< m= new/old
  std::string forward;    ///< f=
  friend bool operator==(const Extras&, const Extras&) = default;
};

struct KeyBlock {
  KeyName name;
  Key key;
  Extras extras;
  friend bool operator==(const KeyBlock&, const KeyBlock&) = default;
};

struct XButtonsError {
  std::size_t line;  ///< 1-based
  std::string what;  ///< "unknown light 'blink', expected one of on off hold …"
};

struct XButtonsLimits {
  std::size_t bytes = 65536;
  std::size_t keys = 256;
  std::size_t value = 256;  ///< of any one value
};

/// Appends one document for these keys, at least one. The tutorial's order: k, c, (o), n, a, l; empty values are left
/// out, except that `a=` stands whenever there is a number or it is not the default. Press::kToggle is said in words
/// that phones know: dial the number, or without one send a MESSAGE to target_of_key(). Names and values must be valid
/// (see check_key_name and check_value): control characters are the caller's fault.
void encode_x_buttons(std::string& out, const KeyBlock* blocks, std::size_t count);

/// Reads a document: CRLF or bare LF, `k` first in each block, unknown letters ignored, unknown lights, colours and
/// actions (also `toggle`) an error, later lines of the same letter win (but a second `k` needs an empty line before
/// it). Order of blocks is kept. A document without any key is an error.
std::expected<std::vector<KeyBlock>, XButtonsError> decode_x_buttons(std::string_view body, XButtonsLimits limits = {});

/// Whether text may stand in a value: UTF-8 without control characters, at most limits.value bytes. The error says
/// what.
std::expected<void, std::string> check_value(std::string_view text, XButtonsLimits limits = {});

}  // namespace lamplighter::lamp
