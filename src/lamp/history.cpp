#include "lamp/history.h"

#include <algorithm>
#include <utility>

namespace lamplighter::lamp {

std::string_view name_of(Origin::Kind kind) {
  switch (kind) {
    case Origin::Kind::kDial: return "dial";
    case Origin::Kind::kPress: return "press";
    case Origin::Kind::kApi: return "api";
    case Origin::Kind::kRestore: return "restore";
  }
  return "";
}

std::string_view name_of(HistoryEntry::Kind kind) {
  switch (kind) {
    case HistoryEntry::Kind::kChange: return "change";
    case HistoryEntry::Kind::kConfirmed: return "confirmed";
    case HistoryEntry::Kind::kRefused: return "refused";
    case HistoryEntry::Kind::kRetrying: return "retrying";
    case HistoryEntry::Kind::kUnreachable: return "unreachable";
    case HistoryEntry::Kind::kAbandoned: return "abandoned";
  }
  return "";
}

History::History(std::size_t capacity) : capacity_(capacity) {}

void History::add(std::uint64_t& newest, HistoryEntry entry) {
  if (capacity_ == 0) return;
  const std::uint64_t number = ++last_;
  const std::size_t place = (number - 1) % capacity_;
  if (place == ring_.size()) {
    // Left alone, the vector would double past what was allowed.
    constexpr std::size_t kFirst = 16;
    if (place == ring_.capacity()) ring_.reserve(std::min(capacity_, std::max(kFirst, 2 * place)));
    ring_.emplace_back();
  }
  ring_[place] = {number, newest, std::move(entry)};
  newest = number;
}

std::vector<HistoryEntry> History::of(std::uint64_t newest) const {
  std::vector<HistoryEntry> entries;
  if (capacity_ == 0) return entries;
  for (std::uint64_t number = newest; number != 0;) {
    const std::size_t place = (number - 1) % capacity_;
    if (place >= ring_.size() || ring_[place].number != number) break;  // pushed out, and with it all older ones
    entries.push_back(ring_[place].entry);
    number = ring_[place].older;
  }
  std::ranges::reverse(entries);
  return entries;
}

}  // namespace lamplighter::lamp
