#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

namespace lamplighter::location {

/// Text → bytes, for a million small entries: open addressing, twelve bytes a slot, and one allocation an entry that
/// holds key and value. An entry whose value keeps its length is changed in place. The caller hashes: lower 32 bits
/// count.
class PackedMap {
 public:
  /// Good until the map is changed.
  std::optional<std::string_view> find(std::string_view key, std::size_t hash) const;
  /// Adds or replaces. `value` may not be a part of this map.
  void set(std::string_view key, std::size_t hash, std::string_view value);
  bool erase(std::string_view key, std::size_t hash);

  std::size_t size() const { return size_; }
  std::size_t slots() const { return tags_.size(); }

  /// Calls visit(key, value) for every entry, in no order worth knowing. The map may not be changed meanwhile.
  template <typename F>
  void for_each(F&& visit) const {
    for (std::size_t slot = 0; slot < tags_.size(); ++slot) {
      if (tags_[slot] == kFree) continue;
      const auto entry = read(slot);
      visit(entry.key, entry.value);
    }
  }

 private:
  static constexpr std::uint32_t kFree = 0;
  struct Entry {
    std::string_view key, value;
  };

  static std::uint32_t tag_of(std::size_t hash);
  std::size_t home(std::uint32_t tag) const;
  std::size_t next(std::size_t slot) const { return slot + 1 == tags_.size() ? 0 : slot + 1; }
  /// Where the key is, or the free slot where it would be; needs a free slot.
  std::size_t seek(std::string_view key, std::uint32_t tag) const;
  Entry read(std::size_t slot) const;
  void grow();

  // Apart, so that a search reads sixteen tags a cache line, and an entry only when it is most likely the right one.
  std::vector<std::uint32_t> tags_;
  std::vector<std::unique_ptr<char[]>> entries_;
  std::size_t size_ = 0;
};

}  // namespace lamplighter::location
