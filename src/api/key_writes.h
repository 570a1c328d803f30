#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/http.h"
#include "api/http_server.h"
#include "lamp/phones.h"
#include "service/lamp_desk.h"

namespace lamplighter::api {

/// Changes of keys on their way: made, waiting for the store and, where the client wants that, for the phones. For the
/// control thread only; what the store and the phones have to say is posted to it.
class KeyWrites : public std::enable_shared_from_this<KeyWrites> {
 public:
  /// `max_waits`: clients that may wait for phones at a time; 503 beyond.
  KeyWrites(HttpServer& server, service::LampDesk& desk, const lamp::Phones& phones, std::size_t max_waits);
  KeyWrites(const KeyWrites&) = delete;
  KeyWrites& operator=(const KeyWrites&) = delete;
  ~KeyWrites();

  struct Order {
    std::string aor;
    std::vector<lamp::Edit> edits;
    bool whole = false;  ///< the whole keyboard: what is not named is cleared
    lamp::Origin origin;
    std::optional<std::chrono::milliseconds> wait;
  };
  /// Makes the change and answers once it is durable; with `wait`, once every registered contact has confirmed or
  /// refused it as well, or after that time. A newer state of a key that a contact confirmed counts as this one: the
  /// newest wins.
  void write(const Order& order, Answer answer);

 private:
  struct Write {
    Answer answer;
    std::string aor;
    bool whole;
    bool changed;
    std::vector<std::pair<lamp::KeyName, std::uint64_t>> keys;  ///< and the version each has got
    bool stored = false;
    bool waiting;  ///< for the phones
    std::optional<std::uint64_t> watch;
    std::optional<std::uint64_t> timer;
  };
  struct Progress {
    bool settled;  ///< nobody is left to be waited for
    boost::json::object document;
  };

  std::uint64_t watch(const std::string& aor, std::uint64_t number);
  void stored(std::uint64_t number, const std::expected<void, std::string>& result);
  void time_up(std::uint64_t number);
  void look(std::uint64_t number);
  void finish(std::uint64_t number, Response response);
  Progress progress(const Write& write) const;

  HttpServer& server_;
  service::LampDesk& desk_;
  const lamp::Phones& phones_;
  std::size_t max_waits_;
  std::function<void(Task)> post_;
  std::uint64_t last_ = 0;
  std::size_t waits_ = 0;
  std::map<std::uint64_t, Write> writes_;
};

}  // namespace lamplighter::api
