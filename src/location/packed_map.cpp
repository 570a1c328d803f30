#include "location/packed_map.h"

#include <algorithm>
#include <cstring>

#include "location/varint.h"

namespace lamplighter::location {

namespace {

constexpr std::size_t kFirstSlots = 8;

// An entry: length of the key, length of the value, key, value.
std::unique_ptr<char[]> make_entry(std::string_view key, std::string_view value) {
  const auto size = size_of_number(key.size()) + size_of_number(value.size()) + key.size() + value.size();
  auto entry = std::make_unique_for_overwrite<char[]>(size);
  auto* out = write_number(write_number(entry.get(), key.size()), value.size());
  std::ranges::copy(value, std::ranges::copy(key, out).out);
  return entry;
}

}  // namespace

std::uint32_t PackedMap::tag_of(std::size_t hash) {
  const auto tag = static_cast<std::uint32_t>(hash);
  return tag == kFree ? 1 : tag;
}

// The slots stand in the order of their tags: any number of them will do, not only powers of two.
std::size_t PackedMap::home(std::uint32_t tag) const {
  return static_cast<std::size_t>((static_cast<std::uint64_t>(tag) * tags_.size()) >> 32);
}

PackedMap::Entry PackedMap::read(std::size_t slot) const {
  Cursor cursor(entries_[slot].get());
  const auto key = cursor.number();
  const auto value = cursor.number();
  Entry entry;
  entry.key = cursor.bytes(key);
  entry.value = cursor.bytes(value);
  return entry;
}

std::size_t PackedMap::seek(std::string_view key, std::uint32_t tag) const {
  auto slot = home(tag);
  while (tags_[slot] != kFree && (tags_[slot] != tag || read(slot).key != key)) slot = next(slot);
  return slot;
}

std::optional<std::string_view> PackedMap::find(std::string_view key, std::size_t hash) const {
  if (size_ == 0) return std::nullopt;
  const auto slot = seek(key, tag_of(hash));
  if (tags_[slot] == kFree) return std::nullopt;
  return read(slot).value;
}

void PackedMap::set(std::string_view key, std::size_t hash, std::string_view value) {
  if ((size_ + 1) * 8 > tags_.size() * 7) grow();
  const auto tag = tag_of(hash);
  const auto slot = seek(key, tag);
  if (tags_[slot] == kFree) {
    entries_[slot] = make_entry(key, value);
    tags_[slot] = tag;
    ++size_;
    return;
  }
  const auto there = read(slot).value;
  if (there.size() == value.size()) {
    std::memcpy(entries_[slot].get() + (there.data() - entries_[slot].get()), value.data(), value.size());
  } else {
    entries_[slot] = make_entry(key, value);
  }
}

bool PackedMap::erase(std::string_view key, std::size_t hash) {
  if (size_ == 0) return false;
  auto hole = seek(key, tag_of(hash));
  if (tags_[hole] == kFree) return false;
  // Whoever comes after and could not be here because this slot was taken moves up, so that no search ends too early.
  const auto distance = [&](std::size_t from, std::size_t to) {
    return to >= from ? to - from : to + tags_.size() - from;
  };
  for (auto slot = next(hole); tags_[slot] != kFree; slot = next(slot)) {
    if (distance(home(tags_[slot]), slot) < distance(hole, slot)) continue;
    tags_[hole] = tags_[slot];
    entries_[hole] = std::move(entries_[slot]);
    hole = slot;
  }
  tags_[hole] = kFree;
  entries_[hole].reset();
  --size_;
  return true;
}

void PackedMap::grow() {
  auto tags = std::move(tags_);
  auto entries = std::move(entries_);
  const auto slots = std::max(kFirstSlots, tags.size() + tags.size() / 2);
  tags_ = std::vector<std::uint32_t>(slots, kFree);
  entries_ = std::vector<std::unique_ptr<char[]>>(slots);
  for (std::size_t old = 0; old < tags.size(); ++old) {
    if (tags[old] == kFree) continue;
    auto slot = home(tags[old]);
    while (tags_[slot] != kFree) slot = next(slot);
    tags_[slot] = tags[old];
    entries_[slot] = std::move(entries[old]);
  }
}

}  // namespace lamplighter::location
