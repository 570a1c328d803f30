#include "store/schema.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <array>
#include <cerrno>

namespace lamplighter::store {

namespace {

// Marks the file as ours ("Lamp"), so that another program's database is not taken for an empty one.
constexpr int kApplicationId = 0x4c616d70;

// Step n brings a database from version n to n + 1. Steps that were released are never edited; add one at the end.
// Addresses are stored as text so that `sqlite3` on the command line shows them readably.
constexpr std::array kMigrations = {
    R"sql(
      CREATE TABLE bindings(
        aor TEXT NOT NULL CHECK(length(aor) > 0),
        uri TEXT NOT NULL CHECK(length(uri) > 0),
        instance TEXT NOT NULL,
        reg_id INTEGER NOT NULL,
        call_id TEXT NOT NULL,
        cseq INTEGER NOT NULL,
        user_agent TEXT NOT NULL,
        path TEXT NOT NULL,
        q INTEGER NOT NULL,
        kind INTEGER NOT NULL,
        remote TEXT NOT NULL,
        local TEXT NOT NULL,
        listener INTEGER NOT NULL,
        worker INTEGER NOT NULL,
        registered_ms INTEGER NOT NULL,
        expires_ms INTEGER NOT NULL,
        PRIMARY KEY(aor, uri)
      ) WITHOUT ROWID;
      CREATE TABLE keys(
        aor TEXT NOT NULL CHECK(length(aor) > 0),
        name TEXT NOT NULL CHECK(length(name) > 0),
        light INTEGER NOT NULL,
        color INTEGER,
        label TEXT NOT NULL,
        number TEXT NOT NULL,
        press INTEGER NOT NULL,
        version INTEGER NOT NULL,
        PRIMARY KEY(aor, name)
      ) WITHOUT ROWID;
      CREATE TABLE credentials(
        user TEXT NOT NULL CHECK(length(user) > 0),
        realm TEXT NOT NULL,
        ha1_md5 TEXT NOT NULL,
        ha1_sha256 TEXT NOT NULL,
        PRIMARY KEY(user, realm)
      ) WITHOUT ROWID;
    )sql",
    // Keys that were cleared stay; what contacts confirmed in which life (bindings.registered_ms); presses carried out.
    R"sql(
      ALTER TABLE bindings ADD COLUMN refreshed_ms INTEGER NOT NULL DEFAULT 0;
      UPDATE bindings SET refreshed_ms = registered_ms;
      ALTER TABLE keys ADD COLUMN cleared INTEGER NOT NULL DEFAULT 0;
      CREATE TABLE confirmations(
        aor TEXT NOT NULL,
        uri TEXT NOT NULL,
        name TEXT NOT NULL,
        version INTEGER NOT NULL,
        registered_ms INTEGER NOT NULL,
        light INTEGER NOT NULL,
        color INTEGER,
        PRIMARY KEY(aor, uri, name)
      ) WITHOUT ROWID;
      CREATE TABLE presses(
        id INTEGER PRIMARY KEY,
        at_ms INTEGER NOT NULL
      );
    )sql",
    // Refreshes in the order they came, one after another, not yet worked into bindings.
    R"sql(
      CREATE TABLE refreshes(
        id INTEGER PRIMARY KEY,
        aor TEXT NOT NULL,
        uri TEXT NOT NULL,
        registered_ms INTEGER NOT NULL,
        cseq INTEGER NOT NULL,
        refreshed_ms INTEGER NOT NULL,
        expires_ms INTEGER NOT NULL
      );
    )sql",
};

int number(SQLite::Database& database, const char* query) { return database.execAndGet(query).getInt(); }

}  // namespace

int schema_version() { return static_cast<int>(kMigrations.size()); }

std::expected<void, StoreError> migrate(SQLite::Database& database, const std::string& path) {
  // Immediate: of two programs that open a new file at once, one creates the tables and the other finds them.
  SQLite::Transaction transaction(database, SQLite::TransactionBehavior::IMMEDIATE);
  const auto found = number(database, "PRAGMA user_version");
  const auto owner = number(database, "PRAGMA application_id");
  const auto tables = number(database, "SELECT count(*) FROM sqlite_master");
  if (tables > 0 && owner != kApplicationId) {
    return std::unexpected(StoreError{
        StoreError::Kind::kCorrupt,
        fmt::format("{}: a database of another program; name another file in store.path, or move this one away",
                    path)});
  }
  if (found > schema_version()) {
    return std::unexpected(StoreError{
        StoreError::Kind::kNewerVersion,
        fmt::format(
            "{} was written by a newer Lamplighter (schema {}, this one knows {}); run that version or restore a "
            "backup",
            path, found, schema_version())});
  }
  for (int version = found; version < schema_version(); ++version) {
    database.exec(kMigrations[static_cast<std::size_t>(version)]);
  }
  if (found != schema_version()) {
    database.exec(
        fmt::format("PRAGMA application_id = {}; PRAGMA user_version = {}", kApplicationId, schema_version()));
  }
  transaction.commit();
  return {};
}

StoreError error_from(const SQLite::Exception& failure, SQLite::Database* database, const std::string& path) {
  using Kind = StoreError::Kind;
  const auto no_room = [&] {
    // Extending the WAL index reports a full disk as an I/O error; the system's own number tells.
    const auto reason = database ? sqlite3_system_errno(database->getHandle()) : 0;
    return reason == ENOSPC || reason == EDQUOT || reason == EFBIG;
  };
  const auto told = [&](Kind kind, std::string_view advice) {
    return StoreError{kind, fmt::format("{}: {}; {}", path, failure.what(), advice)};
  };
  switch (failure.getErrorCode() & 0xff) {
    case SQLITE_FULL: return told(Kind::kFull, "free some space, or move store.path to a larger disk");
    case SQLITE_IOERR:
      if (no_room()) return told(Kind::kFull, "free some space, or move store.path to a larger disk");
      return told(Kind::kUnavailable, "look for disk errors in the system's log");
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
      return told(Kind::kUnavailable,
                  "check that its folder exists and that this user may write the file and the folder");
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return told(Kind::kUnavailable, "another program holds it locked");
    case SQLITE_NOTADB:
      return told(Kind::kCorrupt, "this is not a Lamplighter database: move it away or restore a backup");
    case SQLITE_CORRUPT:
      return told(Kind::kCorrupt, "the file is damaged: restore a backup, or move it away to start afresh");
    default: return told(Kind::kUnavailable, "the change was not stored");
  }
}

}  // namespace lamplighter::store
