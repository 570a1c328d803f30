#include "api/query.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/url/pct_string_view.hpp>
#include <charconv>
#include <optional>

#include "lamp/utf8.h"

namespace lamplighter::api {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLongestWait = std::chrono::seconds{60};

/// "limit, after": what a query may have.
std::string list(std::initializer_list<std::string_view> names) {
  std::string text;
  for (auto name : names) text.append(text.empty() ? "" : ", ").append(name);
  return text;
}

std::optional<std::string> decode(std::string_view text) {
  auto encoded = boost::urls::make_pct_string_view(text);
  if (!encoded) return std::nullopt;
  auto decoded = encoded->decode();
  if (lamp::find_fault(decoded)) return std::nullopt;
  return decoded;
}

}  // namespace

std::expected<Query, Fault> read_query(std::string_view query, std::initializer_list<std::string_view> allowed) {
  Query parameters;
  while (!query.empty()) {
    const auto end = query.find('&');
    const auto pair = query.substr(0, end);
    query.remove_prefix(end == std::string_view::npos ? query.size() : end + 1);
    const auto equals = pair.find('=');
    const auto name = decode(pair.substr(0, equals));
    if (!name || std::ranges::find(allowed, *name) == allowed.end()) {
      const auto field = name ? *name : std::string("query");
      const auto shown = quoted(name ? *name : pair);
      if (allowed.size() == 0)
        return std::unexpected(Fault{field, fmt::format("unknown parameter {}, expected none", shown)});
      return std::unexpected(
          Fault{field, fmt::format("unknown parameter {}, expected one of {}", shown, list(allowed))});
    }
    auto value = equals == std::string_view::npos ? std::string{} : decode(pair.substr(equals + 1));
    if (!value)
      return std::unexpected(Fault{*name, fmt::format("{} is not UTF-8 text without control characters", *name)});
    if (!parameters.emplace(*name, std::move(*value)).second) {
      return std::unexpected(Fault{*name, fmt::format("the parameter {} stands there twice", *name)});
    }
  }
  return parameters;
}

std::expected<milliseconds, Fault> read_wait(std::string_view text) {
  struct Unit {
    std::string_view name;
    milliseconds length;
  };
  static constexpr Unit kUnits[] = {
      {"ms", milliseconds{1}}, {"s", std::chrono::seconds{1}}, {"m", std::chrono::minutes{1}}};
  auto wrong = [&] {
    return std::unexpected(
        Fault{"wait",
              fmt::format("wait is {}, expected a time like 2s or 500ms, more than 0 and at most 60s", quoted(text))});
  };
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) return wrong();
  const auto rest = text.substr(static_cast<std::size_t>(end - text.data()));
  const auto* unit = std::ranges::find(kUnits, rest, &Unit::name);
  if (unit == std::end(kUnits) || number <= 0 || number > kLongestWait / unit->length) return wrong();
  return number * unit->length;
}

std::expected<std::size_t, Fault> read_count(std::string_view field, std::string_view text, std::size_t low,
                                             std::size_t high) {
  std::size_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || number < low || number > high) {
    return std::unexpected(Fault{std::string(field), fmt::format("{} is {}, expected a whole number from {} to {}",
                                                                 field, quoted(text), low, high)});
  }
  return number;
}

}  // namespace lamplighter::api
