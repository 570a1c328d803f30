#include "server/confirmation_queue.h"

#include <algorithm>
#include <utility>

#include "base/hash.h"

namespace lamplighter::server {
namespace {

std::uint64_t hash_of(const lamp::Confirmation& each) { return stable_hash({each.aor, each.contact, each.name}); }

bool same_key(const lamp::Confirmation& a, const lamp::Confirmation& b) {
  return a.name == b.name && a.contact == b.contact && a.aor == b.aor;
}

}  // namespace

void ConfirmationQueue::add(lamp::Confirmation confirmation) {
  const auto [known, fresh] = last_.try_emplace(hash_of(confirmation), first_ + queue_.size());
  if (!fresh) {
    auto& before = queue_[known->second - first_];
    if (same_key(before, confirmation)) {
      before = std::move(confirmation);
      return;
    }
    known->second = first_ + queue_.size();  // two names, one hash: both are kept
  }
  queue_.push_back(std::move(confirmation));
}

store::Confirmations ConfirmationQueue::take(std::size_t most) {
  const auto count = std::min(most, queue_.size());
  store::Confirmations taken;
  taken.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    const auto found = last_.find(hash_of(queue_.front()));
    if (found != last_.end() && found->second == first_) last_.erase(found);
    taken.push_back(std::move(queue_.front()));
    queue_.pop_front();
    ++first_;
  }
  return taken;
}

}  // namespace lamplighter::server
