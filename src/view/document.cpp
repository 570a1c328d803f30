#include "view/document.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/parse.hpp>

#include "phone/text_width.h"

namespace lamplighter::view {

namespace json = boost::json;

std::string clean(std::string_view text) { return phone::fit(text, phone::text_width(text)); }

std::expected<json::object, std::string> parse_document(std::string_view text, std::string_view member,
                                                        json::kind kind) {
  boost::system::error_code error;
  auto value = json::parse(text, error);
  if (error) return std::unexpected(fmt::format("the answer is no JSON ({}): is this Lamplighter?", error.message()));
  auto* object = value.if_object();
  const auto* found = object ? object->if_contains(member) : nullptr;
  if (!found || found->kind() != kind) {
    const std::string_view name = kind == json::kind::array ? "array" : "text";
    return std::unexpected(fmt::format("the answer has no {} \"{}\": is this Lamplighter?", name, member));
  }
  return std::move(*object);
}

std::string text_of(const json::object& object, std::string_view member) {
  const auto* value = object.if_contains(member);
  const auto* text = value ? value->if_string() : nullptr;
  return text ? clean(*text) : std::string{};
}

std::int64_t number_of(const json::object& object, std::string_view member) {
  const auto* value = object.if_contains(member);
  const auto* number = value ? value->if_int64() : nullptr;
  return number ? *number : 0;
}

double real_of(const json::object& object, std::string_view member) {
  const auto* value = object.if_contains(member);
  const auto* real = value ? value->if_double() : nullptr;
  return real ? *real : static_cast<double>(number_of(object, member));
}

bool is(const json::object& object, std::string_view member) {
  const auto* value = object.if_contains(member);
  const auto* truth = value ? value->if_bool() : nullptr;
  return truth && *truth;
}

const json::object* object_of(const json::object& object, std::string_view member) {
  const auto* value = object.if_contains(member);
  return value ? value->if_object() : nullptr;
}

std::vector<const json::object*> objects_of(const json::object& object, std::string_view member) {
  std::vector<const json::object*> all;
  const auto* value = object.if_contains(member);
  const auto* array = value ? value->if_array() : nullptr;
  if (!array) return all;
  for (const auto& element : *array) {
    if (const auto* entry = element.if_object()) all.push_back(entry);
  }
  return all;
}

std::string problem_line(unsigned status, std::string_view body) {
  boost::system::error_code error;
  const auto value = json::parse(body, error);
  if (const auto* problem = error ? nullptr : value.if_object()) {
    if (auto detail = text_of(*problem, "detail"); !detail.empty()) return detail;
    if (auto title = text_of(*problem, "title"); !title.empty()) return fmt::format("{} ({})", title, status);
  }
  const auto line = clean(body.substr(0, std::min<std::size_t>(body.find_first_of("\r\n"), 100)));
  return fmt::format("the server answered {}{}{}", status, line.empty() ? "" : ": ", line);
}

}  // namespace lamplighter::view
