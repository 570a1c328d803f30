#include "api/strict_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <set>
#include <vector>

namespace lamplighter::api {
namespace {

namespace json = boost::json;

// {"keys":{"2":{"light":"on"}}} needs three.
constexpr std::size_t kMaxDepth = 8;

/// Looks at a document without keeping it: Boost's own reader silently takes the last of two members of one name.
struct DuplicateFinder {
  static constexpr std::size_t max_object_size = std::size_t(-1);
  static constexpr std::size_t max_array_size = std::size_t(-1);
  static constexpr std::size_t max_key_size = std::size_t(-1);
  static constexpr std::size_t max_string_size = std::size_t(-1);
  using Error = json::error_code;

  struct Level {
    std::set<std::string, std::less<>> names;
    std::string current;
  };
  std::vector<Level> levels;  ///< the objects open now
  std::string name;           ///< the part of a member's name that was read
  bool duplicate = false;

  /// "keys.2.light"
  std::string path() const {
    std::string text;
    for (const auto& level : levels) text.append(text.empty() ? "" : ".").append(level.current);
    return text;
  }

  bool on_object_begin(Error&) {
    levels.emplace_back();
    return true;
  }
  bool on_object_end(std::size_t, Error&) {
    levels.pop_back();
    return true;
  }
  bool on_key_part(json::string_view text, std::size_t, Error&) {
    name += text;
    return true;
  }
  bool on_key(json::string_view text, std::size_t, Error& error) {
    name += text;
    auto& level = levels.back();
    level.current = std::exchange(name, {});
    duplicate = !level.names.insert(level.current).second;
    if (duplicate) error = json::error::syntax;
    return !duplicate;
  }
  // Everything else is welcome.
  bool on_document_begin(Error&) { return true; }
  bool on_document_end(Error&) { return true; }
  bool on_array_begin(Error&) { return true; }
  bool on_array_end(std::size_t, Error&) { return true; }
  bool on_string_part(json::string_view, std::size_t, Error&) { return true; }
  bool on_string(json::string_view, std::size_t, Error&) { return true; }
  bool on_number_part(json::string_view, Error&) { return true; }
  bool on_int64(std::int64_t, json::string_view, Error&) { return true; }
  bool on_uint64(std::uint64_t, json::string_view, Error&) { return true; }
  bool on_double(double, json::string_view, Error&) { return true; }
  bool on_bool(bool, Error&) { return true; }
  bool on_null(Error&) { return true; }
  bool on_comment_part(json::string_view, Error&) { return true; }
  bool on_comment(json::string_view, Error&) { return true; }
};

std::string place_in(std::string_view text, std::size_t offset) {
  const auto before = text.substr(0, offset);
  const auto line = std::ranges::count(before, '\n') + 1;
  const auto newline = before.rfind('\n');
  return fmt::format("line {}, byte {}", line, newline == std::string_view::npos ? offset + 1 : offset - newline);
}

Fault fault(std::string what) { return {.field = "body", .what = "the body " + std::move(what)}; }

}  // namespace

std::expected<json::object, Fault> read_object(std::string_view body, std::string_view example) {
  if (body.empty()) return std::unexpected(fault(fmt::format("is empty, expected JSON like {}", example)));
  json::parse_options options;
  options.max_depth = kMaxDepth;
  json::basic_parser<DuplicateFinder> finder(options);
  json::error_code error;
  const auto read = finder.write_some(false, body.data(), body.size(), error);
  if (!error && read < body.size()) error = json::error::extra_data;
  if (error) {
    const auto place = place_in(body, read);
    const auto& found = finder.handler();
    if (found.duplicate) {
      return std::unexpected(Fault{found.path(), fmt::format("the member {} stands twice in its object ({})",
                                                             quoted(found.levels.back().current), place)});
    }
    if (error == json::error::too_deep) {
      return std::unexpected(fault(fmt::format("is nested more than {} levels deep ({})", kMaxDepth, place)));
    }
    if (error == json::error::incomplete) {
      return std::unexpected(fault(fmt::format("ends in the middle of the JSON ({})", place)));
    }
    return std::unexpected(fault(fmt::format("is not JSON: {} at {}", error.message(), place)));
  }
  auto value = json::parse(body, error, {}, options);
  if (error) return std::unexpected(fault("is not JSON: " + error.message()));
  if (!value.is_object()) {
    return std::unexpected(fault(fmt::format("is {}, expected an object like {}", kind_of(value), example)));
  }
  return std::move(value.as_object());
}

std::string_view kind_of(const json::value& value) {
  switch (value.kind()) {
    case json::kind::null: return "null";
    case json::kind::bool_: return value.as_bool() ? "true" : "false";
    case json::kind::int64:
    case json::kind::uint64:
    case json::kind::double_: return "a number";
    case json::kind::string: return "a string";
    case json::kind::array: return "an array";
    case json::kind::object: return "an object";
  }
  return "";
}

namespace {

void append(std::string& out, const json::value& value) {
  if (const auto* object = value.if_object()) {
    char before = '{';
    if (object->empty()) out += before;
    for (const auto& member : *object) {
      out += std::exchange(before, ',');
      out += json::serialize(member.key());
      out += ':';
      append(out, member.value());
    }
    out += '}';
  } else if (const auto* array = value.if_array()) {
    char before = '[';
    if (array->empty()) out += before;
    for (const auto& element : *array) {
      out += std::exchange(before, ',');
      append(out, element);
    }
    out += ']';
  } else if (const auto* number = value.if_double()) {
    fmt::format_to(std::back_inserter(out), "{}", *number);
  } else {
    out += json::serialize(value);
  }
}

}  // namespace

std::string to_text(const json::value& value) {
  std::string out;
  append(out, value);
  return out;
}

}  // namespace lamplighter::api
