#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "lamp/key.h"

// Which key was pressed, from a MESSAGE that a phone sends for a key with `a=message` (docs/x-buttons.md).
namespace lamplighter::lamp {

/// The first line `k=<key name>` of a body, whatever its type and whatever stands around it: phones differ, and what
/// they send is documented nowhere. Lines end with CRLF or LF; blanks around line and name do not count; lines whose
/// name is none (see check_key_name) are passed over.
std::optional<KeyName> pressed_key(std::string_view body);

/// What a toggle key without a number sends its MESSAGE to: "key-5" for key 5.
std::string target_of_key(std::string_view name);
/// The key behind such a target, from the unescaped user part of a request-URI: "key-5" → "5".
std::optional<std::string_view> key_of_target(std::string_view user);

}  // namespace lamplighter::lamp
