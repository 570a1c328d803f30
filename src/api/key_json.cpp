#include "api/key_json.h"

#include <fmt/format.h>

#include <boost/json/value.hpp>

#include "api/strict_json.h"
#include "lamp/x_buttons.h"

namespace lamplighter::api {
namespace {

namespace json = boost::json;

constexpr std::string_view kColors = "red green orange local remote";
constexpr std::string_view kActions = "invite message toggle";

/// Reads the members of one key. `key_name`: for messages, where there are several.
class KeyReader {
 public:
  KeyReader(std::string key_name, std::size_t max_value) : key_name_(std::move(key_name)), max_value_(max_value) {}

  std::expected<lamp::Key, Fault> read(const json::object& object) {
    if (!object.contains("light")) {
      return std::unexpected(fault("light", fmt::format("light is missing, expected one of {}", lamp::light_names())));
    }
    for (const auto& member : object) {
      if (auto taken = take(member.key(), member.value()); !taken) return std::unexpected(taken.error());
    }
    return std::move(key_);
  }

 private:
  using Taken = std::expected<void, Fault>;

  Taken take(std::string_view name, const json::value& value) {
    if (name == "light") return choice(name, value, lamp::light_from, lamp::light_names(), key_.light);
    if (name == "color") return choice(name, value, lamp::color_from, kColors, key_.color);
    if (name == "action") return choice(name, value, lamp::press_from, kActions, key_.press);
    if (name == "label") return text(name, value, key_.label);
    if (name == "number") return text(name, value, key_.number);
    return std::unexpected(
        fault(name, fmt::format("unknown member {}, expected light, color, label, number or action", quoted(name))));
  }

  template <typename From, typename To>
  Taken choice(std::string_view name, const json::value& value, From from, std::string_view names, To& to) {
    const auto* word = value.if_string();
    if (!word) {
      return std::unexpected(fault(name, fmt::format("{} is {}, expected one of {}", name, kind_of(value), names)));
    }
    auto known = from(*word);
    if (!known) {
      return std::unexpected(fault(name, fmt::format("unknown {} {}, expected one of {}", name, quoted(*word), names)));
    }
    to = *known;
    return {};
  }

  Taken text(std::string_view name, const json::value& value, std::string& to) {
    const auto* text = value.if_string();
    if (!text) return std::unexpected(fault(name, fmt::format("{} is {}, expected a string", name, kind_of(value))));
    if (auto checked = lamp::check_value(*text, {.value = max_value_}); !checked) {
      return std::unexpected(fault(name, fmt::format("{}: {}", name, checked.error())));
    }
    to = *text;
    return {};
  }

  Fault fault(std::string_view member, std::string what) const {
    if (key_name_.empty()) return {std::string(member), std::move(what)};
    return {fmt::format("keys.{}.{}", key_name_, member), fmt::format("key {}: {}", key_name_, what)};
  }

  std::string key_name_;
  std::size_t max_value_;
  lamp::Key key_{};
};

}  // namespace

std::expected<lamp::Key, Fault> read_key(std::string_view body, std::size_t max_value) {
  auto object = read_object(body, R"({"light":"on","color":"red"})");
  if (!object) return std::unexpected(object.error());
  return KeyReader("", max_value).read(*object);
}

std::expected<std::vector<std::pair<lamp::KeyName, lamp::Key>>, Fault> read_keyboard(std::string_view body,
                                                                                     std::size_t max_value) {
  auto object = read_object(body, R"({"keys":{"1":{"light":"on"}}})");
  if (!object) return std::unexpected(object.error());
  for (const auto& member : *object) {
    if (member.key() == "keys") continue;
    return std::unexpected(Fault{member.key(), fmt::format("unknown member {}, expected keys", quoted(member.key()))});
  }
  const auto* keys = object->if_contains("keys");
  if (!keys) return std::unexpected(Fault{"keys", R"(keys is missing, expected {"keys":{"1":{"light":"on"}}})"});
  if (!keys->is_object()) {
    return std::unexpected(
        Fault{"keys", fmt::format(R"(keys is {}, expected an object of keys by name like {{"1":{{"light":"on"}}}})",
                                  kind_of(*keys))});
  }

  std::vector<std::pair<lamp::KeyName, lamp::Key>> all;
  all.reserve(keys->get_object().size());
  for (const auto& member : keys->get_object()) {
    const std::string name(member.key());
    const auto field = "keys." + name;
    if (auto checked = lamp::check_key_name(name); !checked) {
      return std::unexpected(Fault{field, fmt::format("key {}: {}", quoted(name), checked.error())});
    }
    if (!member.value().is_object()) {
      return std::unexpected(Fault{
          field, fmt::format(R"({} is {}, expected an object like {{"light":"on"}})", field, kind_of(member.value()))});
    }
    auto key = KeyReader(name, max_value).read(member.value().get_object());
    if (!key) return std::unexpected(key.error());
    all.emplace_back(name, std::move(*key));
  }
  return all;
}

json::object json_of(const lamp::Look& look) {
  json::object document{{"light", lamp::name_of(look.light)}};
  if (look.color) document["color"] = lamp::name_of(*look.color);
  return document;
}

json::object json_of(const lamp::Key& key) {
  auto document = json_of(lamp::Look{key.light, key.color});
  if (!key.label.empty()) document["label"] = key.label;
  if (!key.number.empty()) document["number"] = key.number;
  document["action"] = lamp::name_of(key.press);
  return document;
}

}  // namespace lamplighter::api
