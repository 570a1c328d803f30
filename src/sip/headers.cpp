#include "sip/headers.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "sip/chars.h"

// The small ones; addresses and Via have files of their own.
namespace lamplighter::sip {
namespace {

constexpr SipError kBadNumber{400, "Bad number"};

}  // namespace

std::string_view next_list_item(std::string_view& rest) {
  if (rest.find(',') == std::string_view::npos) return trim(std::exchange(rest, {}));  // as most are
  while (!rest.empty()) {
    std::size_t at = 0;
    bool quoted = false;
    bool bracketed = false;
    for (; at < rest.size(); ++at) {
      const char c = rest[at];
      if (quoted) {
        if (c == '\\') ++at;
        if (c == '"') quoted = false;
      } else if (bracketed) {
        if (c == '>') bracketed = false;
      } else if (c == '"') {
        quoted = true;
      } else if (c == '<') {
        bracketed = true;
      } else if (c == ',') {
        break;
      }
    }
    const auto item = trim(rest.substr(0, at));
    rest.remove_prefix(std::min(at + 1, rest.size()));
    if (!item.empty()) return item;
  }
  return {};
}

std::expected<std::uint32_t, SipError> parse_number(std::string_view value) {
  constexpr std::uint64_t kMax = std::numeric_limits<std::uint32_t>::max();
  const auto text = trim(value);
  if (text.empty()) return std::unexpected(kBadNumber);
  std::uint64_t number = 0;
  for (const char c : text) {
    if (!chars::is_digit(c)) return std::unexpected(kBadNumber);
    number = std::min(number * 10 + static_cast<unsigned>(c - '0'), kMax);
  }
  return static_cast<std::uint32_t>(number);
}

std::optional<std::uint32_t> max_forwards(const Message& message) {
  const auto number = parse_number(message.header(HeaderId::kMaxForwards));
  if (!number || *number > 255) return std::nullopt;
  return *number;
}

std::optional<std::chrono::seconds> expires(const Message& message) {
  const auto number = parse_number(message.header(HeaderId::kExpires));
  if (!number) return std::nullopt;
  return std::chrono::seconds(*number);
}

std::optional<int> parse_qvalue(std::string_view text) {
  text = trim(text);
  if (text.empty() || text.size() > 5 || (text[0] != '0' && text[0] != '1')) return std::nullopt;
  if (text.size() > 1 && text[1] != '.') return std::nullopt;
  int value = (text[0] - '0') * 1000;
  int place = 100;
  for (std::size_t at = 2; at < text.size(); ++at, place /= 10) {
    if (!chars::is_digit(text[at])) return std::nullopt;
    value += (text[at] - '0') * place;
  }
  if (value > 1000) return std::nullopt;
  return value;
}

std::string_view media_type(std::string_view value) { return trim(value.substr(0, value.find(';'))); }

bool list_has(const Message& message, HeaderId id, std::string_view token) {
  bool found = false;
  for_each_element(message, id, [&](std::string_view element) {
    found = iequals(element, token);
    return !found;
  });
  return found;
}

bool iequals(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (std::size_t at = 0; at < a.size(); ++at) {
    if (chars::lower(a[at]) != chars::lower(b[at])) return false;
  }
  return true;
}

std::string_view trim(std::string_view text) {
  chars::skip_blanks(text);
  while (!text.empty() && chars::is_blank(text.back())) text.remove_suffix(1);
  return text;
}

std::string unquote(std::string_view text) {
  if (text.size() < 2 || text.front() != '"' || text.back() != '"') return std::string(text);
  const auto content = text.substr(1, text.size() - 2);
  std::string out;
  out.reserve(content.size());
  for (std::size_t at = 0; at < content.size(); ++at) {
    if (content[at] == '\\' && at + 1 < content.size()) ++at;
    out += content[at];
  }
  return out;
}

}  // namespace lamplighter::sip
