#include "store/sqlite_store.h"

#include <SQLiteCpp/SQLiteCpp.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <filesystem>
#include <mutex>
#include <optional>
#include <span>
#include <system_error>
#include <thread>
#include <type_traits>
#include <utility>

#include "base/log.h"
#include "store/rows.h"
#include "store/schema.h"

namespace lamplighter::store {

namespace {

namespace fs = std::filesystem;
using Kind = StoreError::Kind;
using Result = std::expected<void, StoreError>;

// A row larger than this is a mistake or an attack; SQLite refuses it (SQLITE_TOOBIG) and only its own change fails.
constexpr int kLargestRow = 1 << 20;
constexpr std::chrono::seconds kLogInterval{5};
// Of a file of any size: what is not in it comes from the system's cache, a microsecond a page.
constexpr int kWriterCache = 4 << 10;  // KiB, taken only as the file grows
// With a checkpoint every 4 MB, as SQLite has it, pages that change all the time would be written to the file each
// time. At most 64 MB of WAL file; read again in a fraction of a second after kill -9.
constexpr int kCheckpointPages = 16'000;
// Refreshes that are noted before they are worked into the bindings (decision 013): enough that a page of those is
// written for many at once, few enough to be done in a moment.
constexpr std::size_t kRefreshesNoted = 32'768;

std::unexpected<StoreError> unavailable(std::string what) {
  return std::unexpected(StoreError{Kind::kUnavailable, std::move(what)});
}

// SQLite's own words for a wrong path are "unable to open database file", whatever the cause: look first.
Result prepare_path(const std::string& path) {
  if (path.empty()) return unavailable("store.path is empty; name a file, such as data/lamplighter.db");
  std::error_code failed;
  if (fs::is_directory(path, failed)) {
    return unavailable(fmt::format("{} is a folder; store.path must name a file, such as {}", path,
                                   (fs::path(path) / "lamplighter.db").string()));
  }
  const auto folder = fs::path(path).parent_path();
  if (!folder.empty()) {
    fs::create_directories(folder, failed);
    if (failed) {
      return unavailable(fmt::format("{}: cannot create the folder {} ({}); create it, or change store.path", path,
                                     folder.string(), failed.message()));
    }
  }
  // Created here for its mode: SQLite would let everybody read the HA1 digests. It copies the mode to its -wal and
  // -shm.
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0) {
    return unavailable(
        fmt::format("{}: {}; check that this user may write the file and its folder, or change store.path", path,
                    std::strerror(errno)));
  }
  ::close(file);
  return {};
}

// The absolute path keeps SQLite from reading a meaning into names such as ":memory:".
SQLite::Database connect(const SqliteSettings& settings) {
  SQLite::Database database(fs::absolute(settings.path).string(),
                            SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE | SQLite::OPEN_NOMUTEX,
                            static_cast<int>(settings.busy_timeout.count()));
  // Process: a commit is in the operating system's hands (the WAL file), which outlives this program. Power: fsync.
  database.exec(settings.durability == Durability::kPower ? "PRAGMA synchronous = FULL"
                                                          : "PRAGMA synchronous = NORMAL");
  if (settings.page_limit > 0) database.exec(fmt::format("PRAGMA max_page_count = {}", settings.page_limit));
  sqlite3_limit(database.getHandle(), SQLITE_LIMIT_LENGTH, kLargestRow);
  return database;
}

// Whether the change itself was refused, so that its neighbours in the batch deserve another try.
bool is_about_the_row(const SQLite::Exception& failure) {
  switch (failure.getErrorCode() & 0xff) {
    case SQLITE_CONSTRAINT:
    case SQLITE_TOOBIG:
    case SQLITE_MISMATCH:
    case SQLITE_RANGE: return true;
    default: return false;
  }
}

// Says that storing fails, once every few seconds, with how often; and once that it works again.
class FailureLog {
 public:
  void failed(const StoreError& error, std::size_t changes) {
    count_ += changes;
    const auto now = std::chrono::steady_clock::now();
    if (last_ && now - *last_ < kLogInterval) return;
    log::error("store: {} change(s) not stored: {}", count_, error.what);
    last_ = now;
    count_ = 0;
  }
  /// The store itself fails, not one change.
  void broken() { broken_ = true; }
  void works(const std::string& path) {
    if (std::exchange(broken_, false)) log::info("store: {}: storing again", path);
  }

 private:
  std::optional<std::chrono::steady_clock::time_point> last_;
  std::size_t count_ = 0;
  bool broken_ = false;
};

}  // namespace

struct SqliteStore::Impl {
  struct Waiting {
    Change change;
    Committed done;
  };

  explicit Impl(SqliteSettings wanted)
      : settings(std::move(wanted)), writer(connect(settings)), reader(connect(settings)) {}

  void run();
  void write(std::span<Waiting> batch);
  Result write_together(std::span<Waiting> batch, bool& blame_row);
  StoreError roll_back(const SQLite::Exception& failure);
  void fold();
  void look_for_changes();
  template <typename F>
  auto with_reader(F&& f) -> std::expected<decltype(f(std::declval<SQLite::Database&>())), StoreError>;

  SqliteSettings settings;

  // The writer thread's own.
  SQLite::Database writer;
  std::optional<RowWriter> rows;
  std::size_t fold_at = kRefreshesNoted;
  std::optional<SQLite::Statement> data_version;
  std::optional<std::int64_t> seen_version;
  FailureLog failure_log;

  std::mutex reader_mutex;
  SQLite::Database reader;

  std::mutex mutex;
  std::condition_variable wake;
  std::vector<Waiting> queue;
  std::size_t unsettled = 0;  ///< queued or being written
  bool stopping = false;
  std::function<void()> changed;
  Counters counters;

  std::thread thread;
};

std::expected<std::unique_ptr<SqliteStore>, StoreError> SqliteStore::open(SqliteSettings settings) {
  const auto path = settings.path;
  if (auto ready = prepare_path(path); !ready) return std::unexpected(ready.error());
  std::unique_ptr<Impl> impl;
  try {
    impl = std::make_unique<Impl>(std::move(settings));
    auto& database = impl->writer;
    if (sqlite3_db_readonly(database.getHandle(), "main") == 1) {
      return unavailable(fmt::format("{} is write-protected; let this user write it, or change store.path", path));
    }
    // Before anything is written to it: a wrong file is left exactly as it is.
    if (auto ready = migrate(database, path); !ready) return std::unexpected(ready.error());
    database.exec("PRAGMA journal_mode = WAL");
    database.exec(
        fmt::format("PRAGMA cache_size = {}; PRAGMA wal_autocheckpoint = {}", -kWriterCache, kCheckpointPages));
    impl->rows.emplace(database);
    impl->data_version.emplace(database, "PRAGMA data_version");
    impl->look_for_changes();
  } catch (const SQLite::Exception& failure) {
    return std::unexpected(error_from(failure, impl ? &impl->writer : nullptr, path));
  }
  auto& running = *impl;
  running.thread = std::thread([&running] { running.run(); });
  return std::unique_ptr<SqliteStore>(new SqliteStore(std::move(impl)));
}

SqliteStore::SqliteStore(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

SqliteStore::~SqliteStore() {
  {
    std::lock_guard lock(impl_->mutex);
    impl_->stopping = true;
  }
  impl_->wake.notify_one();
  impl_->thread.join();
}

void SqliteStore::commit(Change change, Committed done) {
  {
    std::unique_lock lock(impl_->mutex);
    if (impl_->unsettled < impl_->settings.queue_limit) {
      impl_->queue.push_back({std::move(change), std::move(done)});
      ++impl_->unsettled;
      const bool first = impl_->queue.size() == 1;
      lock.unlock();
      // The writer sleeps only on an empty queue.
      if (first) impl_->wake.notify_one();
      return;
    }
    ++impl_->counters.refused;
  }
  done(unavailable(fmt::format("{}: too busy, {} changes are waiting; a faster disk helps, or fewer registrations",
                               impl_->settings.path, impl_->settings.queue_limit)));
}

void SqliteStore::Impl::run() {
  std::vector<Waiting> taken;
  auto next_commit = std::chrono::steady_clock::now();
  std::unique_lock lock(mutex);
  while (true) {
    wake.wait_for(lock, settings.watch_interval, [&] { return !queue.empty() || stopping; });
    if (queue.empty() && stopping) return;
    if (!queue.empty()) {
      // Woken by the first of many, on a busy machine in the middle of the worker's turn: a commit of a handful costs
      // nearly as much as one of hundreds.
      wake.wait_until(lock, next_commit, [&] { return stopping; });
      next_commit = std::chrono::steady_clock::now() + settings.gather;
    }
    taken.swap(queue);
    lock.unlock();
    for (std::size_t at = 0; at < taken.size(); at += settings.batch_limit) {
      write(std::span(taken).subspan(at, std::min(settings.batch_limit, taken.size() - at)));
    }
    taken.clear();
    if (rows->refreshes() >= fold_at) fold();
    look_for_changes();
    lock.lock();
  }
}

void SqliteStore::Impl::write(std::span<Waiting> batch) {
  bool blame_row = false;
  const auto together = write_together(batch, blame_row);
  std::vector<Result> results;
  if (!together && blame_row && batch.size() > 1) {
    // One change spoilt the transaction for all: each on its own, so that only the bad one fails.
    for (auto& waiting : batch) results.push_back(write_together({&waiting, 1}, blame_row));
  } else {
    results.assign(batch.size(), together);
    if (together) {
      failure_log.works(settings.path);
    } else if (!blame_row) {
      failure_log.broken();
    }
  }
  const auto failed = static_cast<std::size_t>(std::ranges::count_if(results, [](const auto& r) { return !r; }));
  if (failed > 0) failure_log.failed(std::ranges::find_if(results, [](const auto& r) { return !r; })->error(), failed);
  {
    std::lock_guard lock(mutex);
    counters.changes += batch.size() - failed;
    counters.failures += failed;
    unsettled -= batch.size();
  }
  for (std::size_t i = 0; i < batch.size(); ++i) batch[i].done(std::move(results[i]));
}

Result SqliteStore::Impl::write_together(std::span<Waiting> batch, bool& blame_row) {
  Result result;
  try {
    writer.exec("BEGIN IMMEDIATE");
    for (const auto& waiting : batch) rows->write(waiting.change);
    writer.exec("COMMIT");
  } catch (const SQLite::Exception& failure) {
    blame_row = is_about_the_row(failure);
    result = std::unexpected(roll_back(failure));
  }
  if (result) {
    std::lock_guard lock(mutex);
    ++counters.commits;
  }
  return result;
}

StoreError SqliteStore::Impl::roll_back(const SQLite::Exception& failure) {
  auto error = error_from(failure, &writer, settings.path);
  // SQLite has already rolled back after some errors (SQLITE_FULL, SQLITE_IOERR); then this says so, and that is fine.
  if (!sqlite3_get_autocommit(writer.getHandle())) writer.tryExec("ROLLBACK");
  return error;
}

// Nobody waits for it and nothing is lost when it fails: it is tried again after as many refreshes more.
void SqliteStore::Impl::fold() {
  try {
    fold_refreshes(writer);
    rows->refreshes_folded();
    fold_at = kRefreshesNoted;
  } catch (const SQLite::Exception& failure) {
    log::warn("store: refreshes stay apart from the contacts for now: {}", roll_back(failure).what);
    fold_at = rows->refreshes() + kRefreshesNoted;
  }
}

void SqliteStore::Impl::look_for_changes() {
  std::int64_t version = 0;
  try {
    if (!data_version->executeStep()) return;
    version = data_version->getColumn(0).getInt64();
    data_version->reset();
  } catch (const SQLite::Exception&) {
    data_version->tryReset();
    return;  // the next commit meets the same trouble and reports it
  }
  if (std::exchange(seen_version, version) == version) return;
  std::function<void()> call;
  {
    std::lock_guard lock(mutex);
    call = changed;
  }
  if (call) call();
}

void SqliteStore::watch_credentials(std::function<void()> changed) {
  std::lock_guard lock(impl_->mutex);
  impl_->changed = std::move(changed);
}

template <typename F>
auto SqliteStore::Impl::with_reader(F&& f)
    -> std::expected<decltype(f(std::declval<SQLite::Database&>())), StoreError> {
  std::lock_guard lock(reader_mutex);
  try {
    if constexpr (std::is_void_v<decltype(f(reader))>) {
      f(reader);
      return {};
    } else {
      return f(reader);
    }
  } catch (const SQLite::Exception& failure) {
    return std::unexpected(error_from(failure, &reader, settings.path));
  }
}

std::expected<std::size_t, StoreError> SqliteStore::prune_cleared() {
  return impl_->with_reader([](SQLite::Database& database) { return delete_cleared(database, kClearedKept); });
}

std::expected<void, StoreError> SqliteStore::load(const Visitor& visitor) {
  return impl_->with_reader([&](SQLite::Database& database) {
    fold_refreshes(database);
    read_rows(database, visitor);
    sqlite3_db_release_memory(database.getHandle());  // it has read everything and will hardly read again
  });
}

std::expected<std::vector<location::Credential>, StoreError> SqliteStore::credentials() {
  return impl_->with_reader([](SQLite::Database& database) { return read_credentials(database); });
}

std::expected<void, StoreError> SqliteStore::put_credential(const location::Credential& credential) {
  return impl_->with_reader([&](SQLite::Database& database) { write_credential(database, credential); });
}

std::expected<bool, StoreError> SqliteStore::remove_credential(std::string_view user, std::string_view realm) {
  return impl_->with_reader([&](SQLite::Database& database) { return erase_credential(database, user, realm); });
}

SqliteStore::Counters SqliteStore::counters() const {
  std::lock_guard lock(impl_->mutex);
  return impl_->counters;
}

}  // namespace lamplighter::store
