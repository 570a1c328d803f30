#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <unordered_map>

#include "lamp/phones.h"
#include "store/store.h"

namespace lamplighter::server {

/// What phones have confirmed and the store has not been told yet, oldest first. Of one key of one contact only the
/// latest is kept: a lamp that is switched ten times a second is written once, not ten times.
class ConfirmationQueue {
 public:
  /// Takes the place of an earlier one for the same key of the same contact.
  void add(lamp::Confirmation confirmation);
  /// The `most` oldest, no longer in the queue.
  store::Confirmations take(std::size_t most);

  std::size_t size() const { return queue_.size(); }
  bool empty() const { return queue_.empty(); }

 private:
  std::deque<lamp::Confirmation> queue_;
  std::uint64_t first_ = 0;                                ///< number of the oldest
  std::unordered_map<std::uint64_t, std::uint64_t> last_;  ///< hash of contact and key: number of its latest
};

}  // namespace lamplighter::server
