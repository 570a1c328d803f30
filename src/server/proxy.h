#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/counter.h"
#include "base/timer_wheel.h"
#include "server/dialog_cookie.h"
#include "server/identity.h"
#include "server/owner.h"
#include "server/responder.h"
#include "server/response_context.h"
#include "sip/message.h"
#include "transaction/table.h"

namespace lamplighter::server {

struct ProxySettings {
  std::chrono::milliseconds invite_timeout{180'000};  ///< Timer C (RFC 3261 §16.6 step 11)
  bool record_route = true;
};

/// Where one branch of a request goes.
struct ProxyTarget {
  Flow flow;
  std::string uri;   ///< the next Request-URI
  std::string path;  ///< Route to put on top (a binding's Path); empty: none
};

/// What the routing core found out about a request before it is forwarded.
struct ProxyRequest {
  const sip::Message& message;
  const Flow& source;           ///< where it really came from
  std::size_t routes_consumed;  ///< Route elements that named us
  bool in_dialog;               ///< no Record-Route of ours is added
  std::uint32_t loop;           ///< loop_hash() of the request
};

/// Branches may start on another worker's flow: how a proxy reaches the transaction table of the worker that owns it.
class BranchCarrier {
 public:
  virtual ~BranchCarrier() = default;
  /// Starts a client transaction on the flow's worker. Events come back to Proxy::on_response / on_failure of the
  /// owner's.
  virtual void start(const Flow& flow, sip::Method method, std::string bytes, Owner owner, TimePoint now) = 0;
  virtual void cancel(const Flow& flow, Owner owner, TimePoint now) = 0;
  /// Sends bytes that start no transaction (the ACK of a 2xx).
  virtual void send(const Flow& flow, std::string bytes) = 0;
};

/// Stateful proxy of RFC 3261 §16: forks to all targets, picks the best response, cancels the rest. One per worker; a
/// context lives as long as its server transaction.
class Proxy {
 public:
  struct Counters {
    Counter calls, requests, loops;
  };

  Proxy(ProxySettings settings, transaction::Table& table, TimerWheel& wheel, Responder& responder, Identity& identity,
        const DialogCookie& cookie, std::string realm, BranchCarrier& carrier);

  /// The kind of this proxy's timers on the worker's wheel.
  static constexpr std::uint32_t kTimerC = 1;

  /// Forwards to every target in parallel; there is at least one. An INVITE is answered 100 first.
  void forward(transaction::ServerId id, const ProxyRequest& request, const std::vector<ProxyTarget>& targets,
               TimePoint now);
  /// Forwards an ACK for a 2xx: no transaction (§16.11 does not apply, but its rewriting does).
  void forward_ack(const ProxyRequest& request, const ProxyTarget& target);

  void on_cancel(transaction::ServerId invite, TimePoint now);
  void on_response(Owner owner, const sip::Message& response, TimePoint now);
  void on_failure(Owner owner, transaction::Failure failure, TimePoint now);
  void on_timer_c(std::uint64_t owner, TimePoint now);
  void on_server_done(transaction::ServerId id, TimePoint now);

  const Counters& counters() const { return counters_; }
  std::size_t contexts() const { return by_server_.size(); }

 private:
  struct Context {
    transaction::ServerId server;
    std::string request;  ///< bytes as received
    Flow source;
    bool invite = false;
    ResponseContext responses{false};
    std::vector<Flow> branches;
    TimerHandle timer_c;
    std::uint32_t generation = 1;
  };

  std::string write(const ProxyRequest& request, const ProxyTarget& target);
  Context* find(Owner owner);
  void act(std::uint32_t slot, ResponseContext::Decision decision, const sip::Message* response, TimePoint now);
  void cancel_pending(std::uint32_t slot, TimePoint now);
  void send_best(Context& context, TimePoint now);
  void restart_timer_c(std::uint32_t slot, TimePoint now);

  ProxySettings settings_;
  transaction::Table& table_;
  TimerWheel& wheel_;
  Responder& responder_;
  Identity& identity_;
  const DialogCookie& cookie_;
  std::string realm_;
  BranchCarrier& carrier_;
  Counters counters_;
  std::vector<Context> contexts_;
  std::vector<std::uint32_t> free_;
  std::unordered_map<std::uint32_t, std::uint32_t> by_server_;  ///< server transaction's slot → context's
  sip::Message scratch_;
  std::string buffer_;
};

}  // namespace lamplighter::server
