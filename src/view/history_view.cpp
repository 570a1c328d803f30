#include "view/history_view.h"

#include <fmt/format.h>

#include <algorithm>

#include "phone/text_width.h"
#include "view/document.h"
#include "view/words.h"

namespace lamplighter::view {
namespace {

namespace json = boost::json;

constexpr int kTime = 23;     // "2026-11-23 22:00:00.123"
constexpr int kEvent = 18;    // "set message orange"
constexpr int kLatency = 10;  // "31999.9 ms"

/// "2026-11-23T22:00:00.123Z" without its T and Z: the header says UTC.
std::string time_of(const json::object& entry) {
  auto text = text_of(entry, "time");
  if (!parse_time(text)) return text;
  text[10] = ' ';
  text.pop_back();
  return text;
}

std::string line_of(std::string_view time, std::string_view event, std::string_view latency, std::string_view rest) {
  const auto gap = std::max(0, kLatency - phone::text_width(latency));
  return fmt::format("{}  {}  {}{}  {}", phone::fit(time, kTime), phone::fit(event, kEvent),
                     std::string(static_cast<std::size_t>(gap), ' '), latency, rest);
}

}  // namespace

std::expected<std::vector<json::object>, std::string> HistoryTail::fresh(std::string_view document) {
  const auto history = parse_document(document, "entries");
  if (!history) return std::unexpected(history.error());
  const auto entries = objects_of(*history, "entries");
  auto next = entries.begin();  // behind the last one seen, or the first
  for (auto entry = entries.begin(); entry != entries.end(); ++entry) {
    if (**entry == last_) next = entry + 1;
  }
  std::vector<json::object> news;
  for (; next != entries.end(); ++next) news.push_back(**next);
  if (!entries.empty()) last_ = *entries.back();
  return news;
}

std::string HistoryTable::header() {
  return line_of("time (UTC)", "event", "latency", "origin / contact, Call-ID") + "\n";
}

std::string HistoryTable::row(const json::object& entry) const {
  const auto event = text_of(entry, "event");
  if (event == "change") {
    const auto detail = text_of(entry, "detail");
    return line_of(time_of(entry), is(entry, "cleared") ? "cleared" : "set " + look_text(entry), "",
                   fmt::format("{}{}{}", text_of(entry, "origin"), detail.empty() ? "" : ": ", detail)) +
           "\n";
  }
  const auto status = number_of(entry, "status");
  const auto outcome = status == 0 || event == "confirmed" ? event : fmt::format("{} ({})", event, status);
  const auto detail = text_of(entry, "detail");
  auto line = line_of(time_of(entry), outcome, fmt::format("{:.1f} ms", real_of(entry, "latency_ms")),
                      text_of(entry, "contact") + (detail.empty() ? "" : ": " + detail));
  const auto call_id = text_of(entry, "call_id");
  if (call_id.empty()) return line + "\n";
  if (width_ == 0 || phone::text_width(line) + 2 + phone::text_width(call_id) <= width_) {
    return fmt::format("{}  {}\n", line, call_id);
  }
  return fmt::format("{}\n{}Call-ID {}\n", line, std::string(kTime + 2, ' '), call_id);
}

}  // namespace lamplighter::view
