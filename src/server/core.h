#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/counter.h"
#include "base/executor.h"
#include "base/sender.h"
#include "base/timer_wheel.h"
#include "lamp/phones.h"
#include "location/location.h"
#include "server/authenticator.h"
#include "server/dialog_cookie.h"
#include "server/domains.h"
#include "server/flow_register.h"
#include "server/identity.h"
#include "server/lamp_sender.h"
#include "server/proxy.h"
#include "server/registrar.h"
#include "server/responder.h"
#include "service/dial_plan.h"
#include "service/lamp_desk.h"
#include "service/recent_presses.h"
#include "store/store.h"
#include "transaction/table.h"
#include "transport/receiver.h"

namespace lamplighter::server {

struct CoreSettings {
  std::string server_name = "Lamplighter";
  transaction::TimerBase timers;
  std::size_t max_transactions = 1'000'000;
  std::size_t max_branches = 10;
  bool relay_foreign = false;
  RegistrarSettings registrar;
  ProxySettings proxy;
  /// Dial-to-light: what answers the INVITE.
  int dial_reply_code = 404;
  std::string dial_reply_reason = "Not a call";
  LampSettings lamps;
  /// From how full a buffer of unread datagrams on (Receiver::on_backlog) new work is refused with 503, when it stays
  /// so: that of strangers; that of everybody, but for presses of registered phones.
  struct Overload {
    double strangers = 0.25;
    double everybody = 0.5;
  } overload;
};

/// What all workers of a server share. Everything in it may be used from any thread.
struct Shared {
  const Clock& clock;
  const CoreSettings& settings;
  const service::DialPlan& dial_plan;
  const Domains& domains;
  const Authenticator& authenticator;
  const location::Credentials& credentials;
  const DialogCookie& cookie;
  location::Location& location;
  lamp::Phones& phones;
  service::LampDesk& desk;
  service::RecentPresses& presses;
  store::Store& store;
};

/// Counted on the worker's thread, read from any.
struct CoreCounters {
  Counter requests, responses;
  Counter malformed_answered, malformed_dropped, stray_responses, handed_over;
  Counter refused_busy;  ///< 503: too much to do
  Counter presses, presses_again, foreign_refused, loops, too_many_hops, challenges;
};

/// One worker's SIP behaviour: takes messages from the transport, runs their transactions, and decides what each
/// request is: a registration, a code for a lamp, a call. RFC 3261 §16.3–§16.5; the order of the checks is that of
/// on_request().
class Core final : public transport::Receiver, public transaction::TransactionUser, private BranchCarrier {
 public:
  /// `flow_to` finds a way to an address that never sent us anything.
  using FlowTo = std::function<std::optional<Flow>(const SocketAddress&)>;

  Core(std::uint8_t worker, const Shared& shared, Sender& sender, Executor& executor, FlowTo flow_to);

  /// Tells every worker of the others, itself included; index = worker number. Before the first message.
  void meet(std::vector<Core*> peers) { peers_ = std::move(peers); }

  void on_message(const Flow& flow, std::string_view bytes, TimePoint now) override;
  void on_timers(TimePoint now) override;
  std::optional<TimePoint> next_timer() const override { return wheel_.next(); }
  void on_flow_closed(const Flow& flow, TimePoint now) override;
  void on_backlog(double filled) override;

  /// On the worker's thread, before or after the first message: the lamps that were behind at the start.
  void restore_lamps(std::vector<std::pair<lamp::Wake, std::size_t>> behind);
  /// Something may have to be sent to this contact of this worker's. On the worker's thread.
  void look_after(const lamp::Wake& wake);
  /// When the worker no longer runs and before the store closes: hands over what is still to be stored.
  void flush() { lamps_.flush(); }

  Executor& executor() { return executor_; }
  const CoreCounters& counters() const { return counters_; }
  const LampSender::Counters& lamp_counters() const { return lamps_.counters(); }
  const Registrar::Counters& registrar_counters() const { return registrar_.counters(); }
  /// On the worker's thread: whether nothing is under way (tests: no table grows).
  bool idle() const;

 private:
  /// What the Route headers and the Request-URI say about a request.
  struct Routing {
    std::size_t routes_consumed = 0;  ///< elements at the top that named us
    bool in_dialog = false;           ///< one of them was our Record-Route of this very dialog
    std::optional<Flow> connection;   ///< that the last of them names: the far side's
    std::string next_route;           ///< URI of the first Route left; empty: none
    sip::Uri uri;                     ///< Request-URI
    bool uri_is_ours = false;
  };

  // transaction::TransactionUser
  void on_request(transaction::ServerId id, const sip::Message& request, const Flow& flow, TimePoint now) override;
  void on_cancel(transaction::ServerId cancel, transaction::ServerId invite, const sip::Message& request,
                 const Flow& flow, TimePoint now) override;
  void on_ack(transaction::ServerId invite, const sip::Message& ack, const Flow& flow, TimePoint now) override;
  void on_response(transaction::ClientId id, std::uint64_t owner, const sip::Message& response, const Flow& flow,
                   TimePoint now) override;
  void on_failure(transaction::ClientId id, std::uint64_t owner, transaction::Failure failure, TimePoint now) override;
  void on_stray_response(const sip::Message& response, const Flow& flow, TimePoint now) override;
  void on_server_done(transaction::ServerId id, TimePoint now) override;

  // BranchCarrier
  void start(const Flow& flow, sip::Method method, std::string bytes, Owner owner, TimePoint now) override;
  void cancel(const Flow& flow, Owner owner, TimePoint now) override;
  void send(const Flow& flow, std::string bytes) override;

  void reply(transaction::ServerId id, const sip::Message& request, int status, std::string_view reason, TimePoint now,
             std::string_view headers = {});
  void refuse_broken(const Flow& flow);
  bool must_wait(const sip::Message& request);
  bool is_from_contact(const sip::Message& request);
  bool is_press(const sip::Message& request) const;
  void refuse_for_now(const sip::Message& request, const Flow& back, TimePoint now);
  void forget_expired();
  std::optional<Routing> analyse(const sip::Message& request) const;
  bool is_loop(const sip::Message& request) const;
  bool refuse_extensions(transaction::ServerId id, const sip::Message& request, sip::HeaderId header, TimePoint now);
  bool authenticate(transaction::ServerId id, const sip::Message& request, Authenticator::Role role, TimePoint now,
                    Authenticator::Verdict& verdict);
  bool speaks_for_itself(const sip::Message& request, const Authenticator::Verdict& verdict) const;
  void register_phone(transaction::ServerId id, const sip::Message& request, const Routing& routing, TimePoint now);
  void answer_options(transaction::ServerId id, const sip::Message& request, TimePoint now);
  bool dial_to_light(transaction::ServerId id, const sip::Message& request, const Routing& routing, TimePoint now);
  bool press_by_message(transaction::ServerId id, const sip::Message& request, const Routing& routing, TimePoint now);
  void caller_aor(const sip::Message& request);
  void carry_out(const sip::Message& request, const lamp::Edit& edit, lamp::Origin origin, bool once);
  void to_user(transaction::ServerId id, const sip::Message& request, const Routing& routing, TimePoint now);
  void to_address(transaction::ServerId id, const sip::Message& request, const Routing& routing, bool may_relay,
                  TimePoint now);
  std::optional<ProxyTarget> target_of(const sip::Message& request, const Routing& routing, bool may_relay) const;
  /// The flow of the registered contact with this URI, if there is one.
  std::optional<Flow> flow_of_contact(const sip::Uri& uri) const;
  void dispatch_response(Owner owner, const sip::Message& response, TimePoint now);
  void dispatch_failure(Owner owner, transaction::Failure failure, TimePoint now);
  Core& worker(std::uint8_t index) { return *peers_[index % peers_.size()]; }
  bool is_mine(const Flow& flow) const { return flow.worker % peers_.size() == worker_; }

  std::uint8_t worker_;
  Shared shared_;
  Sender& sender_;
  Executor& executor_;
  FlowTo flow_to_;
  std::vector<Core*> peers_;

  TimerWheel wheel_;
  Identity identity_;
  std::uint64_t loop_key_;
  transaction::Table table_;
  Responder responder_;
  Registrar registrar_;
  LampSender lamps_;
  FlowRegister flows_;
  Proxy proxy_;
  CoreCounters counters_;
  double backlog_ = 0;                      ///< see on_backlog()
  std::optional<TimePoint> backlog_since_;  ///< that it is too large
  std::optional<TimePoint> last_busy_report_;

  sip::Message message_;                ///< the message in hand
  Flow arrival_;                        ///< where it really came from
  std::optional<sip::SipError> error_;  ///< what is wrong with it
  std::vector<location::Binding> bindings_;
  std::string aor_;
  std::string target_aor_;
  /// Client transactions on this worker's flows started for other workers.
  std::unordered_map<std::uint64_t, transaction::ClientId> branches_;
};

}  // namespace lamplighter::server
