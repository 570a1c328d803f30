#include "lamp/history.h"

#include <algorithm>
#include <limits>
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

std::string_view name_of(HistoryKind kind) {
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

void History::add(std::uint64_t& newest, const HistoryNote& note) {
  if (capacity_ == 0) return;
  const std::uint64_t number = ++last_;
  const std::size_t place = (number - 1) % capacity_;
  if (place == ring_.size()) {
    // Left alone, the vector would double past what was allowed.
    constexpr std::size_t kFirst = 16;
    if (place == ring_.capacity()) ring_.reserve(std::min(capacity_, std::max(kFirst, 2 * place)));
    ring_.emplace_back();
  }
  constexpr std::size_t kLongest = std::numeric_limits<std::uint16_t>::max();
  auto& entry = ring_[place];
  entry.number = number;
  entry.older = std::exchange(newest, number);
  entry.note = note;
  entry.note.contact = entry.note.call_id = entry.note.detail = {};
  entry.contact = static_cast<std::uint16_t>(std::min(note.contact.size(), kLongest));
  entry.call_id = static_cast<std::uint16_t>(std::min(note.call_id.size(), kLongest));
  entry.text.assign(note.contact, 0, entry.contact).append(note.call_id, 0, entry.call_id).append(note.detail);
}

std::vector<HistoryEntry> History::of(std::uint64_t newest) const {
  std::vector<HistoryEntry> entries;
  if (capacity_ == 0) return entries;
  for (std::uint64_t number = newest; number != 0;) {
    const std::size_t place = (number - 1) % capacity_;
    if (place >= ring_.size() || ring_[place].number != number) break;  // pushed out, and with it all older ones
    const auto& [its_number, older, note, contact, call_id, text] = ring_[place];
    entries.push_back({.kind = note.kind,
                       .origin = note.origin,
                       .cleared = note.cleared,
                       .status = note.status,
                       .look = note.look,
                       .at = note.at,
                       .version = note.version,
                       .latency = note.latency,
                       .contact = text.substr(0, contact),
                       .call_id = text.substr(contact, call_id),
                       .detail = text.substr(std::size_t{contact} + call_id)});
    number = older;
  }
  std::ranges::reverse(entries);
  return entries;
}

}  // namespace lamplighter::lamp
