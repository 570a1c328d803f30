#pragma once

#include <array>
#include <cstddef>
#include <new>

namespace lamplighter::transport {

/// Room for the one or two operations of a kind that Asio has pending at a time, so that waiting allocates nothing.
/// More, or larger ones, come from the heap. Guarded by whatever guards the operations: it has no lock.
class HandlerMemory {
 public:
  void* allocate(std::size_t size) {
    for (auto& block : blocks_) {
      if (!block.used && size <= sizeof block.bytes) {
        block.used = true;
        return block.bytes;
      }
    }
    return ::operator new(size);
  }
  void deallocate(void* pointer) {
    for (auto& block : blocks_) {
      if (pointer == block.bytes) {
        block.used = false;
        return;
      }
    }
    ::operator delete(pointer);
  }

 private:
  struct Block {
    alignas(std::max_align_t) unsigned char bytes[256];
    bool used = false;
  };
  std::array<Block, 2> blocks_;
};

/// The same as an allocator, for asio::bind_allocator.
template <typename T>
class HandlerAllocator {
 public:
  using value_type = T;
  explicit HandlerAllocator(HandlerMemory& memory) : memory_(&memory) {}
  template <typename U>
  HandlerAllocator(const HandlerAllocator<U>& other) : memory_(other.memory_) {}
  T* allocate(std::size_t count) { return static_cast<T*>(memory_->allocate(sizeof(T) * count)); }
  void deallocate(T* pointer, std::size_t) { memory_->deallocate(pointer); }
  friend bool operator==(const HandlerAllocator&, const HandlerAllocator&) = default;

 private:
  template <typename>
  friend class HandlerAllocator;
  HandlerMemory* memory_;
};

}  // namespace lamplighter::transport
