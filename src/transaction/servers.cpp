#include "transaction/servers.h"

#include <cassert>
#include <vector>

#include "transaction/keys.h"

// No reference to an entry survives a call of the user: it may answer, ask and end transactions from inside.
namespace lamplighter::transaction {

Servers::~Servers() {
  slab_.for_each([&](Entry& entry) { entry.timers.stop_all(context_); });
}

bool Servers::on_request(const sip::Message& request, const Flow& flow, TimePoint now) {
  if (request.method() == sip::Method::kAck) {
    on_ack(request, flow, now);
    return true;
  }
  if (const auto id = find(request, request.method_name())) {
    ++context_.counters.request_retransmissions_absorbed;
    const auto actions = std::visit([](auto& machine) { return machine.on_request(); }, get(id)->machine);
    run(id, actions, {.now = now, .again = true});
    return true;
  }
  if (slab_.size() >= limit_) {
    ++context_.counters.refused_full;
    return false;
  }
  const auto id = add(request, flow);
  const auto actions = std::visit([](auto& machine) { return machine.on_created(); }, get(id)->machine);
  run(id, actions, {.now = now, .message = &request, .flow = &flow});
  return true;
}

void Servers::on_ack(const sip::Message& ack, const Flow& flow, TimePoint now) {
  const auto id = find_acknowledged(ack);
  if (!id) {
    context_.user.on_ack({}, ack, flow, now);
    return;
  }
  auto* machine = std::get_if<ServerInvite>(&get(id)->machine);
  if (!machine) return;
  run(id, machine->on_ack(), {.now = now, .message = &ack, .flow = &flow});
  auto* entry = get(id);
  machine = entry ? std::get_if<ServerInvite>(&entry->machine) : nullptr;
  // Acknowledged, the response is not sent again. By the rules of RFC 2543 an ACK is known by its tag.
  if (machine && machine->state() == ServerInvite::State::kConfirmed && !entry->key.rfc2543) {
    context_.buffers.take_back(entry->response);
  }
}

bool Servers::has(const sip::Message& request) {
  using enum sip::Method;
  const auto method = request.method();
  if (method == kAck || method == kCancel) return static_cast<bool>(find(request, sip::name_of(kInvite)));
  return static_cast<bool>(find(request, request.method_name()));
}

void Servers::on_timer(Owner owner, Timer timer, TimePoint now) {
  const ServerId id{owner.slot, owner.generation};
  auto* entry = get(id);
  if (!entry) return;
  entry->timers.handle(timer) = {};
  const auto actions = std::visit(
      [timer](auto& machine) {
        return timer == Timer::kFlowGone ? machine.on_transport_error() : machine.on_timer(timer);
      },
      entry->machine);
  run(id, actions, {.now = now, .again = true});
}

void Servers::on_flow_closed(const Flow& flow, TimePoint now) {
  // RFC 6026 keeps an INVITE's state through a transport error to absorb retransmissions. Connections have none, and
  // no response can reach the peer any more: the transaction is over whatever its state.
  std::vector<ServerId> ended;
  for (auto slot = by_connection_.first(connection_hash(flow)); slot != HashChains::kNone;
       slot = by_connection_.next(slot)) {
    if (same_connection(slab_[slot].flow, flow)) ended.push_back(name(slot));
  }
  for (const auto id : ended) run(id, {act::kTerminated}, {.now = now});
}

void Servers::respond(ServerId id, int status, std::string_view bytes, TimePoint now) {
  auto* entry = get(id);
  if (!entry) return;
  const auto actions = std::visit([status](auto& machine) { return machine.on_respond(status); }, entry->machine);
  // Who acknowledges by RFC 2543's rules is known by the tag in this response, also in that of a 2xx.
  if (entry->key.rfc2543 && actions.size() != 0) entry->response = bytes;
  run(id, actions, {.now = now, .bytes = bytes});
}

std::optional<Flow> Servers::flow_of(ServerId id) const {
  const auto* entry = slab_.get(id.slot, id.generation);
  return entry ? std::optional(entry->flow) : std::nullopt;
}

/// The transaction a request belongs to if its method were `method`: a retransmission's own, or what a CANCEL is about.
ServerId Servers::find(const sip::Message& request, std::string_view method) {
  key_ = server_key(request, method, context_.secret);
  for (auto slot = by_key_.first(key_.base.low); slot != HashChains::kNone; slot = by_key_.next(slot)) {
    if (slab_[slot].key.whole == key_.whole) return name(slot);
  }
  return {};
}

/// §17.2.3: an ACK is found as its INVITE is, but by the rules of RFC 2543 it carries the To tag of the response.
ServerId Servers::find_acknowledged(const sip::Message& ack) {
  constexpr auto kInvite = sip::Method::kInvite;
  if (const auto id = find(ack, sip::name_of(kInvite)); id || !key_.rfc2543) return id;
  const auto tag = to_tag_of(ack);
  for (auto slot = by_key_.first(key_.base.low); slot != HashChains::kNone; slot = by_key_.next(slot)) {
    const auto& entry = slab_[slot];
    if (entry.key.base != key_.base) continue;
    sip::Message response;
    if (response.parse(entry.response) && to_tag_of(response) == tag) return name(slot);
  }
  return {};
}

/// A transaction for the request find() has just looked for in vain: its key is at hand.
ServerId Servers::add(const sip::Message& request, const Flow& flow) {
  const auto [slot, generation] = slab_.acquire();
  auto& entry = slab_[slot];
  const bool reliable = is_reliable(flow.kind);
  if (request.method() == sip::Method::kInvite) {
    entry.machine = ServerInvite(reliable, context_.timers);
  } else {
    entry.machine = ServerNonInvite(reliable, context_.timers);
  }
  entry.key = key_;
  entry.flow = flow;
  by_key_.insert(slot, key_.base.low);
  if (reliable) by_connection_.insert(slot, connection_hash(flow));
  return {slot, generation};
}

void Servers::run(ServerId id, const Actions& actions, const Event& event) {
  for (const auto& action : actions) {
    auto* entry = get(id);
    if (!entry) return;
    switch (action.kind) {
      case Action::Kind::kKeepResponse: context_.buffers.fill(entry->response, event.bytes); break;
      case Action::Kind::kSendResponse: send(id, *entry, event); break;
      case Action::Kind::kStart:
        entry->timers.start(context_, {true, id.slot, id.generation}, action.timer, event.now + action.after);
        break;
      case Action::Kind::kStop: entry->timers.stop(context_, action.timer); break;
      case Action::Kind::kDeliverRequest: deliver(id, event); break;
      case Action::Kind::kDeliverAck:
        assert(event.message && event.flow);
        context_.user.on_ack(id, *event.message, *event.flow, event.now);
        break;
      case Action::Kind::kTimeout: ++context_.counters.timeouts; break;
      case Action::Kind::kTransportFailure: break;  // the user learns by on_server_done(), in time
      case Action::Kind::kTerminated:
        release(id, *entry);
        context_.user.on_server_done(id, event.now);
        return;
      case Action::Kind::kSendRequest:
      case Action::Kind::kSendAck:
      case Action::Kind::kSendCancel:
      case Action::Kind::kDeliver: break;  // the client machines'
    }
  }
}

void Servers::deliver(ServerId id, const Event& event) {
  assert(event.message && event.flow);  // machines deliver only what came as a message
  const auto& request = *event.message;
  if (request.method() == sip::Method::kCancel) {
    const auto invite = find(request, sip::name_of(sip::Method::kInvite));  // §9.2
    context_.user.on_cancel(id, invite, request, *event.flow, event.now);
  } else {
    context_.user.on_request(id, request, *event.flow, event.now);
  }
}

void Servers::send(ServerId id, Entry& entry, const Event& event) {
  const std::string_view bytes = event.bytes.empty() ? std::string_view(entry.response) : event.bytes;
  if (event.again) ++context_.counters.retransmissions_sent;
  if (context_.sender.send(entry.flow, bytes)) return;
  // An INVITE's state stays (RFC 6026 §7.1). Others end, but not from inside respond(): their user is in the middle of
  // it.
  if (std::holds_alternative<ServerNonInvite>(entry.machine)) {
    entry.timers.start(context_, {true, id.slot, id.generation}, Timer::kFlowGone, event.now);
  }
}

void Servers::release(ServerId id, Entry& entry) {
  entry.timers.stop_all(context_);
  by_key_.erase(id.slot);
  if (is_reliable(entry.flow.kind)) by_connection_.erase(id.slot);
  context_.buffers.take_back(entry.response);
  slab_.release(id.slot);
}

}  // namespace lamplighter::transaction
