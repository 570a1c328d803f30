#include "store/sqlite_store.h"

#include <SQLiteCpp/SQLiteCpp.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <filesystem>
#include <numeric>
#include <thread>

#include "store/store_test_support.h"

namespace lamplighter::store {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Key;
using testing::Pair;
using testing::UnorderedElementsAre;

std::unique_ptr<SqliteStore> opened(const std::string& path, Durability durability = Durability::kProcess) {
  SqliteSettings settings;
  settings.path = path;
  settings.durability = durability;
  settings.watch_interval = 5ms;
  auto store = SqliteStore::open(settings);
  EXPECT_TRUE(store) << store.error().what;
  return store ? std::move(*store) : nullptr;
}

TEST(SqliteStore, ANewFileIsEmptyAndReadableByItsOwnerOnly) {
  const TempFolder folder;
  const auto store = opened(folder.file());
  EXPECT_EQ(contents_of(*store), Contents{});
  for (const auto* name : {"lamplighter.db", "lamplighter.db-wal"}) {
    struct stat info{};
    ASSERT_EQ(::stat(folder.file(name).c_str(), &info), 0) << name;
    EXPECT_EQ(info.st_mode & 0777, 0600u) << name;
  }
}

// What is kept: "lit" is not cleared, "young" is not old, "untold" has a contact that has not confirmed it, and nobody
// is registered as 102.
TEST(SqliteStore, OldClearedKeysThatEveryContactHasConfirmedArePruned) {
  constexpr std::uint64_t kLong = std::chrono::milliseconds(kClearedKept).count();
  const TempFolder folder;
  {
    const auto store = opened(folder.file());
    for (const auto* uri : {"sip:a@h", "sip:b@h"}) ASSERT_TRUE(commit(*store, put("101", uri)));
    for (const auto* name : {"old", "untold"}) ASSERT_TRUE(commit(*store, cleared("101", name, 7)));
    ASSERT_TRUE(commit(*store, light("101", "lit", 7, lamp::Light::kOn)));
    ASSERT_TRUE(commit(*store, cleared("101", "young", 8 + kLong)));
    ASSERT_TRUE(commit(*store, cleared("102", "old", 7)));
    for (const auto* uri : {"sip:a@h", "sip:b@h"}) {
      for (const auto* name : {"old", "lit"}) {
        ASSERT_TRUE(commit(*store, Confirmations{confirmed("101", uri, name, 7)}));
      }
      ASSERT_TRUE(commit(*store, Confirmations{confirmed("101", uri, "young", 8 + kLong)}));
    }
    ASSERT_TRUE(commit(*store, Confirmations{confirmed("101", "sip:a@h", "untold", 7)}));
    ASSERT_TRUE(commit(*store, Confirmations{confirmed("101", "sip:b@h", "untold", 6)}));
  }
  const auto store = opened(folder.file());
  auto want = contents_of(*store);
  EXPECT_EQ(store->prune_cleared().value_or(99), 1u);
  EXPECT_EQ(want.keys.erase({"101", "old"}), 1u);
  EXPECT_EQ(std::erase_if(want.confirmations, [](const auto& one) { return std::get<2>(one.first) == "old"; }), 2u);
  EXPECT_EQ(contents_of(*store), want);
  EXPECT_EQ(store->prune_cleared().value_or(99), 0u);

  // A key of that name starts afresh.
  ASSERT_TRUE(commit(*store, light("101", "old", 3, lamp::Light::kOn)));
  ASSERT_TRUE(commit(*store, Confirmations{confirmed("101", "sip:a@h", "old", 3)}));
  EXPECT_EQ(contents_of(*store).keys.size(), want.keys.size() + 1);
  EXPECT_EQ(contents_of(*store).confirmations.size(), want.confirmations.size() + 1);
}

TEST(SqliteStore, MissingFoldersAreCreated) {
  const TempFolder folder;
  opened(folder.file("a/b/lamplighter.db"));
  EXPECT_TRUE(std::filesystem::exists(folder.file("a/b/lamplighter.db")));
}

class SqliteDurability : public testing::TestWithParam<Durability> {};

TEST_P(SqliteDurability, ReopeningRestoresEverythingByteForByte) {
  const TempFolder folder;
  Contents want;
  {
    const auto store = opened(folder.file(), GetParam());
    location::Change change{.aor = "101@example.com", .put = {}, .remove = {}};
    change.put.push_back(sample_binding("sip:101@192.0.2.17:2048;line=ab12"));
    auto odd = sample_binding("sip:a%00b@h;x=\"\"");
    odd.instance.clear();
    odd.path.clear();
    odd.user_agent = "nul\0and\xff\xfe not UTF-8"s;
    odd.reg_id = 0;
    odd.cseq = 0;
    odd.q = 0;
    odd.flow = Flow{};
    odd.flow.kind = TransportKind::kWss;
    odd.expires = WallTime{253'402'300'799'999ms};  // the end of the year 9999
    change.put.push_back(odd);
    for (const auto& binding : change.put) want.bindings[{change.aor, binding.uri}] = binding;
    ASSERT_TRUE(commit(*store, change));

    const lamp::Key key{lamp::Light::kRecord, lamp::Color::kRemote, "Licht \xc3\xbc", "432", lamp::Press::kMessage};
    constexpr std::uint64_t kLast = 0x7fff'ffff'ffff'ffff;
    ASSERT_TRUE(commit(*store, KeyChange{"101@example.com", "2", key, kLast}));
    ASSERT_TRUE(commit(*store, KeyChange{"101@example.com", "3", lamp::Key{}, 1}));
    ASSERT_TRUE(commit(*store, KeyChange{"101@example.com", "4", std::nullopt, 2}));
    lamp::Key toggle;
    toggle.press = lamp::Press::kToggle;
    const Press press{.id = 0xffff'ffff'ffff'ffff, .at = WallTime{1'700'000'000'004ms}};
    ASSERT_TRUE(commit(*store, KeyChanges{.keys = {{"102@example.com", "*.", toggle, 3}}, .press = press}));
    want.keys[{"101@example.com", "2"}] = {"2", key, kLast};
    want.keys[{"101@example.com", "3"}] = {"3", lamp::Key{}, 1};
    want.keys[{"101@example.com", "4"}] = {"4", std::nullopt, 2};
    want.keys[{"102@example.com", "*."}] = {"*.", toggle, 3};
    want.presses = {press};

    const lamp::Look look{lamp::Light::kSeized, lamp::Color::kGreen};
    ASSERT_TRUE(commit(*store, Confirmations{confirmed(change.aor, change.put[0].uri, "2", kLast, look),
                                             confirmed(change.aor, odd.uri, "2", 1)}));
    want.confirmations[{change.aor, change.put[0].uri, "2"}] = {odd.registered, kLast, look};
    want.confirmations[{change.aor, odd.uri, "2"}] = {odd.registered, 1, {}};
  }
  const auto store = opened(folder.file(), GetParam());
  EXPECT_EQ(contents_of(*store), want);
}

INSTANTIATE_TEST_SUITE_P(Both, SqliteDurability, testing::Values(Durability::kProcess, Durability::kPower),
                         [](const auto& chosen) { return chosen.param == Durability::kPower ? "Power" : "Process"; });

TEST(SqliteStore, BindingsAreReplacedAndRemoved) {
  const TempFolder folder;
  const auto store = opened(folder.file());
  ASSERT_TRUE(commit(*store, put("a@h", "sip:1@h")));
  ASSERT_TRUE(commit(*store, put("a@h", "sip:2@h")));
  auto refresh = put("a@h", "sip:1@h");
  refresh.put[0].cseq = 8;
  refresh.remove = {"sip:2@h"};
  ASSERT_TRUE(commit(*store, refresh));
  const auto contents = contents_of(*store);
  ASSERT_EQ(contents.bindings.size(), 1u);
  EXPECT_EQ(contents.bindings.begin()->second.cseq, 8u);
}

TEST(SqliteStore, ExpiryRemovesOnlyWhatHadExpired) {
  const TempFolder folder;
  const auto store = opened(folder.file());
  const auto change = put("a@h", "sip:1@h");
  const auto expires = change.put[0].expires;
  ASSERT_TRUE(commit(*store, change));
  location::Change sweep{.aor = "a@h", .put = {}, .remove = {"sip:1@h"}, .remove_if_expired_by = expires - 1ms};
  ASSERT_TRUE(commit(*store, sweep));
  EXPECT_EQ(contents_of(*store).bindings.size(), 1u) << "refreshed while the sweep was on its way";
  sweep.remove_if_expired_by = expires;
  ASSERT_TRUE(commit(*store, sweep));
  EXPECT_THAT(contents_of(*store).bindings, IsEmpty());
}

TEST(SqliteStore, ManyChangesShareACommitAndAreAnsweredInOrder) {
  const TempFolder folder;
  const auto store = opened(folder.file());
  constexpr std::size_t kChanges = 10'000;
  Outcomes outcomes;
  for (std::size_t i = 0; i < kChanges; ++i) {
    store->commit(put(std::to_string(i % 500) + "@h", "sip:" + std::to_string(i) + "@h"), outcomes.next());
  }
  for (const auto& result : outcomes.wait()) ASSERT_TRUE(result) << result.error().what;
  std::vector<std::size_t> want(kChanges);
  std::iota(want.begin(), want.end(), 0);
  EXPECT_EQ(outcomes.order(), want);
  EXPECT_EQ(contents_of(*store).bindings.size(), kChanges);
  EXPECT_EQ(store->counters().changes, kChanges);
  EXPECT_LT(store->counters().commits, kChanges / 10) << "that is no group commit";
}

TEST(SqliteStore, WhatIsQueuedAtTheEndIsStillCommitted) {
  const TempFolder folder;
  Outcomes outcomes;
  {
    const auto store = opened(folder.file());
    for (int i = 0; i < 3000; ++i) store->commit(put("a@h", "sip:" + std::to_string(i) + "@h"), outcomes.next());
  }
  for (const auto& result : outcomes.wait()) ASSERT_TRUE(result);
  EXPECT_EQ(contents_of(*opened(folder.file())).bindings.size(), 3000u);
}

TEST(SqliteStore, SeveralThreadsMayCommitAndRead) {
  const TempFolder folder;
  const auto store = opened(folder.file());
  Outcomes outcomes;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 200; ++i) {
        store->commit(put(std::to_string(t) + "@h", "sip:" + std::to_string(i) + "@h"), outcomes.next());
        if (i % 50 == 0) {
          EXPECT_TRUE(store->put_credential({std::to_string(t), "r", "m", "s"}));
        }
      }
    });
  }
  for (auto& thread : threads) thread.join();
  for (const auto& result : outcomes.wait()) ASSERT_TRUE(result) << result.error().what;
  EXPECT_EQ(contents_of(*store).bindings.size(), 800u);
  EXPECT_EQ(store->credentials()->size(), 4u);
}

TEST(SqliteStore, OneBadChangeDoesNotTakeItsNeighboursAlong) {
  const TempFolder folder;
  const auto store = opened(folder.file());
  // The writer is kept busy by another connection's lock until all three wait, so that they share a transaction.
  SQLite::Database other(folder.file(), SQLite::OPEN_READWRITE);
  other.exec("BEGIN IMMEDIATE");
  Outcomes outcomes;
  store->commit(put("first@h", "sip:1@h"), outcomes.next());
  store->commit(put("a@h", "sip:1@h"), outcomes.next());
  store->commit(put("", "sip:nobody@h"), outcomes.next());
  store->commit(put("huge@h", std::string(2 << 20, 'x')), outcomes.next());
  store->commit(put("b@h", "sip:2@h"), outcomes.next());
  other.exec("COMMIT");
  const auto results = outcomes.wait();
  ASSERT_EQ(results.size(), 5u);
  EXPECT_TRUE(results[0]);
  EXPECT_TRUE(results[1]);
  EXPECT_FALSE(results[2]);
  EXPECT_FALSE(results[3]);
  EXPECT_TRUE(results[4]);
  EXPECT_EQ(contents_of(*store).bindings.size(), 3u);
  EXPECT_EQ(store->counters().failures, 2u);
}

TEST(SqliteStore, KeysChangedTogetherAreStoredTogetherOrNotAtAll) {
  const TempFolder folder;
  const auto store = opened(folder.file());
  const Press press{.id = 7, .at = WallTime{1'700'000'000'000ms}};
  SQLite::Database other(folder.file(), SQLite::OPEN_READWRITE);
  other.exec("BEGIN IMMEDIATE");  // all three share a transaction at first, see above
  Outcomes outcomes;
  store->commit(light("before@h", "1", 1, lamp::Light::kOn), outcomes.next());
  store->commit(KeyChanges{.keys = {light("a@h", "1", 1, lamp::Light::kOn), light("", "2", 2, lamp::Light::kOn),
                                    light("a@h", "3", 3, lamp::Light::kOn)},
                           .press = press},
                outcomes.next());
  store->commit(KeyChanges{.keys = {light("b@h", "1", 1, lamp::Light::kOn), cleared("b@h", "2", 2)}, .press = {}},
                outcomes.next());
  other.exec("COMMIT");
  const auto results = outcomes.wait();
  ASSERT_EQ(results.size(), 3u);
  EXPECT_TRUE(results[0]);
  EXPECT_FALSE(results[1]);
  EXPECT_TRUE(results[2]);
  const auto contents = contents_of(*store);
  EXPECT_THAT(contents.keys,
              UnorderedElementsAre(Key(Pair("before@h", "1")), Key(Pair("b@h", "1")), Key(Pair("b@h", "2"))));
  EXPECT_THAT(contents.presses, IsEmpty()) << "else the press that changed nothing would count as carried out";
}

TEST(SqliteStore, BeyondTheQueueLimitAChangeIsRefusedAtOnce) {
  const TempFolder folder;
  SqliteSettings settings;
  settings.path = folder.file();
  settings.queue_limit = 10;
  settings.busy_timeout = 60s;
  auto store = SqliteStore::open(settings);
  ASSERT_TRUE(store);
  SQLite::Database other(folder.file(), SQLite::OPEN_READWRITE);
  other.exec("BEGIN IMMEDIATE");
  Outcomes outcomes;
  for (int i = 0; i < 10; ++i) (*store)->commit(put("a@h", "sip:" + std::to_string(i) + "@h"), outcomes.next());
  const auto refused = commit(**store, put("a@h", "sip:late@h"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, StoreError::Kind::kUnavailable);
  EXPECT_THAT(refused.error().what, HasSubstr("too busy"));
  other.exec("ROLLBACK");
  for (const auto& result : outcomes.wait()) EXPECT_TRUE(result);
  EXPECT_EQ((*store)->counters().refused, 1u);
  EXPECT_TRUE(commit(**store, put("a@h", "sip:later@h")));
}

TEST(SqliteStore, CredentialsAreKeptReplacedAndRemoved) {
  const TempFolder folder;
  const location::Credential first{"101", "home", "m1", "s1"}, second{"102", "home", "m2", "s2"};
  {
    const auto store = opened(folder.file());
    ASSERT_TRUE(store->put_credential({"101", "home", "old", "old"}));
    ASSERT_TRUE(store->put_credential(first));
    ASSERT_TRUE(store->put_credential(second));
  }
  const auto store = opened(folder.file());
  EXPECT_THAT(*store->credentials(), testing::ElementsAre(first, second));
  EXPECT_EQ(store->remove_credential("101", "elsewhere"), false);
  EXPECT_EQ(store->remove_credential("101", "home"), true);
  EXPECT_THAT(*store->credentials(), testing::ElementsAre(second));
}

//  server                 lamplighter user add
//    | watching               |
//    |                        | writes the file
//    |<- changed -------------|
TEST(SqliteStore, AnotherConnectionsUsersAreNoticed) {
  const TempFolder folder;
  const auto server = opened(folder.file());
  std::mutex mutex;
  std::condition_variable came;
  std::vector<location::Credential> seen;
  server->watch_credentials([&] {
    const auto all = server->credentials();
    std::lock_guard lock(mutex);
    if (all) seen = *all;
    came.notify_all();
  });
  ASSERT_TRUE(commit(*server, put("a@h", "sip:1@h"))) << "one's own commits are no news";
  const auto tool = opened(folder.file());
  const location::Credential user{"101", "home", "m", "s"};
  ASSERT_TRUE(tool->put_credential(user));
  std::unique_lock lock(mutex);
  EXPECT_TRUE(came.wait_for(lock, 30s, [&] { return seen == std::vector{user}; }));
  lock.unlock();
  server->watch_credentials({});
}

// How many there are in the file, told or not.
int rows_in(const std::string& path, const std::string& table) {
  SQLite::Database file(path);
  return file.execAndGet("SELECT count(*) FROM " + table).getInt();
}

TEST(SqliteStore, OldPressesAreForgottenNowAndThen) {
  const TempFolder folder;
  const auto store = opened(folder.file());
  const WallTime start{1'700'000'000'000ms};
  std::vector<Press> told;
  for (int minute = 0; minute <= 60; ++minute) {
    const Press press{.id = static_cast<std::uint64_t>(minute), .at = start + std::chrono::minutes(minute)};
    ASSERT_TRUE(commit(*store, KeyChanges{.keys = {}, .press = press}));
    if (minute >= 55) told.push_back(press);
  }
  EXPECT_EQ(contents_of(*store).presses, told);
  EXPECT_EQ(rows_in(folder.file(), "presses"), 6);
}

TEST(SqliteStore, PressesOfATimeWhenTheClockWasAheadAreForgottenToo) {
  const TempFolder folder;
  const WallTime now{1'700'000'000'000ms};
  ASSERT_TRUE(commit(*opened(folder.file()), KeyChanges{.keys = {}, .press = Press{1, now + 24h}}));
  const auto store = opened(folder.file());
  ASSERT_TRUE(commit(*store, KeyChanges{.keys = {}, .press = Press{2, now}}));
  EXPECT_EQ(contents_of(*store).presses, (std::vector{Press{2, now}}));
}

TEST(SqliteStore, RefreshesAreWorkedInNowAndThenAndLastAcrossARestart) {
  const TempFolder folder;
  constexpr int kPhones = 20;
  constexpr std::size_t kRefreshes = 40'000;
  auto at = [](std::size_t i, bool refresh) {
    auto change = put(std::to_string(i % kPhones) + "@h", "sip:1@h");
    change.put[0].cseq = static_cast<std::uint32_t>(1 + i / kPhones);
    change.put[0].expires += std::chrono::milliseconds(i);
    change.refresh = refresh;
    return change;
  };
  {
    const auto store = opened(folder.file());
    Outcomes outcomes;
    for (std::size_t i = 0; i < kPhones; ++i) store->commit(at(i, false), outcomes.next());
    for (std::size_t i = kPhones; i < kRefreshes; ++i) {
      store->commit(at(i, true), outcomes.next());
      if (i == kRefreshes - 100) outcomes.wait();  // the last ones are not worked in yet
    }
    for (const auto& result : outcomes.wait()) ASSERT_TRUE(result) << result.error().what;
  }
  EXPECT_LE(rows_in(folder.file(), "refreshes"), 8'000);
  EXPECT_GT(rows_in(folder.file(), "refreshes"), 0);
  const auto store = opened(folder.file());
  const auto bindings = contents_of(*store).bindings;
  ASSERT_EQ(bindings.size(), std::size_t{kPhones});
  for (std::size_t i = kRefreshes - kPhones; i < kRefreshes; ++i) {
    EXPECT_EQ(bindings.at({std::to_string(i % kPhones) + "@h", "sip:1@h"}), at(i, true).put[0]);
  }
  EXPECT_EQ(rows_in(folder.file(), "refreshes"), 0);
}

// A stream of changes, each queued when the one before was: the commits are as far apart as they should be, so few.
TEST(SqliteStore, AStreamOfChangesIsStoredInFewCommits) {
  const TempFolder folder;
  constexpr std::chrono::milliseconds kGather{20};
  auto store = SqliteStore::open({.path = folder.file(), .gather = kGather});
  ASSERT_TRUE(store) << store.error().what;
  const auto begin = std::chrono::steady_clock::now();
  for (std::uint64_t version = 1; version <= 50; ++version) {
    ASSERT_TRUE(commit(**store, light("101@h", "2", version, lamp::Light::kOn)));
  }
  const auto took = std::chrono::steady_clock::now() - begin;
  EXPECT_LE((*store)->counters().commits, static_cast<std::uint64_t>(took / kGather) + 2);
}

}  // namespace
}  // namespace lamplighter::store
