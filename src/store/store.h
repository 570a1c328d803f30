#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "lamp/key.h"
#include "lamp/phones.h"
#include "location/binding.h"
#include "location/location.h"

namespace lamplighter::store {

/// Desired state of one key of one phone; no key: cleared. A cleared key stays on record, so that an older state that
/// is committed later cannot come back; a store may forget it between two starts (SqliteStore::prune_cleared()).
/// Versions fit 63 bits.
struct KeyChange {
  std::string aor;
  lamp::KeyName name;
  std::optional<lamp::Key> key;
  std::uint64_t version = 0;
};

/// A press that was carried out: remembered for a while (kPressesKept), so that it is not carried out again after a
/// restart.
struct Press {
  std::uint64_t id = 0;
  WallTime at{};

  friend bool operator==(const Press&, const Press&) = default;
};

/// How long presses stay on record, counted back from the newest: several times as long as a request is sent again
/// (64*T1, 32 s).
inline constexpr std::chrono::minutes kPressesKept{5};

/// Several keys, and the presses that changed them: all durable, or none.
struct KeyChanges {
  std::vector<KeyChange> keys;
  std::optional<Press> press;
  std::vector<Press> earlier = {};  ///< of changes that could not be stored when they were made
};

/// What phones have confirmed to show. Records of a contact end with its binding and with its life (`registered`): a
/// confirmation for another life than the stored binding's is not kept. Older versions change nothing.
using Confirmations = std::vector<lamp::Confirmation>;

using Change = std::variant<location::Change, KeyChange, KeyChanges, Confirmations>;

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

  /// What load() calls, in this order. A row that makes no sense is left out, told about, and stays as it is.
  struct Visitor {
    /// It may change the binding, or move it away; both are good for the call only.
    std::function<void(std::string_view aor, location::Binding&)> binding;
    std::function<void(std::string aor, lamp::KeyState)> key;  ///< cleared ones too
    std::function<void(lamp::Confirmation)> confirmation;      ///< of the lives of contacts told about before
    std::function<void(Press)> press;                          ///< of the last kPressesKept
    /// For the log: "the contact sip:1@h of a@h: remote is \"somewhere\", expected …". As it happens.
    std::function<void(std::string what)> skipped;
  };
  /// Reads everything, at start. Fails only when the record as a whole cannot be read.
  virtual std::expected<void, StoreError> load(const Visitor& visitor) = 0;

  virtual std::expected<std::vector<location::Credential>, StoreError> credentials() = 0;
  virtual std::expected<void, StoreError> put_credential(const location::Credential& credential) = 0;
  /// False when there was no such user.
  virtual std::expected<bool, StoreError> remove_credential(std::string_view user, std::string_view realm) = 0;
};

}  // namespace lamplighter::store
