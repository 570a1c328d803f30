#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <expected>
#include <string>
#include <string_view>

#include "api/http.h"

namespace lamplighter::api {

/// Reads a body that is one JSON object: RFC 8259 to the letter, UTF-8, few levels deep, no member twice. `example`
/// shows what was expected.
std::expected<boost::json::object, Fault> read_object(std::string_view body, std::string_view example);

/// "a string", "a number", "null" …: what a value is, for messages.
std::string_view kind_of(const boost::json::value& value);

/// As boost::json::serialize, but for numbers with a fraction: 1.234, not 1.234E0.
std::string to_text(const boost::json::value& value);

}  // namespace lamplighter::api
