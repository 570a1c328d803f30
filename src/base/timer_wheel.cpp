#include "base/timer_wheel.h"

#include <bit>

namespace lamplighter {
namespace {

/// The first set bit after position `after`, or nothing.
template <std::size_t N>
std::optional<std::uint32_t> next_set(const std::array<std::uint64_t, N>& words, std::uint32_t after) {
  std::uint32_t from = after + 1;
  for (std::size_t word = from / 64; word < N; ++word) {
    std::uint64_t bits = words[word];
    if (word == from / 64) bits &= ~std::uint64_t{0} << (from % 64);
    if (bits != 0) return static_cast<std::uint32_t>(word * 64) + static_cast<std::uint32_t>(std::countr_zero(bits));
  }
  return std::nullopt;
}

}  // namespace

TimerWheel::TimerWheel(TimePoint start) : start_(start) {}

std::uint64_t TimerWheel::tick_of(TimePoint at) const {
  if (at <= start_) return 0;
  return static_cast<std::uint64_t>(std::chrono::ceil<std::chrono::milliseconds>(at - start_).count());
}

// The level is where the tick first differs from the current one, read as a number of four digits to base 256. So all
// timers of one tick are in the same list at any time, and a slot of an upper level never holds the current turn.
std::uint32_t TimerWheel::list_for(std::uint64_t tick) const {
  std::uint64_t difference = tick ^ tick_;
  if (difference >> (kLevels * kSlotBits) != 0) return kBeyond;
  auto level = difference == 0 ? 0u : static_cast<std::uint32_t>(std::bit_width(difference) - 1) / kSlotBits;
  return level * kSlots + static_cast<std::uint32_t>(tick >> (level * kSlotBits)) % kSlots;
}

TimerHandle TimerWheel::schedule(TimePoint at, std::uint64_t owner, std::uint32_t kind) {
  std::uint32_t index = free_;
  if (index == kNil) {
    index = static_cast<std::uint32_t>(nodes_.size());
    nodes_.emplace_back();
  } else {
    free_ = nodes_[index].next;
  }
  Node& node = nodes_[index];
  node.owner = owner;
  node.kind = kind;
  node.tick = tick_of(at);
  link(index, node.tick <= tick_ ? kOverdue : list_for(node.tick));
  ++size_;
  return {index, node.generation};
}

bool TimerWheel::cancel(TimerHandle handle) {
  if (!handle || handle.slot >= nodes_.size()) return false;
  Node& node = nodes_[handle.slot];
  if (node.generation != handle.generation || node.list == kNil) return false;
  if (node.list != kDue) unlink(handle.slot);
  release(handle.slot);
  return true;
}

std::optional<std::uint64_t> TimerWheel::next_tick() const {
  if (lists_[kOverdue].head != kNil) return tick_;
  for (std::uint32_t level = 0; level < kLevels; ++level) {
    std::uint32_t shift = level * kSlotBits;
    auto slot = next_set(occupied_[level], static_cast<std::uint32_t>(tick_ >> shift) % kSlots);
    if (slot) return (tick_ >> (shift + kSlotBits) << kSlotBits | *slot) << shift;
  }
  constexpr int kReach = kLevels * kSlotBits;
  if (lists_[kBeyond].head != kNil) return ((tick_ >> kReach) + 1) << kReach;
  return std::nullopt;
}

std::optional<TimePoint> TimerWheel::next() const {
  auto tick = next_tick();
  if (!tick) return std::nullopt;
  return start_ + std::chrono::milliseconds{static_cast<std::int64_t>(*tick)};
}

void TimerWheel::collect(TimePoint now) {
  take(kOverdue);
  if (now < start_) return;
  auto target = static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(now - start_).count());
  while (tick_ < target) {
    auto event = next_tick();
    if (!event || *event > target) {
      tick_ = target;  // no list in between holds anything: nothing to cascade
      return;
    }
    tick_ = *event;
    // Where the tick's lower digits are all zero, a turn of that level begins: its timers come down, topmost first.
    if (tick_ % (std::uint64_t{1} << (kLevels * kSlotBits)) == 0) relink(kBeyond);
    for (std::uint32_t level = kLevels - 1; level > 0; --level) {
      std::uint32_t shift = level * kSlotBits;
      if (tick_ % (std::uint64_t{1} << shift) == 0) {
        relink(level * kSlots + static_cast<std::uint32_t>(tick_ >> shift) % kSlots);
      }
    }
    take(static_cast<std::uint32_t>(tick_ % kSlots));
  }
}

void TimerWheel::link(std::uint32_t index, std::uint32_t list) {
  Node& node = nodes_[index];
  Ends& ends = lists_[list];
  node.list = list;
  node.next = kNil;
  node.prev = ends.tail;
  if (ends.tail != kNil) {
    nodes_[ends.tail].next = index;
  } else {
    ends.head = index;
    if (list < kOverdue) occupied_[list / kSlots][list % kSlots / 64] |= std::uint64_t{1} << (list % 64);
  }
  ends.tail = index;
}

void TimerWheel::unlink(std::uint32_t index) {
  Node& node = nodes_[index];
  Ends& ends = lists_[node.list];
  (node.prev == kNil ? ends.head : nodes_[node.prev].next) = node.next;
  (node.next == kNil ? ends.tail : nodes_[node.next].prev) = node.prev;
  if (ends.head == kNil && node.list < kOverdue) {
    occupied_[node.list / kSlots][node.list % kSlots / 64] &= ~(std::uint64_t{1} << (node.list % 64));
  }
}

void TimerWheel::release(std::uint32_t index) {
  Node& node = nodes_[index];
  node.list = kNil;
  node.next = free_;
  if (++node.generation == 0) node.generation = 1;
  free_ = index;
  --size_;
}

void TimerWheel::relink(std::uint32_t list) {
  std::uint32_t index = lists_[list].head;
  const std::uint32_t last = lists_[list].tail;  // timers beyond the next turn too join the same list's tail again
  while (index != kNil) {
    std::uint32_t next = nodes_[index].next;
    unlink(index);
    link(index, list_for(nodes_[index].tick));
    if (index == last) break;
    index = next;
  }
}

void TimerWheel::take(std::uint32_t list) {
  while (lists_[list].head != kNil) {
    std::uint32_t index = lists_[list].head;
    unlink(index);
    nodes_[index].list = kDue;
    due_.push_back(index);
  }
}

std::optional<TimerWheel::Expired> TimerWheel::take_due(std::size_t index) {
  std::uint32_t slot = due_[index];
  // A timer cancelled since was freed, and its node perhaps taken for a new timer: that one is in a list, not due.
  if (nodes_[slot].list != kDue) return std::nullopt;
  Expired expired{nodes_[slot].owner, nodes_[slot].kind};
  release(slot);
  return expired;
}

}  // namespace lamplighter
