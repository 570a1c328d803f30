#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <string>
#include <vector>

#include "store/store.h"

namespace lamplighter::store {

/// The writer's prepared statements: turns changes into rows.
class RowWriter {
 public:
  explicit RowWriter(SQLite::Database& database);

  /// Inside a transaction of the caller's. Throws SQLite::Exception; the statements stay usable.
  void write(const Change& change);

 private:
  void write(const location::Change& change);
  void write(const KeyChange& change);

  SQLite::Statement put_binding_;
  SQLite::Statement remove_binding_;
  SQLite::Statement put_key_;
  SQLite::Statement remove_key_;
  std::string remote_, local_;  ///< text of the addresses while they are bound
};

/// Reads every row. An error text names the row that makes no sense; SQLite::Exception when the file cannot be read.
std::expected<void, std::string> read_rows(SQLite::Database& database, const Store::Visitor& visitor);

std::vector<location::Credential> read_credentials(SQLite::Database& database);
void write_credential(SQLite::Database& database, const location::Credential& credential);
bool erase_credential(SQLite::Database& database, std::string_view user, std::string_view realm);

}  // namespace lamplighter::store
