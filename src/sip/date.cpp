#include "sip/date.h"

#include <algorithm>
#include <array>

#include "sip/chars.h"
#include "sip/headers.h"

namespace lamplighter::sip {
namespace {

constexpr std::array<std::string_view, 7> kDays{"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
constexpr std::array<std::string_view, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

bool is_one_of(std::string_view text, const auto& names) {
  return std::ranges::any_of(names, [&](auto name) { return iequals(text, name); });
}

// Two digits at `at`, not above `max`.
bool is_number(std::string_view text, std::size_t at, int max) {
  return chars::is_digit(text[at]) && chars::is_digit(text[at + 1]) &&
         (text[at] - '0') * 10 + (text[at + 1] - '0') <= max;
}

}  // namespace

bool is_sip_date(std::string_view value) {
  constexpr std::string_view kShape = "Www, DD Mmm YYYY HH:MM:SS GMT";
  const auto text = trim(value);
  if (text.size() != kShape.size()) return false;
  for (std::size_t at = 0; at < kShape.size(); ++at) {
    const char c = kShape[at];
    if ((c == ' ' || c == ',' || c == ':') && text[at] != c) return false;
  }
  return is_one_of(text.substr(0, 3), kDays) && is_number(text, 5, 31) && is_one_of(text.substr(8, 3), kMonths) &&
         is_number(text, 12, 99) && is_number(text, 14, 99) && is_number(text, 17, 23) && is_number(text, 20, 59) &&
         is_number(text, 23, 60) && iequals(text.substr(26), "GMT");
}

}  // namespace lamplighter::sip
