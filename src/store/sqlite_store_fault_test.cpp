// What can go wrong with a file: wrong paths, wrong files, no space, kill -9.

#include <SQLiteCpp/SQLiteCpp.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <set>

#include "store/sqlite_store.h"
#include "store/store_test_support.h"

namespace lamplighter::store {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Kind = StoreError::Kind;

SqliteSettings at(const std::string& path) {
  SqliteSettings settings;
  settings.path = path;
  return settings;
}

StoreError error_of(const std::string& path) {
  auto store = SqliteStore::open(at(path));
  EXPECT_FALSE(store) << path << " was opened";
  return store ? StoreError{} : store.error();
}

std::string bytes_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(SqliteStoreFault, AFolderIsNoDatabase) {
  const TempFolder folder;
  const auto error = error_of(folder.file("."));
  EXPECT_EQ(error.kind, Kind::kUnavailable);
  EXPECT_THAT(error.what, AllOf(HasSubstr(folder.file(".")), HasSubstr("is a folder")));
}

TEST(SqliteStoreFault, AnEmptyPathIsRefused) { EXPECT_THAT(error_of("").what, HasSubstr("store.path is empty")); }

TEST(SqliteStoreFault, AParentThatIsAFileIsNamed) {
  const TempFolder folder;
  std::ofstream(folder.file("file")) << "not a folder";
  const auto error = error_of(folder.file("file/lamplighter.db"));
  EXPECT_EQ(error.kind, Kind::kUnavailable);
  EXPECT_THAT(error.what, AllOf(HasSubstr(folder.file("file")), HasSubstr("store.path")));
}

TEST(SqliteStoreFault, AFolderThatRefusesNewFilesIsNamed) {
  // Also root cannot create files there.
  const auto error = error_of("/proc/lamplighter.db");
  EXPECT_EQ(error.kind, Kind::kUnavailable);
  EXPECT_THAT(error.what, AllOf(HasSubstr("/proc/lamplighter.db"), HasSubstr("may write the file")));
}

TEST(SqliteStoreFault, AFileThisUserMayNotWriteIsNamed) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may write everything";
  const TempFolder folder;
  ASSERT_TRUE(SqliteStore::open(at(folder.file())));
  ASSERT_EQ(::chmod(folder.file().c_str(), 0400), 0);
  EXPECT_THAT(error_of(folder.file()).what, AllOf(HasSubstr(folder.file()), HasSubstr("may write the file")));
}

TEST(SqliteStoreFault, SomethingThatIsNoDatabaseIsLeftAlone) {
  const TempFolder folder;
  const std::string text(5000, 'x');
  std::ofstream(folder.file()) << text;
  const auto error = error_of(folder.file());
  EXPECT_EQ(error.kind, Kind::kCorrupt);
  EXPECT_THAT(error.what, AllOf(HasSubstr(folder.file()), HasSubstr("not a Lamplighter database")));
  EXPECT_EQ(bytes_of(folder.file()), text);
}

TEST(SqliteStoreFault, AnotherProgramsDatabaseIsLeftAlone) {
  const TempFolder folder;
  SQLite::Database(folder.file(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE).exec("CREATE TABLE songs(title)");
  const auto before = bytes_of(folder.file());
  const auto error = error_of(folder.file());
  EXPECT_EQ(error.kind, Kind::kCorrupt);
  EXPECT_THAT(error.what, HasSubstr("another program"));
  EXPECT_EQ(bytes_of(folder.file()), before);
}

TEST(SqliteStoreFault, ADatabaseFromANewerVersionIsRefusedAndKept) {
  const TempFolder folder;
  {
    auto store = SqliteStore::open(at(folder.file()));
    ASSERT_TRUE(store);
    ASSERT_TRUE(commit(**store, put("a@h", "sip:1@h")));
  }
  SQLite::Database(folder.file(), SQLite::OPEN_READWRITE).exec("PRAGMA user_version = 7");
  const auto error = error_of(folder.file());
  EXPECT_EQ(error.kind, Kind::kNewerVersion);
  EXPECT_EQ(error.what,
            folder.file() +
                " was written by a newer Lamplighter (schema 7, this one knows 3); run that version or restore "
                "a backup");
  SQLite::Database(folder.file(), SQLite::OPEN_READWRITE).exec("PRAGMA user_version = 3");
  auto store = SqliteStore::open(at(folder.file()));
  ASSERT_TRUE(store);
  EXPECT_EQ(contents_of(**store).bindings.size(), 1u);
}

TEST(SqliteStoreFault, ADamagedFileIsReportedAsSuch) {
  const TempFolder folder;
  {
    auto store = SqliteStore::open(at(folder.file()));
    ASSERT_TRUE(store);
    Outcomes outcomes;
    for (int i = 0; i < 2000; ++i) (*store)->commit(put("a@h", "sip:" + std::to_string(i) + "@h"), outcomes.next());
    outcomes.wait();
  }
  {
    std::fstream file(folder.file(), std::ios::in | std::ios::out | std::ios::binary);
    for (int page = 5; page < 60; ++page) {
      file.seekp(page * 4096);
      file << std::string(512, '\xa5');
    }
  }
  auto store = SqliteStore::open(at(folder.file()));
  if (store) {
    const auto loaded = (*store)->load({.binding = [](auto, auto&) {},
                                        .key = [](auto, auto) {},
                                        .confirmation = {},
                                        .press = {},
                                        .skipped = [](auto) { FAIL() << "the whole file is at fault"; }});
    ASSERT_FALSE(loaded);
    EXPECT_EQ(loaded.error().kind, Kind::kCorrupt);
    EXPECT_THAT(loaded.error().what, AllOf(HasSubstr(folder.file()), HasSubstr("backup")));
  } else {
    EXPECT_EQ(store.error().kind, Kind::kCorrupt);
  }
}

struct BadRow {
  const char* edit;  ///< what somebody did to the file
  const char* told;
};

class SqliteStoreBadRow : public testing::TestWithParam<BadRow> {};

TEST_P(SqliteStoreBadRow, IsNamedLeftOutAndLeftAlone) {
  const TempFolder folder;
  const auto& [edit, told] = GetParam();
  const WallTime then{1'700'000'000'000ms};
  {
    auto store = SqliteStore::open(at(folder.file()));
    ASSERT_TRUE(store);
    for (const auto* uri : {"sip:1@h", "sip:2@h"}) {
      ASSERT_TRUE(commit(**store, put("a@h", uri)));
      ASSERT_TRUE(commit(**store, Confirmations{confirmed("a@h", uri, "2", 1)}));
    }
    ASSERT_TRUE(commit(**store, KeyChanges{.keys = {light("a@h", "1", 1, lamp::Light::kOn), cleared("a@h", "2", 2)},
                                           .press = Press{1, then}}));
    ASSERT_TRUE(commit(**store, KeyChanges{.keys = {}, .press = Press{2, then}}));
  }
  const auto good = [&] {
    auto store = SqliteStore::open(at(folder.file()));
    return contents_of(**store);
  }();
  ASSERT_THAT(good.skipped, IsEmpty());
  ASSERT_EQ(SQLite::Database(folder.file(), SQLite::OPEN_READWRITE).exec(edit), 1);
  for (int start = 1; start <= 2; ++start) {
    auto store = SqliteStore::open(at(folder.file()));
    ASSERT_TRUE(store) << store.error().what;
    const auto contents = contents_of(**store);
    EXPECT_THAT(contents.skipped, ElementsAre(told)) << "start " << start;
    const auto all = [](const Contents& c) {
      return c.bindings.size() + c.keys.size() + c.confirmations.size() + c.presses.size();
    };
    EXPECT_GE(all(contents), all(good) - 2) << "the row itself, and what hangs on it";
    EXPECT_LT(all(contents), all(good));
  }

  // Nor does it stand in the way of what comes next.
  auto store = SqliteStore::open(at(folder.file()));
  auto registers = put("a@h", "sip:1@h");
  registers.put[0].registered += std::chrono::seconds(1);
  auto confirms = confirmed("a@h", "sip:1@h", "2", 4);
  confirms.registered = registers.put[0].registered;
  ASSERT_TRUE(commit(**store, registers));
  ASSERT_TRUE(commit(**store, Confirmations{confirms}));
  ASSERT_TRUE(commit(**store, KeyChanges{.keys = {light("a@h", "1", 3, lamp::Light::kOff), cleared("a@h", "2", 4)},
                                         .press = Press{1, then}}));
  const auto contents = contents_of(**store);
  EXPECT_EQ(contents.bindings.size(), 2u);
  EXPECT_EQ(contents.confirmations.size(), 2u);
  EXPECT_EQ(contents.keys.size(), 2u);
  EXPECT_EQ(contents.presses.size(), 2u);
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, SqliteStoreBadRow,
    testing::Values(
        BadRow{"UPDATE bindings SET remote = 'somewhere' WHERE uri = 'sip:1@h'",
               "the contact sip:1@h of a@h: remote is \"somewhere\", expected an address such as 192.0.2.17:5060"},
        BadRow{"UPDATE bindings SET cseq = -1 WHERE uri = 'sip:1@h'",
               "the contact sip:1@h of a@h: cseq is \"-1\", expected a number from 0 to 4294967295"},
        BadRow{"UPDATE bindings SET kind = 5 WHERE uri = 'sip:1@h'",
               "the contact sip:1@h of a@h: kind is \"5\", expected a number from 0 to 4"},
        BadRow{"UPDATE bindings SET expires_ms = 'line' || char(10) || 'end' WHERE uri = 'sip:1@h'",
               "the contact sip:1@h of a@h: expires_ms is \"line?end\", expected a number from 0 to 253402300799999"},
        BadRow{"UPDATE keys SET light = 10 WHERE name = '1'",
               "the key 1 of a@h: light is \"10\", expected a number from 0 to 9"},
        BadRow{"UPDATE keys SET color = 5 WHERE name = '1'",
               "the key 1 of a@h: color is \"5\", expected a number from 0 to 4"},
        BadRow{"UPDATE keys SET press = 3 WHERE name = '1'",
               "the key 1 of a@h: press is \"3\", expected a number from 0 to 2"},
        BadRow{"UPDATE keys SET cleared = 2 WHERE name = '1'",
               "the key 1 of a@h: cleared is \"2\", expected a number from 0 to 1"},
        BadRow{"UPDATE keys SET version = 'new' WHERE name = '2'",
               "the key 2 of a@h: version is \"new\", expected a number from 0 to 9223372036854775807"},
        BadRow{"UPDATE confirmations SET version = x'ff' WHERE uri = 'sip:1@h'",
               "what the contact sip:1@h of a@h confirmed for the key 2: version is \"\xff\", expected a number from 0 "
               "to 9223372036854775807"},
        BadRow{"UPDATE keys SET version = 1.5 WHERE name = '1'",
               "the key 1 of a@h: version is \"1.5\", expected a number from 0 to 9223372036854775807"},
        BadRow{"UPDATE keys SET name = 'a b' WHERE name = '1'",
               "the key a b of a@h: name is \"a b\", expected a key name of 1 to 32 letters, digits or "
               "-.!%*_+`'~, normally the key's number"},
        BadRow{"UPDATE confirmations SET light = 'red' WHERE uri = 'sip:1@h'",
               "what the contact sip:1@h of a@h confirmed for the key 2: light is \"red\", expected a number from 0 to "
               "9"},
        BadRow{"UPDATE presses SET at_ms = 'then' WHERE id = 1",
               "the press 1: at_ms is \"then\", expected a number from 0 to 253402300799999"}),
    [](const auto& row) { return "Row" + std::to_string(row.index); });

TEST(SqliteStoreFault, AtThePageLimitChangesFailAndWhatWasStoredStays) {
  const TempFolder folder;
  auto settings = at(folder.file());
  settings.page_limit = 40;
  auto store = SqliteStore::open(settings);
  ASSERT_TRUE(store) << store.error().what;
  std::size_t stored = 0;
  std::expected<void, StoreError> result;
  while (stored < 10'000) {
    result = commit(**store, put("a@h", "sip:" + std::to_string(stored) + "@h"));
    if (!result) break;
    ++stored;
  }
  ASSERT_FALSE(result) << "never full";
  EXPECT_GT(stored, 10u);
  EXPECT_EQ(result.error().kind, Kind::kFull);
  EXPECT_THAT(result.error().what, AllOf(HasSubstr(folder.file()), HasSubstr("free some space")));
  EXPECT_EQ(contents_of(**store).bindings.size(), stored);

  // Room comes back: what failed before is taken now, without anybody restarting anything.
  location::Change removal{.aor = "a@h", .put = {}, .remove = {}};
  for (std::size_t i = 0; i < 20; ++i) removal.remove.push_back("sip:" + std::to_string(i) + "@h");
  ASSERT_TRUE(commit(**store, removal));
  EXPECT_TRUE(commit(**store, put("a@h", "sip:" + std::to_string(stored) + "@h")));
}

// Runs `body` in a child process and gives its exit status. The child has no test framework: it says what failed on
// stderr.
template <typename F>
int in_child(F&& body) {
  const auto child = ::fork();
  if (child == 0) ::_exit(body());
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

TEST(SqliteStoreFault, OnAFullDiskChangesFailAndAreTakenAgainWhenThereIsSpace) {
  constexpr int kCannotMount = 77;
  const TempFolder folder;
  const auto disk = folder.file("disk");
  std::filesystem::create_directory(disk);
  // A disk of 1 MB in a mount namespace of the child's own: it vanishes with the child.
  const int status = in_child([&] {
    const int spaces = ::geteuid() == 0 ? CLONE_NEWNS : CLONE_NEWNS | CLONE_NEWUSER;
    if (::unshare(spaces) != 0) return kCannotMount;
    if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return kCannotMount;
    if (::mount("tmpfs", disk.c_str(), "tmpfs", 0, "size=1m") != 0) return kCannotMount;
    auto store = SqliteStore::open(at(disk + "/lamplighter.db"));
    if (!store) return std::cerr << store.error().what << "\n", 1;
    if (!commit(**store, put("a@h", "sip:before@h"))) return 2;
    {
      const int filler = ::open((disk + "/filler").c_str(), O_WRONLY | O_CREAT, 0600);
      const std::string block(4096, 'f');
      while (::write(filler, block.data(), block.size()) > 0) {
      }
      ::close(filler);
    }
    // What the WAL file has allocated may still take a few.
    std::size_t stored = 0;
    std::expected<void, StoreError> result;
    while (stored < 10'000 && (result = commit(**store, put("a@h", "sip:" + std::to_string(stored) + "@h")))) ++stored;
    if (result) return 3;
    if (result.error().kind != Kind::kFull) return std::cerr << result.error().what << "\n", 4;
    if (commit(**store, put("a@h", "sip:again@h"))) return 5;
    std::filesystem::remove(disk + "/filler");
    const auto after = commit(**store, put("a@h", "sip:after@h"));
    if (!after) return std::cerr << after.error().what << "\n", 6;
    std::size_t kept = 0;
    if (!(*store)->load(
            {.binding = [&](auto, auto&) { ++kept; }, .key = {}, .confirmation = {}, .press = {}, .skipped = {}})) {
      return 7;
    }
    return kept == stored + 2 ? 0 : 8;
  });
  if (status == kCannotMount) GTEST_SKIP() << "no right to mount a small disk here; the page limit is tested above";
  EXPECT_EQ(status, 0);
}

//  child                     parent
//    | commit n                 |
//    | done n  ------ pipe ---->| notes n
//    |            kill -9 ----->X
//    reopen: every n noted is there
TEST(SqliteStoreFault, KillNineLosesNothingThatWasAcknowledged) {
  for (int round = 0; round < 5; ++round) {
    const TempFolder folder;
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const auto child = ::fork();
    if (child == 0) {
      ::close(ends[0]);
      auto store = SqliteStore::open(at(folder.file()));
      if (!store) ::_exit(1);
      for (std::uint32_t n = 0;; ++n) {
        // Ten AORs, refreshed over and over: the CSeq is the number acknowledged. Registered on the store's thread.
        auto change = put(std::to_string(n % 10) + "@h", "sip:" + std::to_string(n % 1000) + "@h");
        change.put[0].cseq = n;
        (*store)->commit(std::move(change), [out = ends[1], n](auto result) {
          if (result && ::write(out, &n, sizeof n) != sizeof n) ::_exit(2);
        });
      }
    }
    ::close(ends[1]);
    std::map<std::uint32_t, std::uint32_t> newest;  // contact → CSeq
    std::size_t acknowledged = 0;
    std::uint32_t n = 0;
    while (::read(ends[0], &n, sizeof n) == sizeof n) {
      newest[n % 1000] = n;
      if (++acknowledged == 3000u + 700u * static_cast<unsigned>(round)) ::kill(child, SIGKILL);
    }
    ::close(ends[0]);
    int status = 0;
    ::waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the child ended by itself: " << status;

    auto store = SqliteStore::open(at(folder.file()));
    ASSERT_TRUE(store) << store.error().what;
    const auto contents = contents_of(**store);
    for (const auto& [contact, cseq] : newest) {
      const auto found =
          contents.bindings.find({std::to_string(contact % 10) + "@h", "sip:" + std::to_string(contact) + "@h"});
      ASSERT_NE(found, contents.bindings.end()) << "lost: " << contact;
      EXPECT_GE(found->second.cseq, cseq);
    }
  }
}

}  // namespace
}  // namespace lamplighter::store
