#include "proof/disk.h"

#include <utility>

namespace lamplighter::proof {

Disk::Disk(ManualClock& clock, transport::SimNetwork& network) : clock_(clock) {
  network.add({IpAddress::v4(0x0a0000fe), 1}).attach(*this);  // only for its timer: nothing is sent there
}

void Disk::commit(store::Change change, store::Committed done) {
  waiting_.push_back({std::move(change), std::move(done)});
  if (!due_) due_ = clock_.now() + latency_;
}

std::expected<void, store::StoreError> Disk::load(const Visitor& visitor) {
  auto shown = visitor;
  if (hidden_.confirmations) shown.confirmation = {};
  if (hidden_.presses) shown.press = {};
  return inner_.load(shown);
}

void Disk::on_timers(TimePoint now) {
  if (!due_ || *due_ > now) return;
  due_.reset();
  // Completions may queue more: that is the next commit's.
  for (auto& [change, done] : std::exchange(waiting_, {})) {
    completing_registration_ = std::holds_alternative<location::Change>(change);
    inner_.commit(std::move(change), std::move(done));
    completing_registration_ = false;
  }
}

void Disk::fail(bool failing) {
  failing_ = failing;
  inner_.fail_with(failing ? std::optional(store::StoreError{store::StoreError::Kind::kFull, "no space left"})
                           : std::nullopt);
}

void Disk::cut(std::size_t survivors) {
  due_.reset();
  auto waiting = std::exchange(waiting_, {});
  for (std::size_t i = 0; i < waiting.size() && i < survivors; ++i) {
    inner_.commit(std::move(waiting[i].change), [](auto) {});
  }
}

}  // namespace lamplighter::proof
