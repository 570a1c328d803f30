#include "config/units.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

namespace lamplighter::config {
namespace {

struct Unit {
  std::string_view name;
  std::int64_t factor;
};
constexpr std::array<Unit, 6> kDurations = {
    {{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1000}, {"ms", 1}, {"", 1000}}};
constexpr std::array<Unit, 5> kSizes = {
    {{"GiB", std::int64_t{1} << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}, {"", 1}}};

template <std::size_t N>
std::optional<std::int64_t> parse(std::string_view text, const std::array<Unit, N>& units) {
  std::int64_t count = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc{} || count < 0) return std::nullopt;
  const std::string_view name(rest, static_cast<std::size_t>(text.data() + text.size() - rest));
  const auto unit = std::ranges::find(units, name, &Unit::name);
  if (unit == units.end() || count > std::numeric_limits<std::int64_t>::max() / unit->factor) return std::nullopt;
  return count * unit->factor;
}

// The largest unit that divides it; the last two rows of a table are the smallest unit and the unitless form.
template <std::size_t N>
std::string format(std::int64_t count, const std::array<Unit, N>& units) {
  const auto unit = std::ranges::find_if(units, [&](const Unit& candidate) {
    return candidate.factor == 1 || (count != 0 && count % candidate.factor == 0);
  });
  return fmt::format("{}{}", count / unit->factor, unit->name);
}

constexpr bool is_bare(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
}

}  // namespace

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
  const auto count = parse(text, kDurations);
  if (!count) return std::nullopt;
  return std::chrono::milliseconds(*count);
}

std::string format_duration(std::chrono::milliseconds duration) {
  return duration.count() == 0 ? "0s" : format(duration.count(), kDurations);
}

std::optional<std::int64_t> parse_size(std::string_view text) { return parse(text, kSizes); }
std::string format_size(std::int64_t bytes) { return format(bytes, kSizes); }

std::string quote(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned char>(c));
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string format_key(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, is_bare) ? std::string(text) : quote(text);
}

std::string format_value(const Setting& setting, const Value& value) {
  struct Format {
    const Setting& setting;
    std::string operator()(bool flag) const { return flag ? "true" : "false"; }
    std::string operator()(std::int64_t number) const {
      return setting.unit == "bytes" ? quote(format_size(number)) : std::to_string(number);
    }
    std::string operator()(double number) const { return fmt::format("{:#}", number); }
    std::string operator()(const std::string& text) const { return quote(text); }
    std::string operator()(std::chrono::milliseconds duration) const { return quote(format_duration(duration)); }
    std::string operator()(const Strings& list) const {
      std::string out;
      for (const auto& item : list) out += (out.empty() ? "" : ", ") + quote(item);
      return "[" + out + "]";
    }
    std::string operator()(const Table& table) const {
      std::string out;
      for (const auto& [key, text] : table) out += (out.empty() ? "" : ", ") + format_key(key) + " = " + quote(text);
      return out.empty() ? "{}" : "{ " + out + " }";
    }
  };
  return std::visit(Format{setting}, value);
}

std::string_view expected_type(const Setting& setting) {
  struct Name {
    const Setting& setting;
    std::string_view operator()(bool) const { return "true or false"; }
    std::string_view operator()(std::int64_t) const {
      return setting.unit == "bytes" ? "a size such as \"4MiB\" or a number of bytes" : "a whole number";
    }
    std::string_view operator()(double) const { return "a number"; }
    std::string_view operator()(const std::string&) const { return "text in quotes"; }
    std::string_view operator()(const Strings&) const { return "a list of texts in quotes"; }
    std::string_view operator()(std::chrono::milliseconds) const {
      return "a duration such as \"5s\", \"500ms\", \"2m\" or \"1h\"";
    }
    std::string_view operator()(const Table&) const { return "a table of texts in quotes"; }
  };
  return std::visit(Name{setting}, setting.default_value);
}

}  // namespace lamplighter::config
