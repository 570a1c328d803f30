#pragma once

#include <mutex>
#include <utility>
#include <vector>

#include "base/executor.h"

namespace lamplighter::transport {

/// Tasks on their way to a thread: any thread puts, the owner takes all at once. Two vectors change places, so that in
/// the steady state nothing is allocated.
class Mailbox {
 public:
  /// Returns whether the owner must be woken: it was empty before. A closed mailbox destroys the task.
  bool put(Task task) {
    std::lock_guard lock(mutex_);
    if (closed_) return false;
    tasks_.push_back(std::move(task));
    return tasks_.size() == 1;
  }

  /// Runs what is there, in order; what these tasks post waits for the next call. Owner's thread only.
  void run() {
    {
      std::lock_guard lock(mutex_);
      running_.swap(tasks_);
    }
    for (auto& task : running_) {
      task();
      task = nullptr;  // what it holds goes before the next one runs
    }
    running_.clear();
  }

  /// Destroys what is there and whatever comes later.
  void close() {
    std::vector<Task> dropped;
    std::lock_guard lock(mutex_);
    closed_ = true;
    dropped.swap(tasks_);
  }

 private:
  std::mutex mutex_;
  bool closed_ = false;
  std::vector<Task> tasks_;
  std::vector<Task> running_;
};

}  // namespace lamplighter::transport
