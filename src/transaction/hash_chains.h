#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace lamplighter::transaction {

/// A hash index over the slots of a slab: finds the slots that were inserted with a hash; whether one of them is the
/// one meant is for the caller to compare. Insert and erase are O(1) also in a long chain (many transactions on one
/// flow).
class HashChains {
 public:
  static constexpr std::uint32_t kNone = 0xffffffff;

  HashChains() : heads_(64, kNone) {}

  /// `slot` must not be in already.
  void insert(std::uint32_t slot, std::uint64_t hash) {
    if (size_ >= heads_.size()) rehash(heads_.size() * 2);
    if (slot >= links_.size()) links_.resize(slot + std::size_t{1});
    links_[slot].hash = static_cast<std::uint32_t>(hash);
    link(slot);
    ++size_;
  }

  /// `slot` must be in.
  void erase(std::uint32_t slot) {
    const auto& gone = links_[slot];
    (gone.prev == kNone ? heads_[bucket(gone.hash)] : links_[gone.prev].next) = gone.next;
    if (gone.next != kNone) links_[gone.next].prev = gone.prev;
    --size_;
  }

  /// The first slot with this hash, or kNone; then next() until kNone. Nothing may be inserted or erased meanwhile.
  std::uint32_t first(std::uint64_t hash) const {
    const auto low = static_cast<std::uint32_t>(hash);
    return same(heads_[bucket(low)], low);
  }
  std::uint32_t next(std::uint32_t slot) const { return same(links_[slot].next, links_[slot].hash); }

  std::size_t size() const { return size_; }

 private:
  struct Link {
    std::uint32_t next = kNone;
    std::uint32_t prev = kNone;
    std::uint32_t hash = 0;
  };

  std::size_t bucket(std::uint32_t hash) const { return hash & (heads_.size() - 1); }

  std::uint32_t same(std::uint32_t slot, std::uint32_t hash) const {
    while (slot != kNone && links_[slot].hash != hash) slot = links_[slot].next;
    return slot;
  }

  void link(std::uint32_t slot) {
    auto& head = heads_[bucket(links_[slot].hash)];
    links_[slot].prev = kNone;
    links_[slot].next = head;
    if (head != kNone) links_[head].prev = slot;
    head = slot;
  }

  void rehash(std::size_t buckets) {
    auto old = std::move(heads_);
    heads_.assign(buckets, kNone);
    for (auto slot : old) {
      while (slot != kNone) {
        const auto next = links_[slot].next;
        link(slot);
        slot = next;
      }
    }
  }

  std::vector<std::uint32_t> heads_;  ///< a power of two
  std::vector<Link> links_;           ///< by slot
  std::size_t size_ = 0;
};

}  // namespace lamplighter::transaction
