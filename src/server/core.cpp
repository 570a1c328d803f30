#include "server/core.h"

#include "base/log.h"
#include "base/random.h"
#include "server/branch.h"
#include "sip/headers.h"
#include "sip/writer.h"

// Messages in and out: parsing, transactions, other workers. What a request means is in routing.cpp.
namespace lamplighter::server {

using sip::HeaderId;
using sip::Message;
using transaction::ClientId;
using transaction::Failure;
using transaction::ServerId;

namespace {

// Timer kinds on the worker's wheel: this room's own (Proxy::kTimerC is 1, LampSender's are 3 to 5), then the
// transaction table's.
constexpr std::uint32_t kHousekeeping = 2;
constexpr std::uint32_t kFirstTableTimer = 32;
constexpr auto kHousekeepingEvery = std::chrono::milliseconds{500};

/// Where the response to a request goes over UDP: back to its source when it asked for that (RFC 3581 §4), else to the
/// port its Via names (RFC 3261 §18.2.2).
Flow response_flow(const Flow& arrival, const sip::Via& via) {
  auto flow = arrival;
  if (!is_reliable(flow.kind) && !via.rport) flow.remote.port = via.port != 0 ? via.port : 5060;
  return flow;
}

}  // namespace

Core::Core(std::uint8_t worker, const Shared& shared, Sender& sender, Executor& executor, FlowTo flow_to)
    : worker_(worker),
      shared_(shared),
      sender_(sender),
      executor_(executor),
      flow_to_(std::move(flow_to)),
      peers_{this},
      wheel_(shared.clock.now()),
      identity_(worker),
      loop_key_(secret_u64()),
      table_(sender, wheel_, *this, shared.settings.timers, kFirstTableTimer, SipHash::Key{secret_u64(), secret_u64()},
             {shared.settings.max_transactions, shared.settings.max_transactions}),
      responder_(table_, shared.settings.server_name),
      registrar_(shared.settings.registrar, shared_.location, shared_.store, responder_, executor, shared_.clock,
                 [this](std::string_view aor) { shared_.desk.contacts_changed(aor); }),
      lamps_(shared.settings.lamps, table_, wheel_, identity_, shared_.phones, shared_.desk, shared_.store,
             [this](const lamp::Wake& wake) {
               auto& other = this->worker(wake.worker);
               other.executor().post([&other, wake] { other.look_after(wake); });
             }),
      proxy_(shared.settings.proxy, table_, wheel_, responder_, identity_, shared_.cookie,
             shared_.authenticator.realm(), *this) {
  if (worker_ == 0) wheel_.schedule(shared_.clock.now() + kHousekeepingEvery, 0, kHousekeeping);
}

void Core::on_message(const Flow& flow, std::string_view bytes, TimePoint now) {
  const auto framing = is_byte_stream(flow.kind) ? Message::Framing::kStream : Message::Framing::kDatagram;
  error_.reset();
  if (const auto parsed = message_.parse(bytes, framing); !parsed) {
    error_ = parsed.error();
  } else if (const auto valid = sip::validate(message_); !valid) {
    error_ = valid.error();
  }

  const auto* via = message_.top_via();
  if (error_ && (!message_.is_request() || !message_.can_answer() || !via)) return refuse_broken(flow);
  if (message_.is_response()) {
    ++counters_.responses;
    // A response is for us only when we wrote its topmost Via (RFC 3261 §18.1.2).
    if (!via || !shared_.domains.is_ours(via->host, via->port, flow)) {
      ++counters_.stray_responses;
      return;
    }
    table_.on_message(message_, flow, now);
    return;
  }
  ++counters_.requests;
  arrival_ = flow;
  table_.on_message(message_, response_flow(flow, *via), now);
}

void Core::refuse_broken(const Flow& flow) {
  log::debug("sip: malformed datagram from {}: {} at byte {}", flow.remote.to_string(), error_->reason, error_->offset);
  // Nothing a transaction could be made of. A request that has at least a Via is told what is wrong all the same, to
  // where it came from; an ACK must not be answered, and what is no request cannot be.
  if (!message_.is_request() || message_.method() == sip::Method::kAck || !message_.has(HeaderId::kVia)) {
    ++counters_.malformed_dropped;
    return;
  }
  ++counters_.malformed_answered;
  std::string bytes;
  sip::begin_response(bytes, message_, error_->status, error_->reason, {}, flow.remote).no_body();
  sender_.send(flow, bytes);
}

void Core::on_timers(TimePoint now) {
  wheel_.advance(now, [&](TimerWheel::Expired timer) {
    if (timer.kind >= kFirstTableTimer) {
      table_.on_timer(timer.owner, timer.kind, now);
    } else if (timer.kind == Proxy::kTimerC) {
      proxy_.on_timer_c(timer.owner, now);
    } else if (timer.kind == kHousekeeping) {
      forget_expired();
      shared_.desk.retry_unstored();
      wheel_.schedule(now + kHousekeepingEvery, 0, kHousekeeping);
    } else {
      lamps_.on_timer(timer.owner, timer.kind, now);
    }
  });
}

void Core::look_after(const lamp::Wake& wake) { lamps_.look_after(wake, shared_.clock.now()); }

void Core::restore_lamps(std::vector<std::pair<lamp::Wake, std::size_t>> behind) {
  lamps_.restore(std::move(behind), peers_.size(), shared_.clock.now());
}

void Core::forget_expired() {
  for (auto& change : shared_.location.expire(shared_.clock.wall())) {
    shared_.desk.contacts_changed(change.aor);
    // Not stored is not lost: an expired binding is never looked up, and is dropped at the next start.
    shared_.store.commit(std::move(change), [](std::expected<void, store::StoreError> done) {
      if (!done) log::debug("store: an expired binding could not be removed: {}", done.error().what);
    });
  }
}

/// Who registered over the connection is not there any more until it comes back: nothing is sent into the void, and
/// what was under way is given up before its transaction reports the same.
void Core::on_flow_closed(const Flow& flow, TimePoint now) {
  for (const auto& aor : flows_.take(flow)) {
    shared_.location.flow_gone(aor, flow);
    shared_.desk.contacts_changed(aor);
  }
  table_.on_flow_closed(flow, now);
}

bool Core::idle() const {
  return table_.servers() == 0 && table_.clients() == 0 && proxy_.contexts() == 0 && lamps_.active() == 0 &&
         branches_.empty();
}

void Core::reply(ServerId id, const Message& request, int status, std::string_view reason, TimePoint now,
                 std::string_view headers) {
  responder_.reply(id, request, arrival_, status, reason, headers, now);
}

void Core::on_cancel(ServerId cancel, ServerId invite, const Message& request, const Flow&, TimePoint now) {
  if (error_) {
    ++counters_.malformed_answered;
    return reply(cancel, request, error_->status, error_->reason, now);
  }
  if (!invite) return reply(cancel, request, 481, {}, now);
  reply(cancel, request, 200, {}, now);
  proxy_.on_cancel(invite, now);
}

void Core::on_server_done(ServerId id, TimePoint now) { proxy_.on_server_done(id, now); }

// --- Client transactions: on this worker, for this or another worker's proxy
// -------------------------------------------

void Core::start(const Flow& flow, sip::Method method, std::string bytes, Owner owner, TimePoint now) {
  if (!is_mine(flow)) {
    auto& other = worker(flow.worker);
    other.executor().post([&other, flow, method, text = std::move(bytes), owner]() mutable {
      other.start(flow, method, std::move(text), owner, other.shared_.clock.now());
    });
    return;
  }
  const auto id = table_.request(flow, method, bytes, owner.pack(), now);
  if (id) {
    branches_[owner.pack()] = id;
    return;
  }
  auto& home = worker(owner.worker);  // posted even when it is us: the proxy is not done starting its branches
  home.executor().post([&home, owner] { home.dispatch_failure(owner, Failure::kTransport, home.shared_.clock.now()); });
}

void Core::cancel(const Flow& flow, Owner owner, TimePoint now) {
  if (!is_mine(flow)) {
    auto& other = worker(flow.worker);
    other.executor().post([&other, flow, owner] { other.cancel(flow, owner, other.shared_.clock.now()); });
    return;
  }
  if (const auto found = branches_.find(owner.pack()); found != branches_.end()) table_.cancel(found->second, {}, now);
}

void Core::send(const Flow& flow, std::string bytes) {
  if (is_mine(flow)) {
    sender_.send(flow, bytes);
    return;
  }
  auto& other = worker(flow.worker);
  other.executor().post([&other, flow, text = std::move(bytes)] { other.sender_.send(flow, text); });
}

void Core::on_response(ClientId, std::uint64_t word, const Message& response, const Flow&, TimePoint now) {
  const auto owner = Owner::unpack(word);
  if (response.status() >= 200) branches_.erase(word);
  if (owner.worker == worker_) return dispatch_response(owner, response, now);
  auto& home = worker(owner.worker);
  home.executor().post([&home, owner, bytes = std::string(response.bytes())] {
    if (home.message_.parse(bytes)) home.dispatch_response(owner, home.message_, home.shared_.clock.now());
  });
}

void Core::on_failure(ClientId, std::uint64_t word, Failure failure, TimePoint now) {
  const auto owner = Owner::unpack(word);
  branches_.erase(word);
  if (owner.worker == worker_) return dispatch_failure(owner, failure, now);
  auto& home = worker(owner.worker);
  home.executor().post([&home, owner, failure] { home.dispatch_failure(owner, failure, home.shared_.clock.now()); });
}

void Core::dispatch_response(Owner owner, const Message& response, TimePoint now) {
  if (owner.kind == Owner::Kind::kLampSender) {
    return lamps_.on_response(owner.slot | (owner.generation << 22), response, now);
  }
  proxy_.on_response(owner, response, now);
}

void Core::dispatch_failure(Owner owner, Failure failure, TimePoint now) {
  if (owner.kind == Owner::Kind::kLampSender) {
    return lamps_.on_failure(owner.slot | (owner.generation << 22), now);
  }
  proxy_.on_failure(owner, failure, now);
}

void Core::on_stray_response(const Message& response, const Flow& flow, TimePoint) {
  // The kernel gave this worker the answer to another one's request (the flow was restored from the store, or the
  // number of workers changed): the branch says whose it is.
  const auto* via = response.top_via();
  const auto branch = via ? parse_branch(via->branch()) : std::nullopt;
  if (!branch || branch->worker == worker_ || branch->worker >= peers_.size() || flow.worker != worker_) {
    ++counters_.stray_responses;
    return;
  }
  ++counters_.handed_over;
  auto& other = worker(branch->worker);
  other.executor().post([&other, flow, bytes = std::string(response.bytes())] {
    other.on_message(flow, bytes, other.shared_.clock.now());
  });
}

}  // namespace lamplighter::server
