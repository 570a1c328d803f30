#include "transaction/clients.h"

#include <cassert>
#include <optional>
#include <vector>

#include "transaction/ack.h"
#include "transaction/keys.h"

// No reference to an entry survives a call of the user: it may answer, ask and end transactions from inside.
namespace lamplighter::transaction {

Clients::~Clients() {
  slab_.for_each([&](Entry& entry) { entry.timers.stop_all(context_); });
}

ClientId Clients::request(const Flow& flow, sip::Method method, std::string_view bytes, std::uint64_t owner,
                          TimePoint now) {
  if (slab_.size() >= limit_) {
    ++context_.counters.refused_full;
    return {};
  }
  const auto id = add(flow, method, bytes, owner);
  begin(id, now);
  return id;
}

void Clients::cancel(ClientId id, std::string_view headers, TimePoint now) {
  auto* entry = get(id);
  auto* machine = entry ? std::get_if<ClientInvite>(&entry->machine) : nullptr;
  if (!machine || machine->cancelled()) return;
  const auto actions = machine->on_cancel();
  if (machine->cancelled()) entry->request += headers;
  run(id, actions, {.now = now});
}

void Clients::resend(ClientId id, TimePoint now) {
  auto* entry = get(id);
  auto* machine = entry ? std::get_if<ClientNonInvite>(&entry->machine) : nullptr;
  if (machine) run(id, machine->on_resend(), {.now = now, .again = true});
}

void Clients::abandon(ClientId id) {
  auto* entry = get(id);
  if (!entry || std::holds_alternative<ClientInvite>(entry->machine)) return;
  release(id, *entry);
}

void Clients::on_response(const sip::Message& response, const Flow& flow, TimePoint now) {
  const auto id = find(response);
  if (!id) {
    context_.user.on_stray_response(response, flow, now);
    return;
  }
  const auto status = response.status();
  const auto actions = std::visit([status](auto& machine) { return machine.on_response(status); }, get(id)->machine);
  bool delivered = false;
  for (const auto& action : actions) delivered |= action.kind == Action::Kind::kDeliver;
  if (!delivered) ++context_.counters.response_retransmissions_absorbed;
  run(id, actions, {.now = now, .message = &response, .flow = &flow, .again = !delivered});
  auto* entry = get(id);
  if (status < 200 || !entry || !std::holds_alternative<ClientNonInvite>(entry->machine)) return;
  context_.buffers.take_back(entry->request);  // answered: never sent again
  entry->request_size = 0;
}

void Clients::on_timer(Owner owner, Timer timer, TimePoint now) {
  const ClientId id{owner.slot, owner.generation};
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

void Clients::on_flow_closed(const Flow& flow, TimePoint now) {
  std::vector<ClientId> ended;
  for (auto slot = by_connection_.first(connection_hash(flow)); slot != HashChains::kNone;
       slot = by_connection_.next(slot)) {
    if (same_connection(slab_[slot].flow, flow)) ended.push_back(name(slot));
  }
  for (const auto id : ended) {
    auto* entry = get(id);
    if (!entry) continue;
    run(id, std::visit([](auto& machine) { return machine.on_transport_error(); }, entry->machine), {.now = now});
  }
}

ClientId Clients::add(const Flow& flow, sip::Method method, std::string_view bytes, std::uint64_t owner) {
  const auto method_name = bytes.substr(0, bytes.find(' '));
  const auto key = client_key(bytes, method_name, context_.secret);
  assert(key);

  const auto [slot, generation] = slab_.acquire();
  auto& entry = slab_[slot];
  const bool reliable = is_reliable(flow.kind);
  if (method == sip::Method::kInvite) {
    entry.machine = ClientInvite(reliable, context_.timers);
  } else {
    entry.machine = ClientNonInvite(reliable, context_.timers);
  }
  entry.key = key.value_or(Digest128{});
  context_.buffers.fill(entry.request, bytes);
  entry.request_size = static_cast<std::uint32_t>(bytes.size());
  entry.owner = owner;
  entry.flow = flow;
  entry.acknowledged = false;
  entry.own = false;
  by_key_.insert(slot, entry.key.low);
  if (reliable) by_connection_.insert(slot, connection_hash(flow));
  return {slot, generation};
}

void Clients::begin(ClientId id, TimePoint now) {
  run(id, std::visit([](auto& machine) { return machine.on_created(); }, get(id)->machine), {.now = now});
}

ClientId Clients::find(const sip::Message& response) {
  const auto key = client_key(response, context_.secret);
  if (!key) return {};
  for (auto slot = by_key_.first(key->low); slot != HashChains::kNone; slot = by_key_.next(slot)) {
    if (slab_[slot].key == *key) return name(slot);
  }
  return {};
}

void Clients::run(ClientId id, const Actions& actions, const Event& event) {
  std::optional<Failure> failure;
  bool failed = false;
  for (const auto& action : actions) {
    auto* entry = get(id);
    if (!entry) return;
    switch (action.kind) {
      case Action::Kind::kSendRequest: failed = !send(id, *entry, event); break;
      case Action::Kind::kSendAck: acknowledge(id, event); break;
      case Action::Kind::kSendCancel: send_cancel(id, event.now); break;
      case Action::Kind::kStart:
        // A request that could not be sent is not repeated: the timer that reports so is waiting in its place.
        if (failed && Timers::repeats(action.timer)) break;
        entry->timers.start(context_, {false, id.slot, id.generation}, action.timer, event.now + action.after);
        break;
      case Action::Kind::kStop: entry->timers.stop(context_, action.timer); break;
      case Action::Kind::kDeliver:
        if (entry->own) break;
        context_.user.on_response(id, entry->owner, *event.message, *event.flow, event.now);
        break;
      case Action::Kind::kTimeout: failure = Failure::kTimeout; break;
      case Action::Kind::kTransportFailure: failure = Failure::kTransport; break;
      case Action::Kind::kTerminated: {
        const auto owner = entry->owner;
        const bool own = entry->own;
        release(id, *entry);
        if (!failure || own) return;
        if (*failure == Failure::kTimeout) ++context_.counters.timeouts;
        context_.user.on_failure(id, owner, *failure, event.now);
        return;
      }
      case Action::Kind::kKeepResponse:
      case Action::Kind::kSendResponse:
      case Action::Kind::kDeliverRequest:
      case Action::Kind::kDeliverAck: break;  // the server machines'
    }
  }
}

/// The first time the ACK takes the INVITE's place; later it is what a retransmitted refusal gets.
void Clients::acknowledge(ClientId id, const Event& event) {
  auto& entry = *get(id);
  if (!entry.acknowledged) {
    if (!invite_.parse(entry.request_bytes())) return;
    build_ack(invite_, *event.message, built_);
    entry.request = built_;
    entry.request_size = static_cast<std::uint32_t>(built_.size());
    entry.acknowledged = true;
  }
  send(id, entry, event);
}

/// §9.1: the CANCEL is a transaction of its own, with the INVITE's branch. The limit is not for it: it ends work.
void Clients::send_cancel(ClientId id, TimePoint now) {
  const auto& entry = *get(id);
  if (!invite_.parse(entry.request_bytes())) return;
  build_cancel(invite_, entry.cancel_headers(), built_);
  const auto cancel = add(entry.flow, sip::Method::kCancel, built_, 0);
  get(cancel)->own = true;
  begin(cancel, now);
}

/// Failure is told in the wheel's next turn: the user is in the middle of request() or of a callback.
bool Clients::send(ClientId id, Entry& entry, const Event& event) {
  if (event.again) ++context_.counters.retransmissions_sent;
  if (context_.sender.send(entry.flow, entry.request_bytes())) return true;
  entry.timers.start(context_, {false, id.slot, id.generation}, Timer::kFlowGone, event.now);
  return false;
}

void Clients::release(ClientId id, Entry& entry) {
  entry.timers.stop_all(context_);
  by_key_.erase(id.slot);
  if (is_reliable(entry.flow.kind)) by_connection_.erase(id.slot);
  context_.buffers.take_back(entry.request);
  slab_.release(id.slot);
}

}  // namespace lamplighter::transaction
