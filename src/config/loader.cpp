#include "config/loader.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <tuple>

#include "config/suggest.h"
#include "config/units.h"

namespace lamplighter::config {
namespace {

/// What stands in the file, for "found …, expected …".
std::string describe(const toml::node& node) {
  constexpr std::size_t kShown = 60;
  switch (node.type()) {
    case toml::node_type::string: return "the text " + quote(node.as_string()->get().substr(0, kShown));
    case toml::node_type::integer: return fmt::format("the number {}", node.as_integer()->get());
    case toml::node_type::floating_point: return fmt::format("the number {}", node.as_floating_point()->get());
    case toml::node_type::boolean: return node.as_boolean()->get() ? "true" : "false";
    case toml::node_type::array: return "a list";
    case toml::node_type::table: return "a table";
    default: return "a date or time";
  }
}

bool is_section(std::string_view name) {
  return std::ranges::any_of(settings_table(),
                             [&](const Setting& setting) { return section_of(setting.name) == name; });
}

}  // namespace

/// One function for each type a setting can have: the value, or a complaint.
struct Loader::Converter {
  Loader& loader;
  const Setting& setting;
  const toml::node& node;
  const toml::value<std::string>* text = node.as_string();
  const toml::value<std::int64_t>* whole = node.as_integer();
  const toml::value<double>* real = node.as_floating_point();

  std::nullopt_t wrong() const { return loader.wrong_type(setting.name, expected_type(setting), node); }

  std::optional<Value> operator()(bool) const {
    if (node.is_boolean()) return node.as_boolean()->get();
    return wrong();
  }
  std::optional<Value> operator()(std::int64_t) const {
    if (whole != nullptr) return whole->get();
    if (text != nullptr && setting.unit == "bytes") {
      if (const auto size = parse_size(text->get())) return *size;
    }
    return wrong();
  }
  std::optional<Value> operator()(double) const {
    if (real != nullptr && std::isfinite(real->get())) return real->get();
    if (whole != nullptr) return static_cast<double>(whole->get());
    return wrong();
  }
  std::optional<Value> operator()(const std::string&) const {
    if (text != nullptr) return text->get();
    return wrong();
  }
  std::optional<Value> operator()(std::chrono::milliseconds) const {
    if (text != nullptr) {
      if (const auto duration = parse_duration(text->get())) return *duration;
      return wrong();
    }
    constexpr double kLongest = 1e9;  // seconds: 30 years
    const double seconds = real != nullptr ? real->get() : whole != nullptr ? static_cast<double>(whole->get()) : -1;
    if (!(seconds >= 0 && seconds <= kLongest)) return wrong();
    return std::chrono::milliseconds(std::llround(seconds * 1000));
  }
  std::optional<Value> operator()(const Strings&) const {
    if (text != nullptr) return Strings{text->get()};
    if (node.is_array()) return loader.convert_list(setting, *node.as_array());
    return wrong();
  }
  std::optional<Value> operator()(const Table&) const {
    if (!node.is_table()) return wrong();
    Table table;
    for (const auto& [key, value] : *node.as_table()) loader.add_entry(setting, table, key.str(), value);
    return table;
  }
};

void Loader::load(const toml::table& table, std::string_view section) {
  for (const auto& [key, node] : table) {
    const auto name = section.empty() ? std::string(key.str()) : fmt::format("{}.{}", section, key.str());
    if (const Setting* setting = setting_named(name)) {
      assign(*setting, node);
    } else if (!section.empty() || !is_section(name)) {
      complain(key.source(), unknown_setting(section, key.str(), node.is_table()));
    } else if (const auto* inner = node.as_table()) {
      load(*inner, name);
    } else {
      complain(node.source(), fmt::format("{}: found {}, expected a section [{}]", name, describe(node), name));
    }
  }
}

void Loader::assign(const Setting& setting, const toml::node& node) {
  const auto before = errors_.size();
  const auto entries = fmt::format("{}.", setting.name);
  std::erase_if(target_.places_, [&](const auto& place) { return place.first.starts_with(entries); });
  auto value = std::visit(Converter{*this, setting, node}, setting.default_value);
  if (errors_.size() == before) check(setting, *value, node);
  if (errors_.size() != before) return;
  target_.values_.find(setting.name)->second = std::move(*value);
  remember(std::string(setting.name), node);
}

void Loader::assign_entry(const Setting& setting, std::string_view entry, const toml::node& node) {
  const auto before = errors_.size();
  Table added;
  add_entry(setting, added, entry, node);
  if (errors_.size() == before) check(setting, added, node);
  if (errors_.size() != before) return;
  auto& table = std::get<Table>(target_.values_.find(setting.name)->second);
  table.insert_or_assign(std::string(entry), added.begin()->second);
  remember(std::string(setting.name), node);
}

void Loader::complain(const toml::source_region& where, std::string what) {
  auto place = place_of(where);
  errors_.push_back({std::move(place.file), place.line, place.column, std::move(what)});
}

std::vector<ConfigError> Loader::finish() {
  // The TOML library hands keys out by name.
  std::ranges::stable_sort(errors_, {}, [](const ConfigError& error) { return std::tuple(error.line, error.column); });
  return std::move(errors_);
}

Settings::Place Loader::place_of(const toml::source_region& where) const {
  if (!with_positions_) return {file_};
  return {file_, where.begin.line, where.begin.column};
}

void Loader::remember(std::string name, const toml::node& node) {
  target_.places_[std::move(name)] = place_of(node.source());
}

std::nullopt_t Loader::wrong_type(std::string_view name, std::string_view expected, const toml::node& node) {
  complain(node.source(), fmt::format("{}: found {}, expected {}", name, describe(node), expected));
  return std::nullopt;
}

std::optional<Value> Loader::convert_list(const Setting& setting, const toml::array& array) {
  Strings list;
  for (const auto& item : array) {
    if (const auto* text = item.as_string()) {
      remember(fmt::format("{}.{}", setting.name, list.size()), item);
      list.push_back(text->get());
    } else {
      wrong_type(setting.name, "texts in quotes as items", item);
    }
  }
  return list;
}

void Loader::add_entry(const Setting& setting, Table& table, std::string_view key, const toml::node& node) {
  const auto name = fmt::format("{}.{}", setting.name, key);
  if (const auto* text = node.as_string()) {
    remember(name, node);
    table.insert_or_assign(std::string(key), text->get());
  } else {
    wrong_type(name, "text in quotes", node);
  }
}

// The setting's check is asked about each part, so that the error stands where the part stands, then about the whole.
void Loader::check(const Setting& setting, const Value& value, const toml::node& node) {
  if (setting.check == nullptr) return;
  const auto before = errors_.size();
  const auto ask = [&](const Value& part, std::string_view shown, std::string_view entry) {
    auto wrong = setting.check(part);
    if (wrong.empty()) return;
    if (wrong.starts_with("expected")) wrong = fmt::format("found {}, {}", shown, wrong);
    auto error = target_.error_at(setting.name, wrong, entry);
    const auto exact = target_.places_.find(fmt::format("{}.{}", setting.name, entry));
    const auto place = exact == target_.places_.end() ? place_of(node.source()) : exact->second;
    errors_.push_back({place.file, place.line, place.column, std::move(error.what)});
  };
  if (const auto* list = std::get_if<Strings>(&value)) {
    for (std::size_t i = 0; i < list->size(); ++i) ask(Strings{(*list)[i]}, quote((*list)[i]), std::to_string(i));
  } else if (const auto* table = std::get_if<Table>(&value)) {
    for (const auto& [key, text] : *table) ask(Table{{key, text}}, quote(text), key);
  }
  if (errors_.size() == before) ask(value, format_value(setting, value), {});
}

std::string unknown_setting(std::string_view section, std::string_view key, bool is_section) {
  std::vector<std::string_view> sections, here, everywhere;
  for (const auto& setting : settings_table()) {
    if (setting.hidden) continue;
    const auto its_section = section_of(setting.name);
    if (sections.empty() || sections.back() != its_section) sections.push_back(its_section);
    if (its_section == section) here.push_back(key_of(setting.name));
    everywhere.push_back(key_of(setting.name));
  }
  if (section.empty() && is_section) {
    const auto meant = nearest(key, sections);
    return meant ? fmt::format("unknown section [{}], did you mean [{}]?", key, *meant)
                 : fmt::format("unknown section [{}], expected one of {}", key, fmt::join(sections, ", "));
  }
  const auto name = section.empty() ? std::string(key) : fmt::format("{}.{}", section, key);
  if (const auto meant = nearest(key, here)) {
    return fmt::format("unknown setting {}, did you mean {}.{}?", name, section, *meant);
  }
  if (const auto meant = nearest(key, everywhere)) {  // the right key in the wrong section, or in none
    for (const auto& setting : settings_table()) {
      if (key_of(setting.name) == *meant)
        return fmt::format("unknown setting {}, did you mean {}?", name, setting.name);
    }
  }
  if (here.empty())
    return fmt::format("unknown setting {}, expected one of a section: {}", name, fmt::join(sections, ", "));
  return fmt::format("unknown setting {}, expected one of {}", name, fmt::join(here, ", "));
}

}  // namespace lamplighter::config
