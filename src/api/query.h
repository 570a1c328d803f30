#pragma once

#include <chrono>
#include <expected>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>

#include "api/http.h"

namespace lamplighter::api {

using Query = std::map<std::string, std::string, std::less<>>;

/// The parameters of a query, percent-decoded. A "+" is a plus: telephone numbers begin with it. Each parameter must be
/// one of `allowed` and stand there once.
std::expected<Query, Fault> read_query(std::string_view query, std::initializer_list<std::string_view> allowed);

/// "500ms", "2s" or "1m", more than 0 and at most 60 s.
std::expected<std::chrono::milliseconds, Fault> read_wait(std::string_view text);

/// A whole number from `low` to `high`.
std::expected<std::size_t, Fault> read_count(std::string_view field, std::string_view text, std::size_t low,
                                             std::size_t high);

}  // namespace lamplighter::api
