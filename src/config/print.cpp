#include <fmt/format.h>

#include <iterator>

#include "config/settings.h"
#include "config/units.h"

namespace lamplighter::config {
namespace {

/// Words in lines of comments.
void append_comment(std::string& out, std::string_view text) {
  constexpr std::size_t kWidth = 100;
  std::size_t width = kWidth;
  while (!text.empty()) {
    const auto end = text.find(' ');
    const auto word = text.substr(0, end);
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
    if (width + 1 + word.size() > kWidth) {
      out += out.empty() || out.back() == '\n' ? "#" : "\n#";
      width = 1;
    }
    out += ' ';
    out += word;
    width += 1 + word.size();
  }
  out += '\n';
}

void append_setting(std::string& out, const Setting& setting, const Value& value) {
  append_comment(out, setting.doc);
  if (value != setting.default_value) {
    append_comment(out, fmt::format("Default: {}", format_value(setting, setting.default_value)));
  }
  if (const auto* table = std::get_if<Table>(&value)) {
    fmt::format_to(std::back_inserter(out), "[{}]\n", setting.name);
    for (const auto& [key, text] : *table) {
      fmt::format_to(std::back_inserter(out), "{} = {}\n", format_key(key), quote(text));
    }
  } else {
    fmt::format_to(std::back_inserter(out), "{} = {}\n", key_of(setting.name), format_value(setting, value));
  }
}

}  // namespace

std::string Settings::print() const {
  std::string out = "# All settings of Lamplighter. What is left out has its default.\n";
  const auto table = settings_table();
  for (auto first = table.begin(); first != table.end();) {
    auto last = first;
    while (last != table.end() && section_of(last->name) == section_of(first->name)) ++last;
    fmt::format_to(std::back_inserter(out), "\n[{}]\n", section_of(first->name));
    // TOML wants a section's own keys before its tables.
    for (const bool tables : {false, true}) {
      for (auto setting = first; setting != last; ++setting) {
        const Value& held = value(setting->name);
        if (setting->hidden || std::holds_alternative<Table>(held) != tables) continue;
        out += '\n';
        append_setting(out, *setting, held);
      }
    }
    first = last;
  }
  return out;
}

std::string settings_markdown() {
  std::string out =
      "# Settings\n\n"
      "<!-- Generated from src/config/settings_table.cpp: lamplighter check --settings-markdown > docs/settings.md "
      "-->\n\n"
      "Settings come from a TOML file (`lamplighter serve --config FILE`) and from the command line\n"
      "(`--set section.key=value`, which wins). What is in neither has its default. `lamplighter check FILE` names "
      "every\n"
      "mistake with its line and column; `lamplighter serve --print-config` prints all settings as they would be "
      "used.\n\n"
      "Durations are written `\"500ms\"`, `\"5s\"`, `\"2m\"`, `\"1h\"`, `\"1d\"`, or as a bare number of seconds; "
      "sizes `\"64KiB\"`,\n"
      "`\"4MiB\"`, or as a bare number of bytes. On the command line quotes and, for a list of one, brackets may be "
      "left\n"
      "out: `--set sip.listen=udp:127.0.0.1:5070`.\n";
  std::string_view section;
  for (const auto& setting : settings_table()) {
    if (setting.hidden) continue;
    if (section_of(setting.name) != section) {
      section = section_of(setting.name);
      fmt::format_to(std::back_inserter(out), "\n## {}\n", section);
    }
    fmt::format_to(std::back_inserter(out), "\n### `{}`\n\n{}\n\n- Takes {}{}.\n- Default: `{}`\n", setting.name,
                   setting.doc, expected_type(setting),
                   setting.unit.empty() || setting.unit == "bytes" ? "" : fmt::format(" ({})", setting.unit),
                   format_value(setting, setting.default_value));
    if (!setting.example.empty()) {
      fmt::format_to(std::back_inserter(out), "- Example: `{} = {}`\n", key_of(setting.name), setting.example);
    }
  }
  return out;
}

}  // namespace lamplighter::config
