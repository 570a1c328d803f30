#pragma once

#include <boost/json/object.hpp>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"

// The words in which states and times are told.
namespace lamplighter::view {

/// "2026-11-23T22:00:00.123Z", as the API writes times.
std::optional<WallTime> parse_time(std::string_view text);

/// "12 s", "59 min", "5 h": rounded up, since what is told is how long to wait. Nothing below "1 s".
std::string span_text(std::chrono::milliseconds span);

/// "on", "on red": a look or a desired key.
std::string look_text(const boost::json::object& look);

/// `on, red, "Night", 432`: everything a key shows and does, on one line. An action other than dialling is named.
std::string key_text(const boost::json::object& key);

/// "confirmed", "refused (415)", "unreachable, next try in 12 s", "answered 503, next try in 12 s": a contact's `state`
/// and `status` of `delivery`. `next_try`: when the contact is asked again, if it waits for that.
std::string state_text(const boost::json::object& delivery, std::optional<WallTime> next_try, WallTime now);

}  // namespace lamplighter::view
