#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace lamplighter::transaction {

/// Cells that are taken and given back without allocation once the slab has grown to its peak. Cells never move: the
/// slab grows by chunks, so growth costs no copy and a reference stays good until its own cell is released. A value
/// keeps what it owns (string capacity) for the next user of its cell.
template <typename T>
class Slab {
 public:
  struct Name {
    std::uint32_t slot;
    std::uint32_t generation;
  };

  Name acquire() {
    if (free_ == kNone) grow();
    const auto slot = free_;
    auto& cell = at(slot);
    free_ = cell.next_free;
    cell.next_free = kTaken;
    ++size_;
    return {slot, cell.generation};
  }

  void release(std::uint32_t slot) {
    auto& cell = at(slot);
    if (++cell.generation == 0) cell.generation = 1;  // 0 names nothing
    cell.next_free = free_;
    free_ = slot;
    --size_;
  }

  /// nullptr when the cell was released since, or never was.
  T* get(std::uint32_t slot, std::uint32_t generation) {
    if (slot >= capacity()) return nullptr;
    auto& cell = at(slot);
    return cell.generation == generation && cell.next_free == kTaken ? &cell.value : nullptr;
  }
  const T* get(std::uint32_t slot, std::uint32_t generation) const {
    return const_cast<Slab*>(this)->get(slot, generation);
  }

  /// A taken cell, by slot alone.
  T& operator[](std::uint32_t slot) { return at(slot).value; }
  const T& operator[](std::uint32_t slot) const { return const_cast<Slab*>(this)->at(slot).value; }
  std::uint32_t generation(std::uint32_t slot) const { return const_cast<Slab*>(this)->at(slot).generation; }

  std::size_t size() const { return size_; }
  std::size_t capacity() const { return chunks_.size() * kChunk; }

  template <typename F>
  void for_each(F&& visit) {
    for (std::uint32_t slot = 0; slot < capacity(); ++slot) {
      if (at(slot).next_free == kTaken) visit(at(slot).value);
    }
  }

 private:
  static constexpr std::uint32_t kChunk = 256;
  static constexpr std::uint32_t kNone = 0xffffffff;
  static constexpr std::uint32_t kTaken = 0xfffffffe;

  struct Cell {
    T value{};
    std::uint32_t generation = 1;
    std::uint32_t next_free = kNone;
  };

  Cell& at(std::uint32_t slot) { return chunks_[slot / kChunk][slot % kChunk]; }

  void grow() {
    const auto first = static_cast<std::uint32_t>(capacity());
    chunks_.push_back(std::make_unique<Cell[]>(kChunk));
    for (auto slot = first + kChunk; slot-- > first;) {
      at(slot).next_free = free_;
      free_ = slot;
    }
  }

  std::vector<std::unique_ptr<Cell[]>> chunks_;
  std::size_t size_ = 0;
  std::uint32_t free_ = kNone;
};

}  // namespace lamplighter::transaction
