#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <exception>
#include <expected>
#include <string>

#include "store/store.h"

namespace lamplighter::store {

/// The newest schema this program knows.
int schema_version();

/// Brings the database to schema_version(), one transaction a step; a new file gets all of them. Refuses databases of a
/// newer Lamplighter and of other programs. Throws SQLite::Exception when the database cannot be read or written.
std::expected<void, StoreError> migrate(SQLite::Database& database, const std::string& path);

/// What an SQLite failure means for an administrator: its kind, and a text with path, cause and what to do.
StoreError error_from(const SQLite::Exception& failure, SQLite::Database* database, const std::string& path);

}  // namespace lamplighter::store
