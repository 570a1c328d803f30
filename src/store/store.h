#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "lamp/key.h"
#include "location/binding.h"
#include "location/location.h"

namespace lamplighter::store {

/// Desired state of one key of one phone; no key: forget it.
struct KeyChange {
  std::string aor;
  lamp::KeyName name;
  std::optional<lamp::Key> key;
  std::uint64_t version = 0;
};

using Change = std::variant<location::Change, KeyChange>;

struct StoreError {
  enum class Kind : std::uint8_t {
    kUnavailable,   ///< cannot be opened or written: permissions, missing folder, read-only
    kFull,          ///< no space left
    kNewerVersion,  ///< written by a newer Lamplighter
    kCorrupt,
  };
  Kind kind;
  std::string what;  ///< for the log: path, what happened, what to do
};

/// Called once the change is durable, or was not made at all. On the store's own thread: post to where you belong.
using Committed = std::move_only_function<void(std::expected<void, StoreError>)>;

/// The durable record. Thread safe.
class Store {
 public:
  virtual ~Store() = default;

  /// Queues a change; changes are made durable in the order queued, many in one commit.
  virtual void commit(Change change, Committed done) = 0;

  struct Visitor {
    std::function<void(std::string aor, location::Binding)> binding;
    std::function<void(std::string aor, lamp::KeyName, lamp::Key, std::uint64_t version)> key;
  };
  /// Reads everything, at start.
  virtual std::expected<void, StoreError> load(const Visitor& visitor) = 0;

  virtual std::expected<std::vector<location::Credential>, StoreError> credentials() = 0;
  virtual std::expected<void, StoreError> put_credential(const location::Credential& credential) = 0;
  /// False when there was no such user.
  virtual std::expected<bool, StoreError> remove_credential(std::string_view user, std::string_view realm) = 0;
};

}  // namespace lamplighter::store
