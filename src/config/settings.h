#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace lamplighter::config {

using Table = std::map<std::string, std::string>;
using Strings = std::vector<std::string>;
/// What a setting can hold. Durations are written "5s", "500ms", "2m", "1h" (or a bare number of seconds), sizes
/// "4MiB".
using Value = std::variant<bool, std::int64_t, double, std::string, Strings, std::chrono::milliseconds, Table>;

/// One setting: everything there is to know about it. Parser, --print-config, --set and docs/settings.md come from it.
struct Setting {
  std::string_view name;  ///< "sip.listen"
  Value default_value;
  std::string_view unit;     ///< "" or what is counted: "threads"; "bytes" also takes "4MiB"
  std::string_view doc;      ///< one or more sentences for an administrator
  std::string_view example;  ///< TOML, empty when the default says enough
  /// What is wrong with a value, or empty: "expected a port between 1 and 65535". Asked about the whole value and about
  /// each item of a list and each entry of a table alone, so that the error can point at it. May be null.
  std::string (*check)(const Value&);
  bool hidden = false;  ///< for tests; left out of docs and --print-config
};

std::span<const Setting> settings_table();
/// nullptr when there is none of this name.
const Setting* setting_named(std::string_view name);

/// Something wrong in a file or a --set: `file:line:column: what, what was expected`.
struct ConfigError {
  std::string file;                  ///< or "--set"
  std::size_t line = 0, column = 0;  ///< 1-based; 0: the file as a whole
  std::string what;
  std::string to_string() const;
};

/// Values of all settings: defaults, overridden by files, overridden by --set.
class Settings {
 public:
  Settings();  ///< defaults

  /// Reads TOML over what is there. Every error is reported, not just the first; nothing is applied when there is one.
  std::vector<ConfigError> load_file(const std::string& path);
  std::vector<ConfigError> load_text(std::string_view toml, const std::string& name);
  /// "sip.workers=2", `sip.listen=["udp:127.0.0.1:5070"]`; a bare word is a string, a list setting takes one bare value
  /// too.
  std::vector<ConfigError> set(std::string_view assignment);

  /// What two settings together get wrong. A load checks it; after several set() ask once, at the end: their order does
  /// not matter then.
  std::vector<ConfigError> check_together() const;

  /// By name; asserts that the setting exists and has this type.
  bool flag(std::string_view name) const;
  std::int64_t integer(std::string_view name) const;
  double number(std::string_view name) const;
  const std::string& text(std::string_view name) const;
  const Strings& strings(std::string_view name) const;
  std::chrono::milliseconds duration(std::string_view name) const;
  const Table& table(std::string_view name) const;

  /// Whether a file or --set gave this setting a value.
  bool is_set(std::string_view name) const;
  /// How many settings are set so.
  std::size_t set_count() const;

  /// An error at the place where a setting got its value, or one entry of a table (its key) or item of a list (its
  /// index, from 0): for checks that need to know more than this room does. `what` follows the name and a colon.
  ConfigError error_at(std::string_view name, std::string_view what, std::string_view entry = {}) const;

  /// The whole configuration as TOML that load_text() reads back, each setting with its doc as a comment.
  std::string print() const;

 private:
  friend class Loader;
  struct Place {
    std::string file;
    std::size_t line = 0, column = 0;
  };

  const Value& value(std::string_view name) const;
  std::map<std::string, Value, std::less<>> values_;
  /// Where values came from: "sip.listen", its items "sip.listen.0", entries "dial.lights.431".
  std::map<std::string, Place, std::less<>> places_;
};

/// docs/settings.md, generated.
std::string settings_markdown();

}  // namespace lamplighter::config
