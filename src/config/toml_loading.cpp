#include <fmt/format.h>
#include <toml++/toml.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <expected>
#include <memory>

#include "config/loader.h"
#include "config/settings.h"
#include "config/units.h"

namespace lamplighter::config {
namespace {

struct Closer {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

/// `text` as the value of the only key of a document, or why it cannot be.
std::expected<toml::table, std::string> parse_value(std::string_view text) {
  try {
    auto document = toml::parse(fmt::format("value = {}", text));
    if (document.size() == 1 && document.contains("value")) return document;
    return std::unexpected("expected one value");
  } catch (const toml::parse_error& error) {
    return std::unexpected(std::string(error.description()));
  }
}

/// A word of the command line: TOML where it is that and the setting can want it, else bare text.
std::expected<toml::table, std::string> parse_word(bool wants_text, std::string_view word) {
  const bool quoted = word.starts_with('"') || word.starts_with('\'');
  const bool bracketed = word.starts_with('[') || word.starts_with('{');
  if (!wants_text || quoted) {
    auto value = parse_value(word);
    if (value || (bracketed && !wants_text)) return value;
  }
  return parse_value(quote(word));
}

}  // namespace

std::vector<ConfigError> Settings::load_text(std::string_view toml, const std::string& name) {
  Settings next = *this;
  Loader loader(next, name);
  try {
    loader.load(toml::parse(toml, name));
  } catch (const toml::parse_error& error) {
    loader.complain(error.source(), fmt::format("not TOML: {}", error.description()));
  }
  auto errors = loader.finish();
  if (errors.empty()) errors = next.check_together();
  if (errors.empty()) *this = std::move(next);
  return errors;
}

std::vector<ConfigError> Settings::load_file(const std::string& path) {
  constexpr std::size_t kLargest = 4 << 20;
  const auto unreadable = [&] {
    return std::vector{
        ConfigError{path, 0, 0, fmt::format("cannot read it ({}), expected a settings file", std::strerror(errno))}};
  };
  const std::unique_ptr<std::FILE, Closer> file(std::fopen(path.c_str(), "rb"));
  if (!file) return unreadable();
  std::string text(kLargest + 1, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), file.get()));
  if (std::ferror(file.get()) != 0) return unreadable();
  if (text.size() > kLargest) return {{path, 0, 0, "larger than 4MiB, expected a settings file"}};
  return load_text(text, path);
}

std::vector<ConfigError> Settings::set(std::string_view assignment) {
  Settings next = *this;
  Loader loader(next, "--set");
  loader.without_positions();
  const auto equals = assignment.find('=');
  if (equals == assignment.npos) {
    loader.complain({}, fmt::format("found {}, expected SECTION.KEY=VALUE", quote(assignment)));
    return loader.finish();
  }
  const auto name = assignment.substr(0, equals);
  const auto word = assignment.substr(equals + 1);

  const Setting* setting = setting_named(name);
  std::string_view entry;
  if (setting == nullptr) {
    for (const auto& candidate : settings_table()) {
      if (std::holds_alternative<Table>(candidate.default_value) && name.starts_with(candidate.name) &&
          name.substr(candidate.name.size()).starts_with('.')) {
        setting = &candidate;
        entry = name.substr(candidate.name.size() + 1);
      }
    }
  }
  if (setting == nullptr) {
    const bool dotted = name.find('.') != name.npos;
    loader.complain({}, unknown_setting(dotted ? section_of(name) : "", key_of(name), false));
    return loader.finish();
  }

  const bool wants_text = setting->name != name || std::holds_alternative<std::string>(setting->default_value);
  const auto value = parse_word(wants_text, word);
  if (!value) {
    loader.complain({}, fmt::format("{}: {}, expected {}", name, value.error(), expected_type(*setting)));
  } else if (setting->name != name) {
    loader.assign_entry(*setting, entry, *value->get("value"));
  } else {
    loader.assign(*setting, *value->get("value"));
  }
  auto errors = loader.finish();
  if (errors.empty()) *this = std::move(next);
  return errors;
}

}  // namespace lamplighter::config
