#pragma once

#include <mutex>
#include <utility>

namespace lamplighter {

/// Data that can be reached only while its lock is held: `counts.with([](auto& c) { ++c.presses; })`.
/// Hold it for look-ups and small updates, never across I/O.
template <typename T>
class Guarded {
 public:
  template <typename... Args>
  explicit Guarded(Args&&... args) : value_(std::forward<Args>(args)...) {}

  template <typename F>
  decltype(auto) with(F&& f) {
    std::lock_guard lock(mutex_);
    return std::forward<F>(f)(value_);
  }

  template <typename F>
  decltype(auto) with(F&& f) const {
    std::lock_guard lock(mutex_);
    return std::forward<F>(f)(value_);
  }

 private:
  mutable std::mutex mutex_;
  T value_;
};

}  // namespace lamplighter
