#pragma once

#include <cstdint>

#include "base/clock.h"
#include "base/flow.h"
#include "sip/message.h"

namespace lamplighter::transaction {

/// Names a server transaction in a worker's table. Outlives it harmlessly: a call with an ended one does nothing.
struct ServerId {
  std::uint32_t slot = 0;
  std::uint32_t generation = 0;  ///< 0: none
  explicit operator bool() const { return generation != 0; }
  friend bool operator==(const ServerId&, const ServerId&) = default;
};

/// The same for a client transaction.
struct ClientId {
  std::uint32_t slot = 0;
  std::uint32_t generation = 0;
  explicit operator bool() const { return generation != 0; }
  friend bool operator==(const ClientId&, const ClientId&) = default;
};

/// Why a client transaction ended without a final response.
enum class Failure : std::uint8_t {
  kTimeout,    ///< timer B or F: to the user as good as 408 (RFC 3261 §8.1.3.1)
  kTransport,  ///< the flow is gone: as good as 503
};

/// The layer above transactions (RFC 3261 §5: the TU): proxy core, registrar, user agent. Messages and flows live only
/// during the call; whoever answers later keeps a copy of the bytes. Calls may respond() and request() at once.
class TransactionUser {
 public:
  virtual ~TransactionUser() = default;

  /// A new request other than ACK and CANCEL; retransmissions never come here. Answer with Table::respond().
  /// The message has been parsed but not validated: a request that fails sip::validate() but can_answer() comes here
  /// too.
  virtual void on_request(ServerId id, const sip::Message& request, const Flow& flow, TimePoint now) = 0;

  /// A CANCEL. `invite` is the INVITE server transaction it matches (RFC 3261 §9.2), or none. Answer `cancel` with 200
  /// or 481; the INVITE is the user's to end (487).
  virtual void on_cancel(ServerId cancel, ServerId invite, const sip::Message& request, const Flow& flow,
                         TimePoint now) = 0;

  /// An ACK that ended no transaction: it belongs to a 2xx and travels as a request of its own (§13.2.2.4). `invite` is
  /// the server transaction still in Accepted that it matches (RFC 6026), or none.
  virtual void on_ack(ServerId invite, const sip::Message& ack, const Flow& flow, TimePoint now) = 0;

  /// A response for a client transaction: provisional, final, and every retransmission of an INVITE's 2xx.
  /// `owner` is what request() was given.
  virtual void on_response(ClientId id, std::uint64_t owner, const sip::Message& response, const Flow& flow,
                           TimePoint now) = 0;

  /// The client transaction ended without a final response. It is already gone.
  virtual void on_failure(ClientId id, std::uint64_t owner, Failure failure, TimePoint now) = 0;

  /// A response that matches no client transaction of this table (late, or another worker's: its branch says).
  virtual void on_stray_response(const sip::Message& response, const Flow& flow, TimePoint now) = 0;

  /// A server transaction is over (answered and out of its timers, or failed). Free what was kept for it. Comes once
  /// for each, from on_timer() or on_flow_closed(), never from inside respond().
  virtual void on_server_done(ServerId, TimePoint) {}
};

}  // namespace lamplighter::transaction
