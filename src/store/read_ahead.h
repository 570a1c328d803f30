#pragma once

#include <array>
#include <condition_variable>
#include <cstddef>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace lamplighter::store {

/// Makes rows on a thread of its own while the caller uses those before, in order: `fill(row)` writes the next one over
/// what is there and returns false when there is none; `use(row)` is called on the caller's thread. What either throws
/// ends both and reaches the caller.
template <typename Row, typename Fill, typename Use>
void read_ahead(Fill fill, Use use) {
  // Large blocks: on a busy machine each time that one thread waits for the other may take as long as reading
  // thousands.
  constexpr std::size_t kBlocks = 4, kRows = 4096;
  struct Block {
    std::vector<Row> rows;
    std::size_t count = 0;
  };
  std::array<Block, kBlocks> blocks;
  std::mutex mutex;
  std::condition_variable turned;
  std::size_t made = 0, used = 0;
  bool over = false;     // no more will be made
  bool stopped = false;  // no more will be used
  std::exception_ptr failure;

  const auto make = [&] {
    for (bool more = true; more;) {
      std::unique_lock lock(mutex);
      turned.wait(lock, [&] { return stopped || made - used < kBlocks; });
      if (stopped) return;
      lock.unlock();
      auto& block = blocks[made % kBlocks];
      block.count = 0;
      while (block.count < kRows) {
        if (block.count == block.rows.size()) block.rows.emplace_back();
        if (!(more = fill(block.rows[block.count]))) break;
        ++block.count;
      }
      lock.lock();
      ++made;
      turned.notify_one();
    }
  };
  std::jthread maker([&] {
    std::exception_ptr thrown;
    try {
      make();
    } catch (...) {
      thrown = std::current_exception();
    }
    std::lock_guard lock(mutex);
    failure = thrown;
    over = true;
    turned.notify_one();
  });
  struct Stop {  // also when `use` throws; then the maker is waited for
    std::mutex& mutex;
    std::condition_variable& turned;
    bool& stopped;
    ~Stop() {
      std::lock_guard lock(mutex);
      stopped = true;
      turned.notify_one();
    }
  } const stop{mutex, turned, stopped};

  for (std::unique_lock lock(mutex);; ++used, turned.notify_one()) {
    turned.wait(lock, [&] { return over || made > used; });
    if (made == used) break;
    lock.unlock();
    auto& block = blocks[used % kBlocks];
    for (std::size_t i = 0; i < block.count; ++i) use(block.rows[i]);
    lock.lock();
  }
  if (failure) std::rethrow_exception(failure);
}

}  // namespace lamplighter::store
