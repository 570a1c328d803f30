#include "store/rows.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <algorithm>
#include <bit>
#include <cassert>
#include <chrono>
#include <cstdint>
#include <limits>
#include <set>
#include <utility>

#include "store/read_ahead.h"

namespace lamplighter::store {

namespace {

using std::chrono::milliseconds;

// The last moment of the year 9999. Up to here times can be reckoned with and do not overflow.
constexpr WallTime kLastTime{milliseconds{253'402'300'799'999}};

template <typename Enum>
int number_of(Enum value) {
  return static_cast<int>(value);
}

// Runs a statement and leaves it ready for the next row, also when it throws.
class Run {
 public:
  explicit Run(SQLite::Statement& statement) : statement_(statement) {}
  ~Run() { statement_.tryReset(); }
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;
  int operator()() { return statement_.exec(); }

 private:
  SQLite::Statement& statement_;
};

// Binds parameters from the left: `?1, ?2 …`. Text is not copied: it must live until the statement has run.
class Binder {
 public:
  explicit Binder(SQLite::Statement& statement) : statement_(statement) {}
  Binder& text(const std::string& value) {
    statement_.bindNoCopy(++at_, value);
    return *this;
  }
  Binder& number(std::int64_t value) {
    statement_.bind(++at_, value);
    return *this;
  }
  Binder& time(WallTime value) { return number(value.time_since_epoch().count()); }
  // SQLite's numbers are signed: larger ones would be taken for the oldest.
  Binder& version(std::uint64_t value) {
    assert(std::in_range<std::int64_t>(value));
    return number(static_cast<std::int64_t>(value));
  }
  Binder& color(const std::optional<lamp::Color>& value) {
    if (value) return number(number_of(*value));
    statement_.bind(++at_);
    return *this;
  }

 private:
  SQLite::Statement& statement_;
  int at_ = 0;
};

// Text from the file in a message: on one line, and not the whole of something huge.
std::string printable(std::string_view text) {
  constexpr std::size_t kMost = 100;
  std::string out(text.substr(0, kMost));
  for (auto& c : out) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  return text.size() > kMost ? out + "…" : out;
}

// The rows of a query. Not an SQLite::Statement: each of its columns asks SQLite for its name and shares the statement,
// and a start reads millions.
class Query {
 public:
  Query(SQLite::Database& database, std::string_view sql) : database_(database) {
    check(sqlite3_prepare_v2(database.getHandle(), sql.data(), static_cast<int>(sql.size()), &row_, nullptr));
  }
  ~Query() { sqlite3_finalize(row_); }
  Query(const Query&) = delete;
  Query& operator=(const Query&) = delete;

  void bind(int parameter, std::int64_t value) { check(sqlite3_bind_int64(row_, parameter, value)); }
  /// False: there are no more.
  bool next() {
    const auto result = sqlite3_step(row_);
    if (result != SQLITE_ROW && result != SQLITE_DONE) check(result);
    return result == SQLITE_ROW;
  }
  sqlite3_stmt* row() const { return row_; }

 private:
  void check(int result) {
    if (result != SQLITE_OK) throw SQLite::Exception(database_.getHandle(), result);
  }

  SQLite::Database& database_;
  sqlite3_stmt* row_ = nullptr;
};

// Reads columns from the left; remembers the first one that makes no sense.
class Reader {
 public:
  explicit Reader(const Query& query) : row_(query.row()) {}

  std::string text() { return std::string(view()); }
  void text(std::string& into) { into = view(); }
  /// Good until the next row.
  std::string_view view() {
    const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(row_, at_));
    const auto size = sqlite3_column_bytes(row_, at_++);
    return bytes == nullptr ? std::string_view{} : std::string_view(bytes, static_cast<std::size_t>(size));
  }
  lamp::KeyName key_name() {
    auto name = text();
    if (const auto good = lamp::check_key_name(name); !good) blame(good.error());
    return name;
  }
  template <typename T>
  T integer() {
    return static_cast<T>(number(static_cast<std::int64_t>(std::numeric_limits<T>::min()),
                                 static_cast<std::int64_t>(std::numeric_limits<T>::max())));
  }
  template <typename Enum>
  Enum choice(Enum last) {
    return static_cast<Enum>(number(0, static_cast<std::int64_t>(last)));
  }
  bool flag() { return number(0, 1) != 0; }
  std::uint64_t version() { return static_cast<std::uint64_t>(number(0, std::numeric_limits<std::int64_t>::max())); }
  std::uint64_t bits() { return std::bit_cast<std::uint64_t>(integer<std::int64_t>()); }
  WallTime time() { return WallTime{milliseconds{number(0, kLastTime.time_since_epoch().count())}}; }
  std::optional<lamp::Color> color() {
    if (sqlite3_column_type(row_, at_) == SQLITE_NULL) return ++at_, std::nullopt;
    return choice(lamp::Color::kRemote);
  }
  SocketAddress address() {
    const auto parsed = SocketAddress::parse(view());
    if (!parsed) blame("expected an address such as 192.0.2.17:5060");
    return parsed.value_or(SocketAddress{});
  }

  /// `remote is "somewhere", expected an address such as 192.0.2.17:5060`; empty: all is well.
  const std::string& fault() const { return fault_; }

 private:
  // 0 when it is none of that; SQLite keeps any text in any column.
  std::int64_t number(std::int64_t first, std::int64_t last) {
    const auto column = at_++;
    if (sqlite3_column_type(row_, column) == SQLITE_INTEGER) {
      const auto value = sqlite3_column_int64(row_, column);
      if (first <= value && value <= last) return value;
    }
    blame(fmt::format("expected a number from {} to {}", first, last));
    return 0;
  }
  // The column read last.
  void blame(std::string_view expected) {
    if (!fault_.empty()) return;
    const auto column = --at_;
    fault_ = fmt::format("{} is \"{}\", {}", sqlite3_column_name(row_, column), printable(view()), expected);
  }

  sqlite3_stmt* row_;
  int at_ = 0;
  std::string fault_;
};

void read(Reader& row, location::Binding& binding) {
  row.text(binding.uri);
  row.text(binding.instance);
  binding.reg_id = row.integer<std::uint32_t>();
  row.text(binding.call_id);
  binding.cseq = row.integer<std::uint32_t>();
  row.text(binding.user_agent);
  row.text(binding.path);
  binding.q = row.integer<std::int16_t>();
  // Connections do not survive the process: number and generation stay 0, which names none.
  binding.flow.kind = row.choice(TransportKind::kWss);
  binding.flow.remote = row.address();
  binding.flow.local = row.address();
  binding.flow.connection = binding.flow.generation = 0;
  binding.flow.listener = row.integer<std::uint16_t>();
  binding.flow.worker = row.integer<std::uint8_t>();
  binding.registered = row.time();
  binding.refreshed = row.time();
  binding.expires = row.time();
}

lamp::KeyState key_state_from(Reader& row) {
  lamp::KeyState state;
  state.name = row.key_name();
  state.version = row.version();
  const bool cleared = row.flag();
  lamp::Key key;
  key.light = row.choice(lamp::Light::kRecord);
  key.color = row.color();
  key.label = row.text();
  key.number = row.text();
  key.press = row.choice(lamp::Press::kToggle);
  if (!cleared) state.key = std::move(key);
  return state;
}

lamp::Confirmation confirmation_from(Reader& row) {
  lamp::Confirmation confirmation;
  confirmation.aor = row.text();
  confirmation.contact = row.text();
  confirmation.registered = row.time();
  confirmation.name = row.key_name();
  confirmation.version = row.version();
  confirmation.look.light = row.choice(lamp::Light::kRecord);
  confirmation.look.color = row.color();
  return confirmation;
}

void skip(const Store::Visitor& visitor, std::string_view which, std::string_view fault) {
  if (visitor.skipped) visitor.skipped(fmt::format("{}: {}", printable(which), fault));
}

using Contacts = std::set<std::pair<std::string, std::string>>;  // aor, uri

// Returns the contacts that were left out.
Contacts read_bindings(SQLite::Database& database, const Store::Visitor& visitor) {
  Contacts left_out;
  Query all(database,
            "SELECT aor, uri, instance, reg_id, call_id, cseq, user_agent, path, q, kind, remote, local, "
            "listener, worker, registered_ms, refreshed_ms, expires_ms FROM bindings");
  // Two cores have a million rows in memory in half the time; strings are reused from row to row.
  struct Row {
    std::string aor;
    location::Binding binding;
    std::string fault;
  };
  read_ahead<Row>(
      [&](Row& into) {
        if (!all.next()) return false;
        Reader row(all);
        row.text(into.aor);
        read(row, into.binding);
        into.fault = row.fault();
        return true;
      },
      [&](Row& row) {
        if (row.fault.empty()) return visitor.binding(row.aor, row.binding);
        skip(visitor, fmt::format("the contact {} of {}", row.binding.uri, row.aor), row.fault);
        left_out.emplace(row.aor, row.binding.uri);
      });
  return left_out;
}

void read_keys(SQLite::Database& database, const Store::Visitor& visitor) {
  Query all(database, "SELECT aor, name, version, cleared, light, color, label, number, press FROM keys");
  while (all.next()) {
    Reader row(all);
    auto aor = row.text();
    auto state = key_state_from(row);
    if (row.fault().empty()) {
      visitor.key(std::move(aor), std::move(state));
    } else {
      skip(visitor, fmt::format("the key {} of {}", state.name, aor), row.fault());
    }
  }
}

void read_confirmations(SQLite::Database& database, const Store::Visitor& visitor, const Contacts& left_out) {
  Query all(database,
            "SELECT aor, uri, registered_ms, name, version, light, color FROM confirmations AS c "
            "WHERE EXISTS(SELECT 1 FROM bindings AS b WHERE b.aor = c.aor AND b.uri = c.uri AND "
            "b.registered_ms = c.registered_ms)");
  while (all.next()) {
    Reader row(all);
    auto confirmation = confirmation_from(row);
    if (!left_out.empty() && left_out.contains({confirmation.aor, confirmation.contact})) continue;
    if (row.fault().empty()) {
      visitor.confirmation(std::move(confirmation));
    } else {
      skip(visitor,
           fmt::format("what the contact {} of {} confirmed for the key {}", confirmation.contact, confirmation.aor,
                       confirmation.name),
           row.fault());
    }
  }
}

void read_presses(SQLite::Database& database, const Store::Visitor& visitor) {
  Query all(database,
            "SELECT id, at_ms FROM presses WHERE at_ms >= (SELECT max(at_ms) FROM presses) - ?1 ORDER BY at_ms");
  all.bind(1, static_cast<std::int64_t>(milliseconds(kPressesKept).count()));
  while (all.next()) {
    Reader row(all);
    const Press press{.id = row.bits(), .at = row.time()};
    if (row.fault().empty()) {
      visitor.press(press);
    } else {
      skip(visitor, fmt::format("the press {}", std::bit_cast<std::int64_t>(press.id)), row.fault());
    }
  }
}

}  // namespace

// A refresh touches a page of its own among all bindings, which has to be copied, summed and written twice. Noted one
// after another many share a page; worked in together, in the order of the bindings, many share that page, too, and of
// several refreshes of one binding only the last is worked in.
RowWriter::RowWriter(SQLite::Database& database)
    : note_refresh_(database,
                    "INSERT INTO refreshes(aor, uri, registered_ms, cseq, refreshed_ms, expires_ms) "
                    "VALUES(?1, ?2, ?3, ?4, ?5, ?6)"),
      refresh_binding_(database,
                       "UPDATE bindings SET instance = ?3, reg_id = ?4, call_id = ?5, cseq = ?6, user_agent = ?7, "
                       "path = ?8, q = ?9, kind = ?10, remote = ?11, local = ?12, listener = ?13, worker = ?14, "
                       "refreshed_ms = ?16, expires_ms = ?17 WHERE aor = ?1 AND uri = ?2 AND registered_ms = ?15"),
      put_binding_(
          database,
          "INSERT OR REPLACE INTO bindings(aor, uri, instance, reg_id, call_id, cseq, user_agent, path, q, kind, "
          "remote, local, listener, worker, registered_ms, refreshed_ms, expires_ms) "
          "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)"),
      remove_binding_(database, "DELETE FROM bindings WHERE aor = ?1 AND uri = ?2 AND expires_ms <= ?3"),
      put_key_(database,
               // Two threads may commit in another order than they set or cleared: the newer version stays. What is no
               // number (SQLite takes text for larger than any) does not stand in the way; so below.
               "INSERT INTO keys(aor, name, version, cleared, light, color, label, number, press) "
               "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT(aor, name) DO UPDATE SET version = ?3, "
               "cleared = ?4, light = ?5, color = ?6, label = ?7, number = ?8, press = ?9 "
               "WHERE version < ?3 OR typeof(version) <> 'integer'"),
      put_confirmation_(
          database,
          // Only of the life that is bound: a confirmation that comes late must not vouch for a phone that has booted.
          "INSERT INTO confirmations(aor, uri, registered_ms, name, version, light, color) "
          "SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7 FROM bindings WHERE aor = ?1 AND uri = ?2 AND registered_ms = ?3 "
          "ON CONFLICT(aor, uri, name) DO UPDATE SET registered_ms = ?3, version = ?5, light = ?6, color = ?7 "
          "WHERE registered_ms <> ?3 OR version < ?5 OR typeof(version) <> 'integer'"),
      forget_confirmations_(database, "DELETE FROM confirmations WHERE aor = ?1 AND uri = ?2"),
      put_press_(database,
                 "INSERT INTO presses(id, at_ms) VALUES(?1, ?2) "
                 "ON CONFLICT(id) DO UPDATE SET at_ms = ?2 WHERE at_ms < ?2 OR typeof(at_ms) <> 'integer'"),
      prune_presses_(database, "DELETE FROM presses WHERE at_ms NOT BETWEEN ?1 AND ?2"),
      refreshes_(static_cast<std::size_t>(
          std::max<std::int64_t>(0, database.execAndGet("SELECT count(*) FROM refreshes").getInt64()))) {}

void RowWriter::write(const Change& change) {
  std::visit([&](const auto& what) { write(what); }, change);
}

void RowWriter::write(const location::Change& change) {
  for (const auto& uri : change.remove) {
    Run run(remove_binding_);
    Binder(remove_binding_).text(change.aor).text(uri).time(change.remove_if_expired_by);
    if (run() > 0) forget_confirmations(change.aor, uri);
  }
  for (const auto& binding : change.put) {
    if (change.refresh) {
      note_refresh(change.aor, binding);
      continue;
    }
    // Also a kind of refresh, which leaves what the contact confirmed in this life.
    if (put(refresh_binding_, change.aor, binding) > 0) continue;
    forget_confirmations(change.aor, binding.uri);
    put(put_binding_, change.aor, binding);
  }
}

int RowWriter::put(SQLite::Statement& statement, const std::string& aor, const location::Binding& binding) {
  Run run(statement);
  remote_ = binding.flow.remote.to_string();
  local_ = binding.flow.local.to_string();
  Binder(statement)
      .text(aor)
      .text(binding.uri)
      .text(binding.instance)
      .number(binding.reg_id)
      .text(binding.call_id)
      .number(binding.cseq)
      .text(binding.user_agent)
      .text(binding.path)
      .number(binding.q)
      .number(number_of(binding.flow.kind))
      .text(remote_)
      .text(local_)
      .number(binding.flow.listener)
      .number(binding.flow.worker)
      .time(binding.registered)
      .time(binding.refreshed)
      .time(binding.expires);
  return run();
}

void RowWriter::note_refresh(const std::string& aor, const location::Binding& binding) {
  Run run(note_refresh_);
  Binder(note_refresh_)
      .text(aor)
      .text(binding.uri)
      .time(binding.registered)
      .number(binding.cseq)
      .time(binding.refreshed)
      .time(binding.expires);
  run();
  ++refreshes_;
}

void RowWriter::forget_confirmations(const std::string& aor, const std::string& uri) {
  Run run(forget_confirmations_);
  Binder(forget_confirmations_).text(aor).text(uri);
  run();
}

void RowWriter::write(const KeyChange& change) {
  static const lamp::Key kDark;
  const auto& key = change.key ? *change.key : kDark;
  Run run(put_key_);
  Binder(put_key_)
      .text(change.aor)
      .text(change.name)
      .version(change.version)
      .number(change.key ? 0 : 1)
      .number(number_of(key.light))
      .color(key.color)
      .text(key.label)
      .text(key.number)
      .number(number_of(key.press));
  run();
}

void RowWriter::write(const KeyChanges& changes) {
  for (const auto& change : changes.keys) write(change);
  for (const auto& press : changes.earlier) write(press);
  if (changes.press) write(*changes.press);
}

void RowWriter::write(const Confirmations& confirmations) {
  for (const auto& confirmation : confirmations) {
    Run run(put_confirmation_);
    Binder(put_confirmation_)
        .text(confirmation.aor)
        .text(confirmation.contact)
        .time(confirmation.registered)
        .text(confirmation.name)
        .version(confirmation.version)
        .number(number_of(confirmation.look.light))
        .color(confirmation.look.color);
    run();
  }
}

void RowWriter::write(const Press& press) {
  {
    Run run(put_press_);
    Binder(put_press_).number(std::bit_cast<std::int64_t>(press.id)).time(press.at);
    run();
  }
  if (const auto kept = press_window_.add(press.at)) {
    Run run(prune_presses_);
    Binder(prune_presses_).time(kept->first).time(kept->last);
    run();
  }
}

// Within one life the CSeq only grows, so it says which is the later; and another life has another `registered`.
void fold_refreshes(SQLite::Database& database) {
  SQLite::Transaction all_or_none(database, SQLite::TransactionBehavior::IMMEDIATE);
  // The columns beside max() are those of the row it was found in: https://sqlite.org/lang_select.html#bareagg
  database.exec(
      "UPDATE bindings SET cseq = r.cseq, refreshed_ms = r.refreshed_ms, expires_ms = r.expires_ms FROM "
      "(SELECT aor, uri, registered_ms, max(cseq) AS cseq, refreshed_ms, expires_ms FROM refreshes "
      "GROUP BY aor, uri, registered_ms) AS r "
      "WHERE bindings.aor = r.aor AND bindings.uri = r.uri AND bindings.registered_ms = r.registered_ms AND "
      "bindings.cseq < r.cseq");
  database.exec("DELETE FROM refreshes");
  all_or_none.commit();
}

void read_rows(SQLite::Database& database, const Store::Visitor& visitor) {
  SQLite::Transaction one_moment(database);
  Contacts left_out;
  if (visitor.binding) left_out = read_bindings(database, visitor);
  if (visitor.key) read_keys(database, visitor);
  if (visitor.confirmation) read_confirmations(database, visitor, left_out);
  if (visitor.press) read_presses(database, visitor);
}

// Versions are times in milliseconds, or a little later (lamp/keyboard.cpp).
std::size_t delete_cleared(SQLite::Database& database, milliseconds kept) {
  SQLite::Transaction all_or_none(database);
  SQLite::Statement keys(
      database,
      "DELETE FROM keys WHERE cleared = 1 AND typeof(version) = 'integer' AND "
      "version < (SELECT max(version) FROM keys WHERE typeof(version) = 'integer') - ?1 AND "
      "EXISTS(SELECT 1 FROM bindings AS b WHERE b.aor = keys.aor) AND "
      "NOT EXISTS(SELECT 1 FROM bindings AS b WHERE b.aor = keys.aor AND "
      "NOT EXISTS(SELECT 1 FROM confirmations AS c WHERE c.aor = b.aor AND c.uri = b.uri AND "
      "c.registered_ms = b.registered_ms AND c.name = keys.name AND c.version = keys.version)) RETURNING aor, name");
  keys.bind(1, static_cast<std::int64_t>(kept.count()));
  // The next key of that name may get a lower version, when the clock has been set back.
  SQLite::Statement forget(database, "DELETE FROM confirmations WHERE aor = ?1 AND name = ?2");
  std::size_t deleted = 0;
  while (keys.executeStep()) {
    Run run(forget);
    const auto aor = keys.getColumn(0).getString();
    const auto name = keys.getColumn(1).getString();
    Binder(forget).text(aor).text(name);
    run();
    ++deleted;
  }
  all_or_none.commit();
  return deleted;
}

std::vector<location::Credential> read_credentials(SQLite::Database& database) {
  std::vector<location::Credential> all;
  Query rows(database, "SELECT user, realm, ha1_md5, ha1_sha256 FROM credentials ORDER BY realm, user");
  while (rows.next()) {
    Reader row(rows);
    auto user = row.text();
    auto realm = row.text();
    auto md5 = row.text();
    auto sha256 = row.text();
    all.push_back({std::move(user), std::move(realm), std::move(md5), std::move(sha256)});
  }
  return all;
}

void write_credential(SQLite::Database& database, const location::Credential& credential) {
  SQLite::Statement put(database,
                        "INSERT OR REPLACE INTO credentials(user, realm, ha1_md5, ha1_sha256) VALUES(?1, ?2, ?3, ?4)");
  Binder(put).text(credential.user).text(credential.realm).text(credential.ha1_md5).text(credential.ha1_sha256);
  put.exec();
}

bool erase_credential(SQLite::Database& database, std::string_view user, std::string_view realm) {
  const std::string user_text(user), realm_text(realm);
  SQLite::Statement remove(database, "DELETE FROM credentials WHERE user = ?1 AND realm = ?2");
  Binder(remove).text(user_text).text(realm_text);
  return remove.exec() > 0;
}

}  // namespace lamplighter::store
