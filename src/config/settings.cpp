#include "config/settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>

#include "config/units.h"

namespace lamplighter::config {

const Setting* setting_named(std::string_view name) {
  const auto table = settings_table();
  const auto found = std::ranges::find(table, name, &Setting::name);
  return found == table.end() ? nullptr : &*found;
}

std::string ConfigError::to_string() const {
  if (line == 0) return fmt::format("{}: {}", file, what);
  return fmt::format("{}:{}:{}: {}", file, line, column, what);
}

Settings::Settings() {
  for (const auto& setting : settings_table()) values_.emplace(setting.name, setting.default_value);
}

const Value& Settings::value(std::string_view name) const {
  const auto found = values_.find(name);
  assert(found != values_.end());
  return found->second;
}

bool Settings::flag(std::string_view name) const { return std::get<bool>(value(name)); }
std::int64_t Settings::integer(std::string_view name) const { return std::get<std::int64_t>(value(name)); }
double Settings::number(std::string_view name) const { return std::get<double>(value(name)); }
const std::string& Settings::text(std::string_view name) const { return std::get<std::string>(value(name)); }
const Strings& Settings::strings(std::string_view name) const { return std::get<Strings>(value(name)); }
const Table& Settings::table(std::string_view name) const { return std::get<Table>(value(name)); }

std::chrono::milliseconds Settings::duration(std::string_view name) const {
  return std::get<std::chrono::milliseconds>(value(name));
}

bool Settings::is_set(std::string_view name) const { return places_.contains(name); }

std::size_t Settings::set_count() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(settings_table(), [&](const Setting& setting) { return is_set(setting.name); }));
}

ConfigError Settings::error_at(std::string_view name, std::string_view what, std::string_view entry) const {
  const Value& held = value(name);
  auto place = places_.find(name);
  if (!entry.empty()) {
    if (const auto exact = places_.find(fmt::format("{}.{}", name, entry)); exact != places_.end()) place = exact;
  }
  // An entry of a table is known by its key; an item of a list by its place.
  auto message = std::holds_alternative<Table>(held) && !entry.empty()
                     ? fmt::format("{}.{}: {}", name, format_key(entry), what)
                     : fmt::format("{}: {}", name, what);
  if (place == places_.end()) return {"defaults", 0, 0, std::move(message)};
  return {place->second.file, place->second.line, place->second.column, std::move(message)};
}

std::vector<ConfigError> Settings::check_together() const {
  std::vector<ConfigError> errors;
  const auto not_longer = [&](std::string_view shorter, std::string_view longer) {
    if (duration(shorter) <= duration(longer)) return;
    const auto complain = [&](std::string_view name, std::string_view relation, std::string_view other) {
      errors.push_back(error_at(name, fmt::format("found {}, expected {} {} ({})", format_duration(duration(name)),
                                                  relation, other, format_duration(duration(other)))));
    };
    // Point at what somebody wrote, not at a default.
    if (is_set(shorter)) {
      complain(shorter, "at most", longer);
    } else {
      complain(longer, "at least", shorter);
    }
  };
  not_longer("registrar.min_expires", "registrar.default_expires");
  not_longer("registrar.min_expires", "registrar.max_expires");
  not_longer("sip.t1", "sip.t2");
  return errors;
}

}  // namespace lamplighter::config
