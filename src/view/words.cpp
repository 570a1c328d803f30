#include "view/words.h"

#include <fmt/format.h>

#include <charconv>

#include "view/document.h"

namespace lamplighter::view {
namespace {

using std::chrono::milliseconds;

/// The digits at `offset`; none when there are others than digits.
std::optional<int> digits(std::string_view text, std::size_t offset, std::size_t count) {
  const auto* first = text.data() + offset;
  int number = 0;
  const auto [end, error] = std::from_chars(first, first + count, number);
  if (error != std::errc{} || end != first + count || number < 0) return std::nullopt;
  return number;
}

}  // namespace

std::optional<WallTime> parse_time(std::string_view text) {
  constexpr std::string_view kForm = "0000-00-00T00:00:00.000Z";
  if (text.size() != kForm.size()) return std::nullopt;
  for (std::size_t i = 0; i < kForm.size(); ++i) {
    if (kForm[i] != '0' && text[i] != kForm[i]) return std::nullopt;
  }
  const auto year = digits(text, 0, 4), month = digits(text, 5, 2), day = digits(text, 8, 2);
  const auto hour = digits(text, 11, 2), minute = digits(text, 14, 2), second = digits(text, 17, 2);
  const auto fraction = digits(text, 20, 3);
  if (!year || !month || !day || !hour || !minute || !second || !fraction) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year{*year}, std::chrono::month{static_cast<unsigned>(*month)},
                                         std::chrono::day{static_cast<unsigned>(*day)}};
  if (!date.ok()) return std::nullopt;
  return std::chrono::sys_days{date} + std::chrono::hours{*hour} + std::chrono::minutes{*minute} +
         std::chrono::seconds{*second} + milliseconds{*fraction};
}

std::string span_text(milliseconds span) {
  const auto seconds = std::max<std::int64_t>(std::chrono::ceil<std::chrono::seconds>(span).count(), 1);
  if (seconds < 100) return fmt::format("{} s", seconds);
  const auto minutes = (seconds + 59) / 60;
  if (minutes < 100) return fmt::format("{} min", minutes);
  const auto hours = (minutes + 59) / 60;
  return hours < 72 ? fmt::format("{} h", hours) : fmt::format("{} days", (hours + 23) / 24);
}

std::string look_text(const boost::json::object& look) {
  const auto light = text_of(look, "light");
  const auto color = text_of(look, "color");
  return color.empty() ? light : fmt::format("{} {}", light, color);
}

std::string key_text(const boost::json::object& key) {
  auto text = text_of(key, "light");
  if (const auto color = text_of(key, "color"); !color.empty()) text += ", " + color;
  if (const auto label = text_of(key, "label"); !label.empty()) text += fmt::format(", \"{}\"", label);
  if (const auto number = text_of(key, "number"); !number.empty()) text += ", number " + number;
  if (const auto action = text_of(key, "action"); !action.empty() && action != "invite") text += ", " + action;
  return text;
}

std::string state_text(const boost::json::object& delivery, std::optional<WallTime> next_try, WallTime now) {
  auto text = text_of(delivery, "state");
  const auto status = number_of(delivery, "status");
  const bool waits = next_try && text != "confirmed" && text != "refused";
  if (waits && text == "retrying" && status != 0) {
    text = fmt::format("answered {}", status);
  } else if (status != 0) {
    text += fmt::format(" ({})", status);
  }
  // The clocks of two machines may differ: never a time in the past.
  if (waits) text += *next_try > now ? ", next try in " + span_text(*next_try - now) : ", next try now";
  return text;
}

}  // namespace lamplighter::view
