#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "store/store.h"

namespace lamplighter::store {

/// What "committed" is worth.
enum class Durability : std::uint8_t {
  kProcess,  ///< survives the death of this program, kill -9 included
  kPower,    ///< survives a power cut as well: each commit waits for the disk
};

/// How long cleared keys are kept at least, counted back from the newest change: a phone whose registration ran out
/// before it heard of the clearing may still show the old lamp when it comes back.
inline constexpr std::chrono::days kClearedKept{30};

struct SqliteSettings {
  std::string path;
  Durability durability = Durability::kProcess;
  std::chrono::milliseconds busy_timeout{5000};  ///< how long to wait for another program's write
  std::size_t queue_limit = 100'000;             ///< changes waiting; more are refused at once
  std::size_t batch_limit = 4096;                ///< changes in one commit
  /// Commits begin at least this far apart: a change that comes alone is stored at once, of a stream of them many are
  /// stored together.
  std::chrono::microseconds gather{2000};
  std::chrono::milliseconds watch_interval{500};  ///< how soon other programs' changes are noticed
  std::int64_t page_limit = 0;  ///< the file may grow to this many pages of 4 KiB; 0: as far as the disk goes
};

/// The Store in one SQLite file. One thread writes: it takes whatever is queued into one transaction (group commit), so
/// the price of a commit is shared. When a commit fails everybody waiting for it is told, nothing of it is kept, and
/// the next change is tried again: the store recovers by itself when there is space again.
class SqliteStore final : public Store {
 public:
  /// Opens or creates the file and its folder, and brings it to this program's schema. The error text names the path,
  /// what is wrong and what to do. A file created here is readable by its owner only: it holds HA1 digests.
  static std::expected<std::unique_ptr<SqliteStore>, StoreError> open(SqliteSettings settings);

  /// Commits what is still queued, then stops.
  ~SqliteStore() override;

  /// Deletes cleared keys that nobody needs to be told of any more: every contact of their phone, one at least, has
  /// confirmed them, and they are older than kClearedKept. Only at start, before load() and the first commit(): an
  /// older state that is still queued would come back. Returns how many there were.
  std::expected<std::size_t, StoreError> prune_cleared();

  void commit(Change change, Committed done) override;
  std::expected<void, StoreError> load(const Visitor& visitor) override;
  std::expected<std::vector<location::Credential>, StoreError> credentials() override;
  std::expected<void, StoreError> put_credential(const location::Credential& credential) override;
  std::expected<bool, StoreError> remove_credential(std::string_view user, std::string_view realm) override;

  /// Calls `changed` on the store's thread whenever another connection has written to the file ("lamplighter user add"
  /// while the server runs, or put_credential() here). It may read credentials(), but not wait for a commit.
  void watch_credentials(std::function<void()> changed);

  struct Counters {
    std::uint64_t commits = 0;   ///< transactions
    std::uint64_t changes = 0;   ///< changes made durable
    std::uint64_t failures = 0;  ///< changes that were not
    std::uint64_t refused = 0;   ///< changes refused because too many were waiting
  };
  Counters counters() const;

 private:
  struct Impl;
  explicit SqliteStore(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace lamplighter::store
