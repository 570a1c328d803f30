#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace lamplighter {

/// A table from numbers that we give out ourselves (never 0, so no peer chooses them) to values: one block of memory,
/// no node for an entry. Inserting and erasing move values: no reference survives them. Not thread safe.
template <typename V>
class IdMap {
 public:
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

  V* find(std::uint32_t id) {
    const auto at = place_of(id);
    return at == kNowhere ? nullptr : &places_[at].value;
  }
  const V* find(std::uint32_t id) const { return const_cast<IdMap*>(this)->find(id); }

  /// The value of this id, made from nothing when there is none.
  V& operator[](std::uint32_t id) {
    if (4 * (size_ + 1) > 3 * places_.size()) grow();
    for (auto at = home(id);; at = next(at)) {
      auto& place = places_[at];
      if (place.id == id) return place.value;
      if (place.id != 0) continue;
      place.id = id;
      ++size_;
      return place.value;
    }
  }

  bool erase(std::uint32_t id) {
    auto hole = place_of(id);
    if (hole == kNowhere) return false;
    // Those behind close up, so that no search ends early (Knuth, vol. 3, 6.4, algorithm R).
    for (auto at = next(hole); places_[at].id != 0; at = next(at)) {
      if (distance(home(places_[at].id), at) < distance(hole, at)) continue;
      places_[hole] = std::move(places_[at]);
      hole = at;
    }
    places_[hole] = {};
    --size_;
    return true;
  }

  template <typename F>
  void for_each(F&& visit) const {
    for (const auto& place : places_) {
      if (place.id != 0) visit(place.id, place.value);
    }
  }

 private:
  struct Place {
    std::uint32_t id = 0;
    V value{};
  };
  static constexpr std::size_t kFirst = 16;
  static constexpr std::size_t kNowhere = static_cast<std::size_t>(-1);

  std::size_t place_of(std::uint32_t id) const {
    if (size_ == 0) return kNowhere;
    for (auto at = home(id);; at = next(at)) {
      if (places_[at].id == id) return at;
      if (places_[at].id == 0) return kNowhere;
    }
  }
  std::size_t home(std::uint32_t id) const { return (id * 0x9e3779b97f4a7c15ULL) >> shift_; }
  std::size_t next(std::size_t at) const { return (at + 1) & (places_.size() - 1); }
  std::size_t distance(std::size_t from, std::size_t to) const { return (to - from) & (places_.size() - 1); }

  void grow() {
    auto old = std::exchange(places_, std::vector<Place>(places_.empty() ? kFirst : 2 * places_.size()));
    shift_ = 64 - static_cast<unsigned>(std::countr_zero(places_.size()));
    for (auto& place : old) {
      if (place.id == 0) continue;
      auto at = home(place.id);
      while (places_[at].id != 0) at = next(at);
      places_[at] = std::move(place);
    }
  }

  std::vector<Place> places_;
  unsigned shift_ = 64;
  std::size_t size_ = 0;
};

}  // namespace lamplighter
