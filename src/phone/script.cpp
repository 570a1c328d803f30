#include "phone/script.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>

namespace lamplighter::phone {

namespace {

using Kind = Command::Kind;
using What = Condition::What;

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> words;
  while (true) {
    const auto start = line.find_first_not_of(" \t\r");
    if (start == std::string_view::npos) return words;
    const auto end = std::min(line.find_first_of(" \t\r", start), line.size());
    words.push_back(line.substr(start, end - start));
    line.remove_prefix(end);
  }
}

/// A comment starts with '#' at the line's start, or with a lone '#': numbers may begin with one ("dial #31#").
std::string_view without_comment(std::string_view line) {
  const auto words = words_of(line);
  if (!words.empty() && words[0].starts_with('#')) return {};
  for (const auto word : words) {
    if (word == "#") return line.substr(0, static_cast<std::size_t>(word.data() - line.data()));
  }
  return line;
}

struct Name {
  std::string_view text;
  Kind kind;
};
constexpr std::array<Name, 16> kCommands{{{"register", Kind::kRegister},
                                          {"unregister", Kind::kUnregister},
                                          {"dial", Kind::kDial},
                                          {"press", Kind::kPress},
                                          {"answer", Kind::kAnswer},
                                          {"reject", Kind::kReject},
                                          {"hangup", Kind::kHangUp},
                                          {"reboot", Kind::kReboot},
                                          {"unplug", Kind::kUnplug},
                                          {"plug", Kind::kPlug},
                                          {"show", Kind::kShow},
                                          {"help", Kind::kHelp},
                                          {"quit", Kind::kQuit},
                                          {"sleep", Kind::kSleep},
                                          {"wait", Kind::kWait},
                                          {"expect", Kind::kExpect}}};
constexpr std::array<Name, 9> kShort{{{"d", Kind::kDial},
                                      {"p", Kind::kPress},
                                      {"a", Kind::kAnswer},
                                      {"h", Kind::kHangUp},
                                      {"r", Kind::kRegister},
                                      {"u", Kind::kUnregister},
                                      {"?", Kind::kHelp},
                                      {"q", Kind::kQuit},
                                      {"exit", Kind::kQuit}}};

struct Status {
  std::string_view text;
  What what;
};
constexpr std::array<Status, 7> kConditions{{{"registered", What::kRegistered},
                                             {"unregistered", What::kUnregistered},
                                             {"calling", What::kCalling},
                                             {"ringing", What::kRinging},
                                             {"incoming", What::kIncoming},
                                             {"talking", What::kTalking},
                                             {"idle", What::kIdle}}};

std::optional<Kind> kind_from(std::string_view word, bool typed) {
  const auto is = [word](const Name& name) { return name.text == word; };
  if (const auto found = std::ranges::find_if(kCommands, is); found != kCommands.end()) return found->kind;
  if (typed) {
    if (const auto found = std::ranges::find_if(kShort, is); found != kShort.end()) return found->kind;
  }
  return std::nullopt;
}

/// Takes a condition off the front of `words`.
std::expected<Condition, std::string> take_condition(std::vector<std::string_view>& words) {
  Condition condition;
  if (!words.empty() && words[0] == "key") {
    if (words.size() < 3) return std::unexpected("expected 'key', its number and a light, such as 'key 2 on'");
    const auto light = lamp::light_from(words[2]);
    if (!light)
      return std::unexpected(fmt::format(
          "unknown light '{}', expected one of on off hold pickup park message offline error seized record", words[2]));
    condition.what = What::kKey;
    condition.key = words[1];
    condition.light = *light;
    words.erase(words.begin(), words.begin() + 3);
    return condition;
  }
  const auto found = std::ranges::find_if(
      kConditions, [&](const Status& status) { return !words.empty() && status.text == words[0]; });
  if (found == kConditions.end()) {
    return std::unexpected(fmt::format(
        "{}, expected registered, unregistered, calling, ringing, incoming, talking, idle or key NUMBER LIGHT",
        words.empty() ? "nothing to wait for" : fmt::format("unknown state '{}'", words[0])));
  }
  condition.what = found->what;
  words.erase(words.begin());
  return condition;
}

std::expected<Command, std::string> complete(Kind kind, std::vector<std::string_view> words) {
  Command command;
  command.kind = kind;
  switch (kind) {
    case Kind::kDial:
    case Kind::kPress:
      if (words.empty()) {
        return std::unexpected(kind == Kind::kDial ? "expected a number to dial, such as 'dial 431'"
                                                   : "expected a key to press, such as 'press 2'");
      }
      command.argument = words[0];
      words.erase(words.begin());
      break;
    case Kind::kReject:
      if (!words.empty()) {
        const auto text = words[0];
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), command.status);
        if (error != std::errc{} || end != text.data() + text.size() || command.status < 300 || command.status > 699) {
          return std::unexpected(
              fmt::format("'{}' is no status to reject with, expected 300 to 699, such as 486", text));
        }
        words.erase(words.begin());
      }
      break;
    case Kind::kSleep: {
      auto time = words.empty() ? std::unexpected(std::string{"expected a time, such as 'sleep 500ms'"})
                                : parse_duration(words[0]);
      if (!time) return std::unexpected(std::move(time.error()));
      command.time = *time;
      words.erase(words.begin());
      break;
    }
    case Kind::kWait:
    case Kind::kExpect: {
      auto condition = take_condition(words);
      if (!condition) return std::unexpected(std::move(condition.error()));
      command.condition = std::move(*condition);
      if (kind == Kind::kExpect) break;
      command.time = kDefaultWait;
      if (!words.empty()) {
        auto time = parse_duration(words[0]);
        if (!time) return std::unexpected(std::move(time.error()));
        command.time = *time;
        words.erase(words.begin());
      }
      break;
    }
    default: break;
  }
  if (!words.empty()) return std::unexpected(fmt::format("'{}' is too much", words[0]));
  return command;
}

}  // namespace

std::string Condition::to_string() const {
  if (what == What::kKey) return fmt::format("key {} {}", key, lamp::name_of(light));
  const auto found = std::ranges::find_if(kConditions, [this](const Status& status) { return status.what == what; });
  return std::string{found->text};
}

std::expected<Duration, std::string> parse_duration(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
  const double seconds = unit.empty() || unit == "s" ? value
                         : unit == "ms"              ? value / 1000
                         : unit == "m"               ? value * 60
                                                     : -1;
  if (error != std::errc{} || !std::isfinite(value) || seconds < 0 || seconds > 86400) {
    return std::unexpected(
        fmt::format("'{}' is no time, expected something like 500ms, 2s or 1m, at most a day", text));
  }
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
}

std::expected<Command, std::string> parse_command(std::string_view line) {
  auto words = words_of(line);
  const auto kind = words.empty() ? std::nullopt : kind_from(words[0], false);
  if (!kind) {
    std::string known;
    for (const auto& name : kCommands) known += fmt::format(" {}", name.text);
    return std::unexpected(
        fmt::format("unknown command '{}', expected one of{}", words.empty() ? "" : words[0], known));
  }
  words.erase(words.begin());
  return complete(*kind, std::move(words));
}

std::expected<std::optional<Command>, std::string> parse_typed(std::string_view line) {
  auto words = words_of(line);
  if (words.empty()) return std::nullopt;
  auto kind = kind_from(words[0], true);
  if (kind) {
    words.erase(words.begin());
  } else if (words.size() == 1 && words[0].find_first_not_of("0123456789*#+") == std::string_view::npos) {
    kind = Kind::kDial;  // a bare number
  } else {
    return std::unexpected(fmt::format("'{}' is nothing I know; type ? for help, or a number to dial", words[0]));
  }
  auto command = complete(*kind, std::move(words));
  if (!command) return std::unexpected(std::move(command.error()));
  return std::move(*command);
}

std::expected<std::vector<Command>, ScriptError> parse_script(std::string_view text) {
  std::vector<Command> commands;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const auto end = std::min(text.find('\n'), text.size());
    const auto line = without_comment(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (words_of(line).empty()) continue;
    auto command = parse_command(line);
    if (!command) return std::unexpected(ScriptError{number, std::move(command.error())});
    command->line = number;
    commands.push_back(std::move(*command));
  }
  return commands;
}

}  // namespace lamplighter::phone
