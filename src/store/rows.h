#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "store/press_window.h"
#include "store/store.h"

namespace lamplighter::store {

/// The writer's prepared statements: turns changes into rows.
class RowWriter {
 public:
  explicit RowWriter(SQLite::Database& database);

  /// Inside a transaction of the caller's. Throws SQLite::Exception; the statements stay usable.
  void write(const Change& change);

  /// How many refreshes have been written since fold_refreshes(), or may have been.
  std::size_t refreshes() const { return refreshes_; }
  void refreshes_folded() { refreshes_ = 0; }

 private:
  void write(const location::Change& change);
  void write(const KeyChange& change);
  void write(const KeyChanges& changes);
  void write(const Confirmations& confirmations);
  void write(const Press& press);
  int put(SQLite::Statement& statement, const std::string& aor, const location::Binding& binding);
  void note_refresh(const std::string& aor, const location::Binding& binding);
  void forget_confirmations(const std::string& aor, const std::string& uri);

  SQLite::Statement note_refresh_;
  SQLite::Statement refresh_binding_;
  SQLite::Statement put_binding_;
  SQLite::Statement remove_binding_;
  SQLite::Statement put_key_;
  SQLite::Statement put_confirmation_;
  SQLite::Statement forget_confirmations_;
  SQLite::Statement put_press_;
  SQLite::Statement prune_presses_;
  PressWindow press_window_;
  std::size_t refreshes_;
  std::string remote_, local_;  ///< text of the addresses while they are bound
};

/// Works the refreshes that RowWriter has noted into the bindings, in one transaction of its own. Doing it again, or
/// with refreshes of bindings that have gone since, changes nothing.
void fold_refreshes(SQLite::Database& database);

/// Reads every row, as of one moment. SQLite::Exception when the file cannot be read.
void read_rows(SQLite::Database& database, const Store::Visitor& visitor);

/// SqliteStore::prune_cleared(), in one transaction, of keys older than `kept`. Returns how many were deleted.
std::size_t delete_cleared(SQLite::Database& database, std::chrono::milliseconds kept);

std::vector<location::Credential> read_credentials(SQLite::Database& database);
void write_credential(SQLite::Database& database, const location::Credential& credential);
bool erase_credential(SQLite::Database& database, std::string_view user, std::string_view realm);

}  // namespace lamplighter::store
