#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "config/settings.h"

// How durations and sizes are written, and how names and values look in TOML.
namespace lamplighter::config {

/// "sip" and "listen" of "sip.listen".
inline std::string_view section_of(std::string_view name) { return name.substr(0, name.find('.')); }
inline std::string_view key_of(std::string_view name) { return name.substr(name.find('.') + 1); }

/// "5s", "500ms", "2m", "1h", "1d"; no unit: seconds.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);
/// The shortest form that parse_duration() reads back: "1h", "90s", "500ms".
std::string format_duration(std::chrono::milliseconds duration);

/// "4MiB", "64KiB", "1GiB", "512B"; no unit: bytes.
std::optional<std::int64_t> parse_size(std::string_view text);
std::string format_size(std::int64_t bytes);

/// A TOML basic string, quotes included.
std::string quote(std::string_view text);
/// A TOML key: bare where that is allowed.
std::string format_key(std::string_view text);
/// A value as it stands behind "name =" in TOML; tables inline.
std::string format_value(const Setting& setting, const Value& value);

/// What a setting takes, for messages and docs: "a whole number", "a duration such as \"5s\"".
std::string_view expected_type(const Setting& setting);

}  // namespace lamplighter::config
