#pragma once

#include <cstdint>
#include <functional>

namespace lamplighter {

using Task = std::move_only_function<void()>;

/// Something that runs tasks one after another on one thread: a worker, the control thread, the store thread.
/// `post` may be called from any thread and never blocks on I/O; tasks from one thread run in the order posted.
class Executor {
 public:
  virtual ~Executor() = default;
  virtual void post(Task task) = 0;
};

}  // namespace lamplighter
