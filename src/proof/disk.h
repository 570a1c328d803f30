#pragma once

#include <optional>
#include <vector>

#include "base/clock.h"
#include "store/memory_store.h"
#include "transport/sim_network.h"

namespace lamplighter::proof {

/// A disk that outlives the simulated server: changes wait in a queue and become durable together, some virtual time
/// later, as with group commit; a crash can cut the queue anywhere.
class Disk final : public store::Store, private transport::Receiver {
 public:
  Disk(ManualClock& clock, transport::SimNetwork& network);

  void commit(store::Change change, store::Committed done) override;
  std::expected<void, store::StoreError> load(const Visitor& visitor) override;
  std::expected<std::vector<location::Credential>, store::StoreError> credentials() override {
    return inner_.credentials();
  }
  std::expected<void, store::StoreError> put_credential(const location::Credential& credential) override {
    return inner_.put_credential(credential);
  }
  std::expected<bool, store::StoreError> remove_credential(std::string_view user, std::string_view realm) override {
    return inner_.remove_credential(user, realm);
  }

  /// From now on, commits fail, or work again.
  void fail(bool failing);
  bool failing() const { return failing_; }
  void set_latency(Duration latency) { latency_ = latency; }
  /// The server's process ends: of the changes that wait, the first `survivors` become durable; nobody is told.
  void cut(std::size_t survivors);
  struct Hidden {
    bool confirmations = false, presses = false;
  };
  /// What load() leaves out from now on.
  void hide(Hidden hidden) { hidden_ = hidden; }
  /// Whether the commit being completed is a REGISTER's.
  bool completing_registration() const { return completing_registration_; }

 private:
  struct Waiting {
    store::Change change;
    store::Committed done;
  };

  void on_message(const Flow&, std::string_view, TimePoint) override {}
  void on_timers(TimePoint now) override;
  std::optional<TimePoint> next_timer() const override { return due_; }

  ManualClock& clock_;
  store::MemoryStore inner_;
  Duration latency_ = std::chrono::milliseconds{4};
  bool failing_ = false;
  Hidden hidden_;
  bool completing_registration_ = false;
  std::optional<TimePoint> due_;
  std::vector<Waiting> waiting_;
};

}  // namespace lamplighter::proof
