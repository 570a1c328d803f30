#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/sender.h"
#include "base/sip_hash.h"
#include "base/timer_wheel.h"
#include "sip/message.h"
#include "transaction/action.h"
#include "transaction/user.h"

namespace lamplighter::transaction {

/// All transactions of one worker (or one user agent): finds the transaction a message belongs to (RFC 3261 §17.1.3,
/// §17.2.3, RFC 2543 keys included), drives its machine, runs its timers, sends. Not thread safe.
class Table {
 public:
  struct Limits {
    /// New server transactions beyond this are refused by on_message() returning false.
    std::size_t servers = 1'000'000;
    std::size_t clients = 1'000'000;
  };

  /// `timer_kinds` of the wheel from `first_kind` up to first_kind + 31 belong to this table: the owner of the wheel
  /// hands those expiries to on_timer(). Without `secret` nobody can make transactions collide.
  Table(Sender& sender, TimerWheel& wheel, TransactionUser& user, TimerBase timers, std::uint32_t first_kind,
        const SipHash::Key& secret, Limits limits);
  ~Table();
  Table(const Table&) = delete;
  Table& operator=(const Table&) = delete;

  /// A parsed message from the transport. `message` must have a Via, Call-ID, From, To and CSeq (can_answer()); its
  /// other contents may be invalid. False: the table is full and nothing was done.
  bool on_message(const sip::Message& message, const Flow& flow, TimePoint now);
  /// Whether this request belongs to a server transaction that is there: a retransmission, an ACK, a CANCEL.
  bool has(const sip::Message& request);
  void on_timer(std::uint64_t owner, std::uint32_t kind, TimePoint now);
  /// The flow's connection ended: transactions on it fail at once.
  void on_flow_closed(const Flow& flow, TimePoint now);

  /// Sends a response (complete bytes) through the server transaction. Ignored when the transaction is gone or already
  /// has its final response, except further 2xx to an INVITE (RFC 6026 §7.1). `status` is the response's.
  /// A non-INVITE's 100 waits over UDP until RFC 4320 lets it go; its other provisionals and a 408 are never sent. One
  /// that is never answered ends after 128*T1; an INVITE waits for its answer as long as the user does.
  void respond(ServerId id, int status, std::string_view bytes, TimePoint now);

  /// Starts a client transaction for a complete request that already carries its own topmost Via with a unique branch
  /// ("z9hG4bK…"), and sends it on `flow`. Not for ACK. `owner` comes back with every event. None: the table is full.
  /// A flow that cannot be sent on is reported by on_failure() during a later on_timer() call, not from inside this
  /// call.
  ClientId request(const Flow& flow, sip::Method method, std::string_view bytes, std::uint64_t owner, TimePoint now);

  /// Cancels an INVITE client transaction (§9.1): sends CANCEL now, or as soon as a provisional response arrives;
  /// nothing when a final one has come. The INVITE still ends by its own final response, or by timeout 64*T1 after the
  /// CANCEL. `headers` are whole extra header lines (e.g. Reason), or empty. The CANCEL's own outcome is nobody's
  /// business.
  void cancel(ClientId id, std::string_view headers, TimePoint now);

  /// Sends a request (not INVITE) again right now, because its peer is known to be there: nothing when it was answered,
  /// or on a reliable transport.
  void resend(ClientId id, TimePoint now);
  /// Gives up a request (not INVITE) without a word: it is not sent again, and no event of it comes any more. A late
  /// response is a stray one.
  void abandon(ClientId id);

  /// The flow a server transaction's request came on; nullopt when it is gone.
  std::optional<Flow> flow_of(ServerId id) const;

  std::size_t servers() const;
  std::size_t clients() const;

  struct Counters {
    std::uint64_t request_retransmissions_absorbed = 0;
    std::uint64_t response_retransmissions_absorbed = 0;
    std::uint64_t retransmissions_sent = 0;
    std::uint64_t timeouts = 0;
    std::uint64_t refused_full = 0;
  };
  const Counters& counters() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lamplighter::transaction
