#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/executor.h"
#include "base/guarded.h"
#include "store/press_window.h"
#include "store/store.h"

namespace lamplighter::store {

/// A Store that remembers as long as it lives: for simulations, where the "disk" outlives the simulated server, and for
/// tests. Changes take effect in the order queued; completions come through the executor, or without one inside the
/// call that caused them. Thread safe.
///
/// A simulated disk that takes its time, and a server that dies before it has answered:
///
///     store.hold([&] { schedule(a while from now, [&] { store.release(3); }); });
///     server->…                                       // changes wait; load() does not see them
///     store.release(2);                               // the two oldest are durable, the server will hear of it
///     server.reset(); store.crash(next_executor);     // the rest never happened, and nobody will hear of anything
///     next_server = …(store.load(…))
class MemoryStore final : public Store {
 public:
  /// The executor, if any, outlives the store or is replaced by crash().
  explicit MemoryStore(Executor* executor = nullptr);

  /// From now on every change fails with this error, until told otherwise with nullopt. Changes that are held meet it
  /// when they are released.
  void fail_with(std::optional<StoreError> error);

  /// From now on changes wait until they are released. `queued` is called after each that begins to wait, by whoever
  /// commits it; it may release.
  void hold(std::function<void()> queued = {});
  /// Makes the oldest `count` of the waiting changes durable, in order, then completes them. Returns how many there
  /// were.
  std::size_t release(std::size_t count = std::numeric_limits<std::size_t>::max());
  /// Releases everything; changes take effect at once again.
  void stop_holding();
  /// Changes that wait.
  std::size_t held() const;
  /// The server died: changes that wait are forgotten, and completions that have not run yet never will, also those
  /// of durable changes. What was durable is there for the next server, which gets its completions through `executor`.
  /// Still holds, or does not, as before.
  void crash(Executor* executor = nullptr);

  void commit(Change change, Committed done) override;
  std::expected<void, StoreError> load(const Visitor& visitor) override;
  std::expected<std::vector<location::Credential>, StoreError> credentials() override;
  std::expected<void, StoreError> put_credential(const location::Credential& credential) override;
  std::expected<bool, StoreError> remove_credential(std::string_view user, std::string_view realm) override;

  /// How many changes were made, and how many bindings are kept.
  std::size_t commits() const;
  std::size_t bindings() const;

 private:
  using Result = std::expected<void, StoreError>;
  using Name = std::pair<std::string, std::string>;
  struct Key {
    std::optional<lamp::Key> key;
    std::uint64_t version = 0;
  };
  struct Bound {
    location::Binding binding;
    std::map<lamp::KeyName, std::pair<std::uint64_t, lamp::Look>> confirmed;  ///< in this life: version, look
  };
  struct Waiting {
    Change change;
    Committed done;
  };
  struct Answer {
    Committed done;
    Result result;
  };
  /// What the running server has yet to hear, in order. Tasks of an executor keep it, not the store, alive.
  using Answers = Guarded<std::deque<Answer>>;

  struct State {
    std::map<Name, Bound> bindings;                    ///< aor, uri
    std::map<Name, Key> keys;                          ///< aor, key name
    std::map<std::uint64_t, WallTime> presses;         ///< id
    std::map<Name, location::Credential> credentials;  ///< user, realm
    PressWindow press_window;
    std::size_t commits = 0;

    std::optional<StoreError> error;
    bool holding = false;
    std::function<void()> queued;
    std::deque<Waiting> waiting;
    std::shared_ptr<Answers> answers = std::make_shared<Answers>();
    Executor* executor = nullptr;

    Result take(Change change);
    void apply(location::Change change);
    void apply(KeyChange change);
    void apply(KeyChanges changes);
    void apply(const Press& press);
    void apply(Confirmations confirmations);
  };

  std::size_t release(std::size_t count, bool stop);
  static void answer(const std::shared_ptr<Answers>& answers, Executor* executor);

  Guarded<State> state_;
};

}  // namespace lamplighter::store
