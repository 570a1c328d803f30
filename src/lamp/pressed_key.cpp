#include "lamp/pressed_key.h"

namespace lamplighter::lamp {
namespace {

constexpr std::string_view kTargetPrefix = "key-";

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r";
  const auto first = text.find_first_not_of(kBlanks);
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

}  // namespace

std::optional<KeyName> pressed_key(std::string_view body) {
  while (!body.empty()) {
    const auto end = body.find('\n');
    const auto line = trimmed(body.substr(0, end));
    body.remove_prefix(end == body.npos ? body.size() : end + 1);
    if (!line.starts_with("k=")) continue;
    const auto name = trimmed(line.substr(2));
    if (check_key_name(name)) return KeyName(name);
  }
  return std::nullopt;
}

std::string target_of_key(std::string_view name) { return std::string(kTargetPrefix).append(name); }

std::optional<std::string_view> key_of_target(std::string_view user) {
  if (!user.starts_with(kTargetPrefix)) return std::nullopt;
  const auto name = user.substr(kTargetPrefix.size());
  return check_key_name(name) ? std::optional(name) : std::nullopt;
}

}  // namespace lamplighter::lamp
