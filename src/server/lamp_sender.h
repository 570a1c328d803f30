#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/address.h"
#include "base/clock.h"
#include "base/counter.h"
#include "base/id_map.h"
#include "base/timer_wheel.h"
#include "lamp/phones.h"
#include "server/identity.h"
#include "service/lamp_desk.h"
#include "sip/message.h"
#include "store/store.h"
#include "transaction/table.h"

namespace lamplighter::server {

struct LampSettings {
  std::string from = "sip:server@{ip}";  ///< who the MESSAGE is from; {ip}: the local address of the phone's flow
  std::size_t restore_rate = 1000;       ///< lamps a second, of all workers together, after a start
  /// A request that is under way for at least this long is sent again when its phone gives a sign of life (timer T1).
  Duration hurry_after = std::chrono::milliseconds{500};
};

/// Sends keys to phones as MESSAGE with application/x-buttons (RFC 3428, PROTOCOL §1, §2), as Phones says, and reports
/// how that ended. One per worker: it sends only on the worker's own flows.
class LampSender {
 public:
  struct Counters {
    Counter sent;                                       ///< requests, without retransmissions
    Counter confirmed, refused, retrying, unreachable;  ///< outcomes
    Counter abandoned;                                  ///< requests nobody waits for any more: the phone moved or left
  };
  /// Timer kinds on the worker's wheel.
  static constexpr std::uint32_t kLook = 3, kRestore = 4, kFlush = 5;

  LampSender(const LampSettings& settings, transaction::Table& table, TimerWheel& wheel, Identity& identity,
             lamp::Phones& phones, service::LampDesk& desk, store::Store& store,
             std::function<void(const lamp::Wake&)> wake_other);

  /// Something may have to be done for this contact.
  void look_after(const lamp::Wake& wake, TimePoint now);
  /// Contacts that were behind at the start, with the number of keys: looked after at LampSettings::restore_rate /
  /// workers. One that wakes for another reason, such as a press, does not wait for its turn.
  void restore(std::vector<std::pair<lamp::Wake, std::size_t>> behind, std::size_t workers, TimePoint now);

  /// The worker is behind with what it has to read: restoring waits, whatever its rate, or the answers to what it sends
  /// would be lost.
  void hold_back(bool behind) { held_back_ = behind; }

  /// Outcomes of the requests this sender started, by the contact that stood in their Owner.
  void on_response(std::uint32_t contact, const sip::Message& response, TimePoint now);
  void on_failure(std::uint32_t contact, TimePoint now);
  void on_timer(std::uint64_t owner, std::uint32_t kind, TimePoint now);
  /// Hands what is confirmed to the store; before it closes.
  void flush();

  const Counters& counters() const { return counters_; }
  /// Contacts with a request under way, or waiting for another try.
  std::size_t active() const { return entries_.size(); }
  std::size_t in_flight() const;
  std::size_t still_to_restore() const { return behind_.size(); }

 private:
  /// A contact with a request under way, or with something to wait for.
  struct Entry {
    transaction::ClientId client;
    std::uint32_t attempt = 0;
    TimerHandle timer;
    TimePoint sent_at{};
    Identity::Token call_id{};
    SocketAddress remote;  ///< for the log
  };

  void send(std::uint32_t contact, TimePoint now);
  void write(const lamp::Order& order, const Entry& entry);
  void end(std::uint32_t contact, const lamp::Outcome& outcome, TimePoint now);
  void flush_later(TimePoint now);
  void flush_some(TimePoint now);
  void hand_over(std::size_t most);
  void restore_some(TimePoint now);
  void report(std::string_view aor, const SocketAddress& remote, lamp::DeliveryState state, int status, TimePoint now);
  void give_up(Entry& entry);

  const LampSettings& settings_;
  transaction::Table& table_;
  TimerWheel& wheel_;
  Identity& identity_;
  lamp::Phones& phones_;
  service::LampDesk& desk_;
  store::Store& store_;
  std::function<void(const lamp::Wake&)> wake_other_;
  Counters counters_;
  IdMap<Entry> entries_;  ///< by contact number
  std::deque<std::pair<lamp::Wake, std::size_t>> behind_;
  bool held_back_ = false;
  double restore_credit_ = 0;            ///< lamps that may be sent now
  double restore_step_ = 0;              ///< gained with each tick
  std::deque<std::uint32_t> to_record_;  ///< contacts that have confirmed something
  bool flush_due_ = false;
  std::optional<TimePoint> last_report_;
  std::uint64_t unreported_ = 0;
  lamp::Step step_;  ///< scratch, as are these
  std::string buffer_;
  std::string body_;
};

}  // namespace lamplighter::server
