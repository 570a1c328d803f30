#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/counter.h"
#include "base/executor.h"
#include "location/location.h"
#include "server/responder.h"
#include "sip/message.h"
#include "sip/params.h"
#include "store/store.h"

namespace lamplighter::server {

struct RegistrarSettings {
  std::chrono::seconds default_expires{3600};
  std::chrono::seconds min_expires{60};
  std::chrono::seconds max_expires{7200};
};

/// RFC 3261 §10.3: answers REGISTER once the binding is committed. One per worker; the location and the store are
/// shared. Outlives every commit it has asked for: the store is closed first.
class Registrar {
 public:
  struct Counters {
    Counter accepted, refused, store_failures;
  };

  /// `changed` hears of every address of record whose contacts have changed, once that is visible in the location.
  Registrar(RegistrarSettings settings, location::Location& location, store::Store& store, Responder& responder,
            Executor& worker, const Clock& clock, std::function<void(std::string_view aor)> changed);

  /// A validated REGISTER whose domain is ours and whose sender may change `aor` (canonical).
  void on_register(transaction::ServerId id, const sip::Message& request, const Flow& flow, std::string_view aor,
                   TimePoint now);

  const Counters& counters() const { return counters_; }

 private:
  /// What a request is refused with.
  struct Refusal {
    int status;
    std::string_view reason;
    std::string_view headers = {};
  };
  /// The contacts of the request in hand, as slices of it; reused.
  struct Parsed {
    std::vector<location::RequestedContact> contacts;
    bool wildcard = false;
    std::string path;
  };
  /// A request whose change is being committed.
  struct Pending;

  std::optional<Refusal> parse(const sip::Message& request);
  std::optional<Refusal> parse_contact(const sip::Message& request, std::string_view element, bool first);
  void append_date(std::string& out, WallTime now);
  std::chrono::seconds expires_of(const sip::Message& request, std::optional<std::string_view> parameter) const;
  void on_committed(std::unique_ptr<Pending> pending, std::expected<void, store::StoreError> result);
  void refuse(transaction::ServerId id, const sip::Message& request, const Flow& flow, const Refusal& refusal,
              TimePoint now);
  /// `head`: Responder::head_of(). `paths`: the request's Path lines.
  void accept(transaction::ServerId id, std::string_view aor, std::string_view head, std::string_view paths,
              TimePoint now);
  void report_failure(std::string_view aor, const store::StoreError& error, TimePoint now);

  RegistrarSettings settings_;
  std::string min_expires_;  ///< header line for a 423
  location::Location& location_;
  store::Store& store_;
  Responder& responder_;
  Executor& worker_;
  const Clock& clock_;
  std::function<void(std::string_view aor)> changed_;
  Counters counters_;

  Parsed parsed_;
  std::vector<location::Binding> bound_;
  std::string headers_;
  std::string date_;  ///< the header line, for as long as the second lasts
  std::chrono::seconds date_of_{-1};
  std::optional<TimePoint> last_report_;
  std::uint64_t unreported_ = 0;
};

}  // namespace lamplighter::server
