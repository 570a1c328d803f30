#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace lamplighter::transaction {

/// Cells that are taken and given back without allocation in a steady state. Cells never move: the slab grows by
/// chunks, so growth costs no copy and a reference stays good until its own cell is released. A value keeps what it
/// owns (string capacity) for the next user of its cell. After a peak the slab shrinks again: cells are taken from the
/// lowest chunk that has one, the upper ones run empty, and all but some empty ones are given back with what their
/// values own.
template <typename T>
class Slab {
 public:
  struct Name {
    std::uint32_t slot;
    std::uint32_t generation;
  };

  Name acquire() {
    const auto index = chunk_with_room();
    auto& chunk = *chunks_[index];
    if (chunk.taken++ == 0) --empty_;
    const auto slot = chunk.free;
    auto& cell = chunk.cells[slot];
    chunk.free = cell.next_free;
    if (chunk.free == kNone) rooms_[index / 64] &= ~(std::uint64_t{1} << index % 64);
    cell.next_free = kTaken;
    ++size_;
    return {index * kChunk + slot, cell.generation};
  }

  void release(std::uint32_t slot) {
    const auto index = slot / kChunk;
    auto& chunk = *chunks_[index];
    auto& cell = chunk.cells[slot % kChunk];
    cell.generation = after(cell.generation);
    cell.next_free = chunk.free;
    chunk.free = slot % kChunk;
    rooms_[index / 64] |= std::uint64_t{1} << index % 64;
    first_room_ = std::min<std::size_t>(first_room_, index / 64);
    --size_;
    if (--chunk.taken > 0) return;
    ++empty_;
    if (empty_ > kEmptyKept) give_back(index);
  }

  /// nullptr when the cell was released since, or never was.
  T* get(std::uint32_t slot, std::uint32_t generation) {
    const auto index = slot / kChunk;
    if (index >= chunks_.size() || !chunks_[index]) return nullptr;
    auto& cell = chunks_[index]->cells[slot % kChunk];
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
  /// Cells there is memory for.
  std::size_t capacity() const { return held_ * kChunk; }

  template <typename F>
  void for_each(F&& visit) {
    for (auto& chunk : chunks_) {
      if (!chunk) continue;
      for (auto& cell : chunk->cells) {
        if (cell.next_free == kTaken) visit(cell.value);
      }
    }
  }

 private:
  static constexpr std::uint32_t kChunk = 256;
  static constexpr std::size_t kEmptyKept = 8;  // so that ups and downs allocate nothing
  static constexpr std::uint32_t kNone = 0xffffffff;
  static constexpr std::uint32_t kTaken = 0xfffffffe;

  struct Cell {
    T value{};
    std::uint32_t generation = 1;
    std::uint32_t next_free = kNone;
  };
  struct Chunk {
    std::array<Cell, kChunk> cells;
    std::uint32_t free = 0;  ///< the first of its free cells
    std::uint32_t taken = 0;
  };

  static std::uint32_t after(std::uint32_t generation) {
    return generation + 1 == 0 ? 1 : generation + 1;
  }  // 0: nobody

  Cell& at(std::uint32_t slot) { return chunks_[slot / kChunk]->cells[slot % kChunk]; }

  std::uint32_t chunk_with_room() {
    for (; first_room_ < rooms_.size(); ++first_room_) {
      const auto word = rooms_[first_room_];
      if (word != 0)
        return static_cast<std::uint32_t>(first_room_ * 64) + static_cast<std::uint32_t>(std::countr_zero(word));
    }
    return grow();
  }

  std::uint32_t grow() {
    const auto unused = std::ranges::find_if(chunks_, [](const auto& held) { return !held; });
    const auto index = static_cast<std::uint32_t>(unused - chunks_.begin());
    if (index == chunks_.size()) {
      chunks_.emplace_back();
      generations_.push_back(1);
      if (rooms_.size() * 64 < chunks_.size()) rooms_.push_back(0);
    }
    auto& chunk = chunks_[index] = std::make_unique<Chunk>();
    for (std::uint32_t i = 0; i < kChunk; ++i) {
      chunk->cells[i].generation = generations_[index];
      chunk->cells[i].next_free = i + 1 < kChunk ? i + 1 : kNone;
    }
    rooms_[index / 64] |= std::uint64_t{1} << index % 64;
    first_room_ = std::min<std::size_t>(first_room_, index / 64);
    ++held_;
    ++empty_;
    return index;
  }

  // Its cells must not be taken for those of the next chunk that stands here.
  void give_back(std::uint32_t index) {
    auto& chunk = chunks_[index];
    for (const auto& cell : chunk->cells) generations_[index] = std::max(generations_[index], cell.generation);
    chunk.reset();
    rooms_[index / 64] &= ~(std::uint64_t{1} << index % 64);
    --held_;
    --empty_;
  }

  std::vector<std::unique_ptr<Chunk>> chunks_;  ///< null: given back
  std::vector<std::uint32_t> generations_;      ///< a chunk's cells begin with
  std::vector<std::uint64_t> rooms_;            ///< a bit a chunk: it has a free cell
  std::size_t first_room_ = 0;                  ///< no word of rooms_ before has a bit
  std::size_t size_ = 0;
  std::size_t held_ = 0;   ///< chunks
  std::size_t empty_ = 0;  ///< of those
};

}  // namespace lamplighter::transaction
