#pragma once

#include <toml++/toml.h>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/settings.h"

namespace lamplighter::config {

/// Puts TOML values into settings and collects what is wrong with them. On errors the target is half changed: load into
/// a copy.
class Loader {
 public:
  Loader(Settings& target, std::string file) : target_(target), file_(std::move(file)) {}

  /// Everything of a file, or of one of its sections.
  void load(const toml::table& table, std::string_view section = {});
  void assign(const Setting& setting, const toml::node& node);
  /// One entry of a table setting, the others as they are.
  void assign_entry(const Setting& setting, std::string_view entry, const toml::node& node);

  void complain(const toml::source_region& where, std::string what);
  /// For --set: its one line has no useful position.
  void without_positions() { with_positions_ = false; }

  /// Everything that was wrong, in the order of the file.
  std::vector<ConfigError> finish();

 private:
  struct Converter;

  Settings::Place place_of(const toml::source_region& where) const;
  void remember(std::string name, const toml::node& node);
  std::nullopt_t wrong_type(std::string_view name, std::string_view expected, const toml::node& node);
  std::optional<Value> convert_list(const Setting& setting, const toml::array& array);
  void add_entry(const Setting& setting, Table& table, std::string_view key, const toml::node& node);
  void check(const Setting& setting, const Value& value, const toml::node& node);

  Settings& target_;
  std::string file_;
  bool with_positions_ = true;
  std::vector<ConfigError> errors_;
};

/// "unknown setting sip.lisen, did you mean sip.listen?" `section` is empty for what stands in none.
std::string unknown_setting(std::string_view section, std::string_view key, bool is_section);

}  // namespace lamplighter::config
