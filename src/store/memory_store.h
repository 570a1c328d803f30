#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/executor.h"
#include "base/guarded.h"
#include "store/store.h"

namespace lamplighter::store {

/// A Store that remembers as long as it lives: for simulations, where the "disk" outlives the simulated server, and for
/// tests. Changes take effect in the order queued; completions come through `executor`, or inside commit() without one.
class MemoryStore final : public Store {
 public:
  /// The executor, if any, outlives the store.
  explicit MemoryStore(Executor* executor = nullptr) : executor_(executor) {}

  /// From now on every change fails with this error, until told otherwise with nullopt.
  void fail_with(std::optional<StoreError> error);

  void commit(Change change, Committed done) override;
  std::expected<void, StoreError> load(const Visitor& visitor) override;
  std::expected<std::vector<location::Credential>, StoreError> credentials() override;
  std::expected<void, StoreError> put_credential(const location::Credential& credential) override;
  std::expected<bool, StoreError> remove_credential(std::string_view user, std::string_view realm) override;

  /// How many changes were made, and how many bindings are kept.
  std::size_t commits() const;
  std::size_t bindings() const;

 private:
  using Name = std::pair<std::string, std::string>;
  struct State {
    std::map<Name, location::Binding> bindings;                ///< aor, uri
    std::map<Name, std::pair<lamp::Key, std::uint64_t>> keys;  ///< aor, key name
    std::map<Name, location::Credential> credentials;          ///< user, realm
    std::optional<StoreError> error;
    std::size_t commits = 0;

    void apply(location::Change change);
    void apply(KeyChange change);
  };

  Executor* executor_;
  Guarded<State> state_;
};

}  // namespace lamplighter::store
