#include "store/rows.h"

#include <fmt/format.h>

#include <chrono>
#include <cstdint>
#include <limits>

namespace lamplighter::store {

namespace {

using std::chrono::milliseconds;

std::int64_t milliseconds_of(WallTime time) { return time.time_since_epoch().count(); }

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
  Binder& null() {
    statement_.bind(++at_);
    return *this;
  }

 private:
  SQLite::Statement& statement_;
  int at_ = 0;
};

// Reads columns from the left; remembers whether a number did not fit its type.
class Reader {
 public:
  explicit Reader(const SQLite::Statement& statement) : statement_(statement) {}
  std::string text() { return statement_.getColumn(at_++).getString(); }
  std::int64_t number() { return statement_.getColumn(at_++).getInt64(); }
  template <typename T>
  T integer() {
    const auto value = number();
    if (value < static_cast<std::int64_t>(std::numeric_limits<T>::min()) ||
        value > static_cast<std::int64_t>(std::numeric_limits<T>::max())) {
      good_ = false;
    }
    return static_cast<T>(value);
  }
  template <typename Enum>
  Enum choice(Enum last) {
    const auto value = number();
    if (value < 0 || value > static_cast<std::int64_t>(last)) good_ = false;
    return static_cast<Enum>(good_ ? value : 0);
  }
  bool null() {
    const bool is = statement_.isColumnNull(at_);
    if (is) ++at_;
    return is;
  }
  SocketAddress address() {
    const auto parsed = SocketAddress::parse(text());
    if (!parsed) good_ = false;
    return parsed.value_or(SocketAddress{});
  }
  WallTime time() { return WallTime{milliseconds{number()}}; }
  bool good() const { return good_; }

 private:
  const SQLite::Statement& statement_;
  int at_ = 0;
  bool good_ = true;
};

location::Binding binding_from(Reader& row) {
  location::Binding binding;
  binding.uri = row.text();
  binding.instance = row.text();
  binding.reg_id = row.integer<std::uint32_t>();
  binding.call_id = row.text();
  binding.cseq = row.integer<std::uint32_t>();
  binding.user_agent = row.text();
  binding.path = row.text();
  binding.q = row.integer<std::int16_t>();
  // Connections do not survive the process: number and generation stay 0, which names none.
  binding.flow.kind = row.choice(TransportKind::kWss);
  binding.flow.remote = row.address();
  binding.flow.local = row.address();
  binding.flow.listener = row.integer<std::uint16_t>();
  binding.flow.worker = row.integer<std::uint8_t>();
  binding.registered = row.time();
  binding.expires = row.time();
  return binding;
}

lamp::Key key_from(Reader& row) {
  lamp::Key key;
  key.light = row.choice(lamp::Light::kRecord);
  if (!row.null()) key.color = row.choice(lamp::Color::kRemote);
  key.label = row.text();
  key.number = row.text();
  key.press = row.choice(lamp::Press::kMessage);
  return key;
}

}  // namespace

RowWriter::RowWriter(SQLite::Database& database)
    : put_binding_(
          database,
          "INSERT OR REPLACE INTO bindings(aor, uri, instance, reg_id, call_id, cseq, user_agent, path, q, kind, "
          "remote, local, listener, worker, registered_ms, expires_ms) "
          "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)"),
      remove_binding_(database, "DELETE FROM bindings WHERE aor = ?1 AND uri = ?2 AND expires_ms <= ?3"),
      put_key_(database,
               // Two threads may commit in another order than they set: the newer version stays.
               "INSERT INTO keys(aor, name, light, color, label, number, press, version) "
               "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT(aor, name) DO UPDATE SET "
               "light = ?3, color = ?4, label = ?5, number = ?6, press = ?7, version = ?8 WHERE version < ?8"),
      remove_key_(database, "DELETE FROM keys WHERE aor = ?1 AND name = ?2 AND version <= ?3") {}

void RowWriter::write(const Change& change) {
  std::visit([&](const auto& what) { write(what); }, change);
}

void RowWriter::write(const location::Change& change) {
  for (const auto& uri : change.remove) {
    Run run(remove_binding_);
    Binder(remove_binding_).text(change.aor).text(uri).number(milliseconds_of(change.remove_if_expired_by));
    run();
  }
  for (const auto& binding : change.put) {
    Run run(put_binding_);
    remote_ = binding.flow.remote.to_string();
    local_ = binding.flow.local.to_string();
    Binder(put_binding_)
        .text(change.aor)
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
        .number(milliseconds_of(binding.registered))
        .number(milliseconds_of(binding.expires));
    run();
  }
}

void RowWriter::write(const KeyChange& change) {
  if (!change.key) {
    Run run(remove_key_);
    Binder(remove_key_).text(change.aor).text(change.name).number(static_cast<std::int64_t>(change.version));
    run();
    return;
  }
  const auto& key = *change.key;
  Run run(put_key_);
  Binder row(put_key_);
  row.text(change.aor).text(change.name).number(number_of(key.light));
  if (key.color) {
    row.number(number_of(*key.color));
  } else {
    row.null();
  }
  row.text(key.label).text(key.number).number(number_of(key.press)).number(static_cast<std::int64_t>(change.version));
  run();
}

std::expected<void, std::string> read_rows(SQLite::Database& database, const Store::Visitor& visitor) {
  if (visitor.binding) {
    SQLite::Statement all(database,
                          "SELECT aor, uri, instance, reg_id, call_id, cseq, user_agent, path, q, kind, remote, local, "
                          "listener, worker, registered_ms, expires_ms FROM bindings");
    while (all.executeStep()) {
      Reader row(all);
      auto aor = row.text();
      auto binding = binding_from(row);
      if (!row.good()) return std::unexpected(fmt::format("the contact {} of {} makes no sense", binding.uri, aor));
      visitor.binding(std::move(aor), std::move(binding));
    }
  }
  if (visitor.key) {
    SQLite::Statement all(database, "SELECT aor, name, light, color, label, number, press, version FROM keys");
    while (all.executeStep()) {
      Reader row(all);
      auto aor = row.text();
      auto name = row.text();
      auto key = key_from(row);
      const auto version = static_cast<std::uint64_t>(row.number());
      if (!row.good()) return std::unexpected(fmt::format("the key {} of {} makes no sense", name, aor));
      visitor.key(std::move(aor), std::move(name), std::move(key), version);
    }
  }
  return {};
}

std::vector<location::Credential> read_credentials(SQLite::Database& database) {
  std::vector<location::Credential> all;
  SQLite::Statement rows(database, "SELECT user, realm, ha1_md5, ha1_sha256 FROM credentials ORDER BY realm, user");
  while (rows.executeStep()) {
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
