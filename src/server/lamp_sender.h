#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/clock.h"
#include "base/counter.h"
#include "base/flow.h"
#include "lamp/delivery.h"
#include "lamp/keyboard.h"
#include "server/identity.h"
#include "transaction/table.h"

namespace lamplighter::server {

/// How a phone is told what its key shows: where the MESSAGE goes and what stands in it.
struct LampTarget {
  Flow flow;
  std::string request_uri;  ///< the phone's Contact, parameters included
  std::string to_uri;
  std::string from_uri;
};

/// Sends keys to phones as MESSAGE with application/x-buttons (RFC 3428, PROTOCOL §1, §2): one request in flight per
/// key of a contact, the newest state wins. One per worker; it sends only on the worker's own flows.
class LampSender {
 public:
  struct Counters {
    Counter sent, confirmed, refused, unreachable;
  };

  LampSender(transaction::Table& table, Identity& identity, const lamp::Keyboards& keyboards);

  /// Brings the key of `aor` to its desired state on this contact. Sends even when the phone has confirmed that state
  /// before: who dials a code again doubts the lamp.
  void deliver(std::string_view aor, std::string_view key, std::uint64_t version, LampTarget target, TimePoint now);

  /// Outcomes of the requests this sender started.
  void on_response(std::uint32_t slot, int status, TimePoint now);
  void on_failure(std::uint32_t slot, TimePoint now);

  const Counters& counters() const { return counters_; }
  std::size_t deliveries() const { return deliveries_.size(); }

 private:
  struct Entry {
    std::string aor;
    std::string key;
    LampTarget target;
    lamp::Delivery delivery;
    std::string index;  ///< this entry's place in by_contact_
  };

  void send(std::uint32_t slot, TimePoint now);
  void settle(std::uint32_t slot, lamp::Delivery::Action action, TimePoint now);

  transaction::Table& table_;
  Identity& identity_;
  const lamp::Keyboards& keyboards_;
  Counters counters_;
  std::uint32_t next_slot_ = 0;
  std::unordered_map<std::uint32_t, Entry> deliveries_;
  std::unordered_map<std::string, std::uint32_t> by_contact_;  ///< request-URI, a blank, key name
  std::string buffer_;
  std::string body_;
};

}  // namespace lamplighter::server
