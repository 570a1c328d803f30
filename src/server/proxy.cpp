#include "server/proxy.h"

#include <fmt/format.h>

#include <cassert>
#include <iterator>

#include "server/branch.h"
#include "server/forward.h"
#include "sip/headers.h"
#include "sip/writer.h"

namespace lamplighter::server {

using sip::HeaderId;
using sip::Message;
using sip::Method;
using transaction::Failure;
using transaction::ServerId;

Proxy::Proxy(ProxySettings settings, transaction::Table& table, TimerWheel& wheel, Responder& responder,
             Identity& identity, const DialogCookie& cookie, std::string realm, BranchCarrier& carrier)
    : settings_(settings),
      table_(table),
      wheel_(wheel),
      responder_(responder),
      identity_(identity),
      cookie_(cookie),
      realm_(std::move(realm)),
      carrier_(carrier) {}

std::string Proxy::write(const ProxyRequest& request, const ProxyTarget& target) {
  std::string via;
  fmt::format_to(std::back_inserter(via), "SIP/2.0/{} {};rport;branch=", name_of(target.flow.kind),
                 target.flow.local.to_string());
  // The transaction will live on the flow's worker: an answer that lands elsewhere is handed over to that one.
  append_branch(via, target.flow.worker, identity_.next_number(), request.loop);

  std::string record_routes;
  const auto method = request.message.method();
  if (settings_.record_route && !request.in_dialog && (method == Method::kInvite || method == Method::kSubscribe)) {
    // Topmost is where the callee reaches us; when the caller reaches us elsewhere, that follows (RFC 5658 §3).
    const auto& out = target.flow;
    const auto& in = request.source;
    cookie_.append_record_route(record_routes, request.message, out);
    // Each side's names its own connection, so a request that consumes both goes to the other side's.
    if (in.local != out.local || in.kind != out.kind || is_reliable(in.kind)) {
      cookie_.append_record_route(record_routes, request.message, in);
    }
  }
  std::string bytes;
  write_forwarded_request(bytes, request.message,
                          {.uri = target.uri,
                           .via = via,
                           .record_routes = record_routes,
                           .pushed_routes = target.path,
                           .routes_consumed = request.routes_consumed,
                           .drop_credentials_realm = realm_,
                           .source = request.source.remote});
  return bytes;
}

void Proxy::forward(ServerId id, const ProxyRequest& request, const std::vector<ProxyTarget>& targets, TimePoint now) {
  const bool invite = request.message.method() == Method::kInvite;
  ++counters_.requests;
  if (invite) {
    ++counters_.calls;
    responder_.reply(id, request.message, request.source, 100, "Trying", {}, now);
  }

  std::uint32_t slot = 0;
  if (free_.empty()) {
    slot = static_cast<std::uint32_t>(contexts_.size());
    contexts_.emplace_back();
  } else {
    slot = free_.back();
    free_.pop_back();
  }
  {
    auto& context = contexts_[slot];
    context.server = id;
    context.request.assign(request.message.bytes());
    context.source = request.source;
    context.invite = invite;
    context.responses = ResponseContext(invite);
    context.branches.clear();
    for (const auto& target : targets) {
      context.responses.add_branch();
      context.branches.push_back(target.flow);
    }
    by_server_[id.slot] = slot;
  }
  if (invite) restart_timer_c(slot, now);

  const auto generation = contexts_[slot].generation;
  for (std::size_t i = 0; i < targets.size(); ++i) {
    const Owner owner{.kind = Owner::Kind::kProxyBranch,
                      .worker = identity_.worker(),
                      .branch = static_cast<std::uint8_t>(i),
                      .slot = slot,
                      .generation = generation};
    carrier_.start(targets[i].flow, request.message.method(), write(request, targets[i]), owner, now);
  }
}

void Proxy::forward_ack(const ProxyRequest& request, const ProxyTarget& target) {
  carrier_.send(target.flow, write(request, target));
}

Proxy::Context* Proxy::find(Owner owner) {
  if (owner.slot >= contexts_.size()) return nullptr;
  auto& context = contexts_[owner.slot];
  return context.server && (context.generation & Owner::kMask) == owner.generation ? &context : nullptr;
}

void Proxy::on_cancel(ServerId invite, TimePoint now) {
  const auto found = by_server_.find(invite.slot);
  if (found == by_server_.end() || contexts_[found->second].server != invite) return;
  act(found->second, contexts_[found->second].responses.on_cancel(), nullptr, now);
}

void Proxy::on_response(Owner owner, const Message& response, TimePoint now) {
  auto* context = find(owner);
  if (context == nullptr) return;
  if (context->invite && response.status() > 100 && response.status() < 200) restart_timer_c(owner.slot, now);
  act(owner.slot, context->responses.on_response(owner.branch, response.status(), response.bytes()), &response, now);
}

void Proxy::on_failure(Owner owner, Failure failure, TimePoint now) {
  auto* context = find(owner);
  if (context == nullptr) return;
  const int status = failure == Failure::kTimeout ? 408 : 503;
  act(owner.slot, context->responses.on_failure(owner.branch, status), nullptr, now);
}

void Proxy::act(std::uint32_t slot, ResponseContext::Decision decision, const Message* response, TimePoint now) {
  if (decision.cancel_pending) cancel_pending(slot, now);
  auto& context = contexts_[slot];
  switch (decision.verdict) {
    case ResponseContext::Verdict::kNothing: return;
    case ResponseContext::Verdict::kForward:
      assert(response != nullptr);  // only a response makes a context say so
      write_forwarded_response(buffer_, *response);
      table_.respond(context.server, response->status(), buffer_, now);
      break;
    case ResponseContext::Verdict::kSendBest: send_best(context, now); break;
  }
  if (contexts_[slot].responses.final_sent()) wheel_.cancel(contexts_[slot].timer_c);
}

void Proxy::cancel_pending(std::uint32_t slot, TimePoint now) {
  const auto pending = contexts_[slot].responses.pending();
  for (const auto branch : pending) {
    const Owner owner{.kind = Owner::Kind::kProxyBranch,
                      .worker = identity_.worker(),
                      .branch = static_cast<std::uint8_t>(branch),
                      .slot = slot,
                      .generation = contexts_[slot].generation};
    // A non-INVITE cannot be cancelled (RFC 4320 §4.1): its branch ends by itself.
    if (contexts_[slot].invite) carrier_.cancel(contexts_[slot].branches[branch], owner, now);
  }
}

void Proxy::send_best(Context& context, TimePoint now) {
  const auto best = context.responses.best();
  if (best.bytes.empty()) {
    // Timeouts of other requests are not told: the caller's own timer has run out just then (RFC 4320 §4.2).
    if (!context.invite && best.status == 408) return;
    if (!scratch_.parse(context.request)) return;
    const int status = best.status == 503 ? 500 : best.status;
    responder_.reply(context.server, scratch_, context.source, status, {}, {}, now);
    return;
  }
  if (!scratch_.parse(best.bytes)) return;
  if (best.status == 503) {
    // A 503 would make the caller avoid this server; it is only one phone that cannot (§16.7 step 6).
    write_response_with_status(buffer_, scratch_, 500, sip::reason_phrase(500));
  } else {
    write_forwarded_response(buffer_, scratch_);
  }
  if (best.status == 401 || best.status == 407) {
    std::string challenges;
    for (const auto bytes : context.responses.other_challenges()) {
      if (!scratch_.parse(bytes)) continue;
      for (const auto& field : scratch_.headers()) {
        if (field.id == HeaderId::kWwwAuthenticate || field.id == HeaderId::kProxyAuthenticate) {
          challenges.append(scratch_.line(field));
        }
      }
    }
    buffer_.insert(buffer_.find("\r\n") + 2, challenges);
  }
  table_.respond(context.server, best.status == 503 ? 500 : best.status, buffer_, now);
}

void Proxy::restart_timer_c(std::uint32_t slot, TimePoint now) {
  auto& context = contexts_[slot];
  if (context.responses.final_sent()) return;
  wheel_.cancel(context.timer_c);
  const std::uint64_t owner = (std::uint64_t{context.generation} << 32) | slot;
  context.timer_c = wheel_.schedule(now + settings_.invite_timeout, owner, kTimerC);
}

void Proxy::on_timer_c(std::uint64_t owner, TimePoint now) {
  const auto slot = static_cast<std::uint32_t>(owner);
  if (slot >= contexts_.size() || contexts_[slot].generation != owner >> 32) return;
  if (contexts_[slot].responses.final_sent()) return;
  cancel_pending(slot, now);  // §16.8: those that rang get a CANCEL, and answer 487 or run into their guard: 408
}

void Proxy::on_server_done(ServerId id, TimePoint now) {
  const auto found = by_server_.find(id.slot);
  if (found == by_server_.end() || contexts_[found->second].server != id) return;
  const auto slot = found->second;
  if (!contexts_[slot].responses.final_sent()) cancel_pending(slot, now);  // nobody is left to answer to
  auto& context = contexts_[slot];
  wheel_.cancel(context.timer_c);
  context.server = {};
  context.generation = (context.generation + 1) & Owner::kMask;
  if (context.generation == 0) context.generation = 1;
  context.request.clear();
  if (context.request.capacity() > 4096) context.request.shrink_to_fit();
  context.responses = ResponseContext(false);
  by_server_.erase(found);
  free_.push_back(slot);
}

}  // namespace lamplighter::server
