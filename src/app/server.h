#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "config/settings.h"
#include "transport/listen.h"

namespace lamplighter::app {

/// A whole Lamplighter server built from settings: store, workers, HTTP. The command line and the tests start the same
/// one.
class Server {
 public:
  explicit Server(config::Settings settings);
  /// With another clock than the machine's, for tests: thread safe, and outlives this.
  Server(config::Settings settings, const Clock& clock);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Opens the store, restores what it holds, binds the listeners and starts the threads. The error is one line for an
  /// administrator. After an error nothing runs.
  std::expected<void, std::string> start();
  /// Stops taking work, ends the threads, commits what is queued. Idempotent.
  void stop();

  /// Reads the TLS certificate again, if there is one; happens by itself when its files change.
  void reload_certificate();

  /// The SIP listeners with their real ports. After start().
  std::vector<transport::Listen> listening() const;
  /// "127.0.0.1:8080" as bound; empty when HTTP is off.
  std::string http_address() const;

  struct Totals {
    std::uint64_t phones = 0;  ///< addresses of record with a binding
    std::uint64_t bindings = 0;
    std::uint64_t requests = 0, responses = 0, presses = 0;
    std::uint64_t lamps_sent = 0, lamps_confirmed = 0, lamps_refused = 0, lamps_unreachable = 0, lamps_retrying = 0,
                  lamps_abandoned = 0;
    std::uint64_t malformed = 0, handed_over = 0, datagrams_dropped = 0;
    std::uint64_t connections = 0;  ///< open now
  };
  Totals totals() const;
  /// Asks every worker, on its own thread, whether nothing is under way.
  bool idle() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lamplighter::app
