// Files of earlier versions of this program.

#include "store/schema.h"

#include <SQLiteCpp/SQLiteCpp.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "store/sqlite_store.h"
#include "store/store_test_support.h"

namespace lamplighter::store {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

// As the first version made them: a copy on purpose, which nobody must edit with the steps in schema.cpp.
constexpr auto kVersion1 = R"sql(
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
  PRAGMA application_id = 0x4c616d70;
  PRAGMA user_version = 1;
  PRAGMA journal_mode = WAL;
)sql";

constexpr auto kRows = R"sql(
  INSERT INTO bindings VALUES('101@h', 'sip:101@192.0.2.17:2048', '<urn:uuid:1>', 1, 'call', 7, 'snom370/8.4.35', '',
    1000, 0, '192.0.2.17:2048', '192.0.2.1:5060', 0, 1, 1700000000001, 1700003600002);
  INSERT INTO keys VALUES('101@h', '2', 1, 0, 'Night', '432', 1, 1700000000003);
  INSERT INTO keys VALUES('101@h', '3', 0, NULL, '', '', 0, 1700000000004);
  INSERT INTO credentials VALUES('101', 'h', 'm', 's');
)sql";

void make_version_1(const std::string& path) {
  SQLite::Database file(path, SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
  file.exec(kVersion1);
  file.exec(kRows);
}

int version_of(const std::string& path) { return SQLite::Database(path).execAndGet("PRAGMA user_version").getInt(); }

SqliteSettings at(const std::string& path) {
  SqliteSettings settings;
  settings.path = path;
  return settings;
}

TEST(Schema, AFileOfVersion1KeepsItsDataAndTakesWhatIsNew) {
  const TempFolder folder;
  make_version_1(folder.file());
  Contents want;
  {
    auto store = SqliteStore::open(at(folder.file()));
    ASSERT_TRUE(store) << store.error().what;
    want = contents_of(**store);
    ASSERT_EQ(want.bindings.size(), 1u);
    const auto& binding = want.bindings.begin()->second;
    EXPECT_EQ(binding.user_agent, "snom370/8.4.35");
    EXPECT_EQ(binding.registered, WallTime{1'700'000'000'001ms});
    EXPECT_EQ(binding.refreshed, binding.registered) << "the best guess";
    EXPECT_EQ(binding.expires, WallTime{1'700'003'600'002ms});
    const lamp::Key night{lamp::Light::kOn, lamp::Color::kRed, "Night", "432", lamp::Press::kMessage};
    const decltype(want.keys) keys{{{"101@h", "2"}, {"2", night, 1'700'000'000'003}},
                                   {{"101@h", "3"}, {"3", lamp::Key{}, 1'700'000'000'004}}};
    EXPECT_EQ(want.keys, keys);
    EXPECT_TRUE(want.confirmations.empty() && want.presses.empty() && want.skipped.empty());
    EXPECT_EQ((*store)->credentials()->size(), 1u);

    const Press press{.id = 9, .at = binding.registered};
    ASSERT_TRUE(commit(**store, KeyChanges{.keys = {cleared("101@h", "3", 1'700'000'000'005)}, .press = press}));
    ASSERT_TRUE(commit(**store, Confirmations{confirmed("101@h", binding.uri, "3", 1'700'000'000'005)}));
    want.keys[{"101@h", "3"}] = {"3", std::nullopt, 1'700'000'000'005};
    want.confirmations[{"101@h", binding.uri, "3"}] = {binding.registered, 1'700'000'000'005, {}};
    want.presses = {press};
  }
  EXPECT_EQ(version_of(folder.file()), schema_version());
  auto store = SqliteStore::open(at(folder.file()));
  ASSERT_TRUE(store) << store.error().what;
  EXPECT_EQ(contents_of(**store), want);
}

TEST(Schema, AMigrationWithoutSpaceLeavesTheFileAsItWas) {
  const TempFolder folder;
  make_version_1(folder.file());
  auto settings = at(folder.file());
  settings.page_limit = 1;  // as many pages as it has, and no more
  const auto store = SqliteStore::open(settings);
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().kind, StoreError::Kind::kFull);
  EXPECT_THAT(store.error().what, HasSubstr("free some space"));
  EXPECT_EQ(version_of(folder.file()), 1);
  auto later = SqliteStore::open(at(folder.file()));
  ASSERT_TRUE(later) << later.error().what;
  EXPECT_EQ(contents_of(**later).keys.size(), 2u);
}

TEST(Schema, OldAndNewFilesHaveTheSameTables) {
  const TempFolder folder;
  make_version_1(folder.file("old.db"));
  for (const auto* name : {"old.db", "new.db"}) ASSERT_TRUE(SqliteStore::open(at(folder.file(name))));
  const auto tables_of = [&](const char* name) {
    SQLite::Database file(folder.file(name));
    SQLite::Statement rows(file,
                           "SELECT m.name, c.name, c.type, c.\"notnull\", c.dflt_value, c.pk "
                           "FROM sqlite_master AS m, pragma_table_info(m.name) AS c ORDER BY 1, c.cid");
    std::vector<std::string> columns;
    while (rows.executeStep()) {
      std::string column;
      for (int i = 0; i < rows.getColumnCount(); ++i) column += rows.getColumn(i).getString() + " ";
      columns.push_back(column);
    }
    return columns;
  };
  EXPECT_EQ(tables_of("old.db"), tables_of("new.db"));
  EXPECT_GT(tables_of("new.db").size(), 30u);
}

}  // namespace
}  // namespace lamplighter::store
