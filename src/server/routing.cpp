#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "base/log.h"
#include "server/branch.h"
#include "server/core.h"
#include "sip/headers.h"

// What a request means and where it goes (RFC 3261 §16.3 to §16.5).
namespace lamplighter::server {

using sip::HeaderId;
using sip::Message;
using sip::Method;
using transaction::ServerId;

namespace {

constexpr std::string_view kAllow = "Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, REGISTER, MESSAGE\r\n";

/// Extensions this server takes part in when a request demands them (Require, Proxy-Require).
bool is_supported(std::string_view option) { return sip::iequals(option, "path"); }

}  // namespace

std::optional<Core::Routing> Core::analyse(const Message& request) const {
  Routing out;
  bool readable = true;
  sip::for_each_element(request, HeaderId::kRoute, [&](std::string_view element) {
    const auto route = sip::parse_name_addr(element);
    if (!route) return readable = false;
    if (!shared_.domains.is_ours(route->uri, arrival_)) {
      out.next_route = route->uri_text;
      return false;
    }
    ++out.routes_consumed;
    if (shared_.cookie.check(request, route->uri) != DialogCookie::Direction::kNone) {
      out.in_dialog = true;
      out.connection = DialogCookie::flow_of(route->uri);
    }
    return true;
  });
  const auto* uri = request.uri();
  if (!readable || !uri) return std::nullopt;
  out.uri = *uri;
  out.uri_is_ours = shared_.domains.is_ours(*uri, arrival_);
  return out;
}

void Core::on_request(ServerId id, const Message& request, const Flow&, TimePoint now) {
  if (error_) {
    ++counters_.malformed_answered;
    return reply(id, request, error_->status, error_->reason, now);
  }
  const auto routing = analyse(request);
  if (!routing) return reply(id, request, 400, "Bad Route header", now);
  if (!routing->uri.is_sip()) return reply(id, request, 416, {}, now);

  const bool for_us = routing->uri_is_ours && routing->next_route.empty();
  if (for_us && request.method() == Method::kRegister) return register_phone(id, request, *routing, now);

  if (for_us && request.method() == Method::kOptions &&
      (routing->uri.user.empty() || sip::max_forwards(request) == 0u)) {
    return answer_options(id, request, now);
  }
  if (sip::max_forwards(request) == 0u) {
    ++counters_.too_many_hops;
    return reply(id, request, 483, {}, now);
  }
  if (is_loop(request)) {
    ++counters_.loops;
    return reply(id, request, 482, {}, now);
  }
  if (refuse_extensions(id, request, HeaderId::kProxyRequire, now)) return;

  if (routing->in_dialog) return to_address(id, request, *routing, /*may_relay=*/true, now);

  Authenticator::Verdict verdict;
  if (!authenticate(id, request, Authenticator::Role::kProxy, now, verdict)) return;
  if (!speaks_for_itself(request, verdict)) return reply(id, request, 403, "From is not the authenticated user", now);
  if (!for_us) return to_address(id, request, *routing, shared_.settings.relay_foreign, now);
  if (routing->uri.user.empty()) return reply(id, request, 405, {}, now, kAllow);
  if (dial_to_light(id, request, *routing, now)) return;
  if (press_by_message(id, request, *routing, now)) return;
  to_user(id, request, *routing, now);
}

bool Core::is_loop(const Message& request) const {
  std::optional<std::uint32_t> loop;
  bool found = false;
  sip::for_each_element(request, HeaderId::kVia, [&](std::string_view element) {
    if (element.find(kBranchPrefix) == std::string_view::npos) return true;  // nobody of our kind
    const auto via = sip::parse_via(element);
    const auto branch = via ? parse_branch(via->branch()) : std::nullopt;
    if (!branch || !shared_.domains.is_ours(via->host, via->port, arrival_)) return true;
    if (!loop) loop = loop_hash(request, loop_key_);
    found = branch->loop == *loop;
    return !found;
  });
  return found;
}

bool Core::refuse_extensions(ServerId id, const Message& request, HeaderId header, TimePoint now) {
  std::string unsupported;
  sip::for_each_element(request, header, [&](std::string_view option) {
    if (!is_supported(option)) unsupported.append(unsupported.empty() ? "" : ", ").append(option);
    return true;
  });
  if (unsupported.empty()) return false;
  reply(id, request, 420, {}, now, fmt::format("Unsupported: {}\r\n", unsupported));
  return true;
}

bool Core::authenticate(ServerId id, const Message& request, Authenticator::Role role, TimePoint now,
                        Authenticator::Verdict& verdict) {
  verdict = shared_.authenticator.check(request, arrival_.remote, role);
  if (verdict.allowed) return true;
  ++counters_.challenges;
  reply(id, request, verdict.status, verdict.reason, now, verdict.headers);
  return false;
}

/// Who proved to be 102 may not call, or move lamps, as 101.
bool Core::speaks_for_itself(const Message& request, const Authenticator::Verdict& verdict) const {
  if (verdict.trusted) return true;
  const auto* from = request.from();  // validate() has read it
  return from->uri.is_sip() && sip::unescape(from->uri.user) == verdict.user;
}

void Core::register_phone(ServerId id, const Message& request, const Routing&, TimePoint now) {
  if (refuse_extensions(id, request, HeaderId::kProxyRequire, now)) return;
  if (refuse_extensions(id, request, HeaderId::kRequire, now)) return;
  Authenticator::Verdict verdict;
  if (!authenticate(id, request, Authenticator::Role::kEndpoint, now, verdict)) return;

  const auto* to = request.to();  // validate() has read it
  if (!to->uri.is_sip() || !shared_.domains.is_ours(to->uri, arrival_)) {
    return reply(id, request, 404, "Not a domain of this server", now);  // §10.3 step 5
  }
  shared_.domains.canonical_aor(to->uri, aor_);
  if (!verdict.trusted && aor_.substr(0, aor_.rfind('@')) != verdict.user) {
    return reply(id, request, 403, "May not register this address", now);  // §10.3 step 4
  }
  flows_.note(arrival_, aor_);
  registrar_.on_register(id, request, arrival_, aor_, now);
}

void Core::answer_options(ServerId id, const Message& request, TimePoint now) {
  if (refuse_extensions(id, request, HeaderId::kProxyRequire, now)) return;
  if (refuse_extensions(id, request, HeaderId::kRequire, now)) return;
  reply(id, request, 200, {}, now,
        fmt::format("{}Accept: application/x-buttons\r\nAccept-Encoding: identity\r\nAccept-Language: en\r\n"
                    "Supported: path\r\n",
                    kAllow));
}

void Core::to_user(ServerId id, const Message& request, const Routing& routing, TimePoint now) {
  shared_.domains.canonical_aor(routing.uri, aor_);
  shared_.location.lookup(aor_, shared_.clock.wall(), bindings_);
  std::vector<ProxyTarget> targets;
  for (const auto& binding : bindings_) {
    const auto contact = sip::parse_uri(binding.uri);
    if (!contact || !contact->is_sip()) continue;  // stored for others to query, never called
    if (is_gone(binding.flow)) continue;           // registered, but its connection has ended
    if (targets.size() == shared_.settings.max_branches) break;
    targets.push_back({binding.flow, binding.uri, binding.path});
  }
  if (targets.empty()) {
    // A user that exists but has no phone registered is away, not unknown (§16.5, §21.4.18).
    const auto user = sip::unescape(routing.uri.user);
    const bool known = shared_.credentials.find(user, shared_.authenticator.realm()).has_value();
    return reply(id, request, known ? 480 : 404, {}, now);
  }
  proxy_.forward(id, {request, arrival_, routing.routes_consumed, false, loop_hash(request, loop_key_)}, targets, now);
}

std::optional<Flow> Core::flow_of_contact(const sip::Uri& uri) const {
  std::string aor;
  shared_.domains.canonical_aor(uri, aor);
  aor.erase(aor.rfind('@') + 1).append(shared_.domains.default_domain());
  std::vector<location::Binding> bindings;
  shared_.location.lookup(aor, shared_.clock.wall(), bindings);
  for (const auto& binding : bindings) {
    const auto contact = sip::parse_uri(binding.uri);
    if (contact && sip::equivalent(*contact, uri)) return binding.flow;
  }
  return std::nullopt;
}

std::optional<ProxyTarget> Core::target_of(const Message& request, const Routing& routing, bool may_relay) const {
  // The next hop is the topmost Route that is left, else the Request-URI (§16.6 step 7).
  const auto next = routing.next_route.empty() ? routing.uri : sip::parse_uri(routing.next_route).value_or(sip::Uri{});
  ProxyTarget target{{}, std::string(request.request_uri()), {}};
  const auto registered = flow_of_contact(next);
  if (registered && !is_gone(*registered)) {
    target.flow = *registered;
    return target;
  }
  // A phone on a connection whose Contact is no address of record is found by the route that was recorded for it.
  if (routing.connection && routing.next_route.empty()) {
    target.flow = *routing.connection;
    target.flow.worker = static_cast<std::uint8_t>(target.flow.worker % peers_.size());
    return target;
  }
  if (registered) {  // nothing can be sent there: said at once
    target.flow = *registered;
    return target;
  }
  if (!may_relay) return std::nullopt;
  const auto ip = sip::iequals(next.host, "localhost") ? IpAddress::v4(0x7f000001) : IpAddress::read(next.host);
  if (!ip) return std::nullopt;  // names are looked up by nobody yet
  if (const auto flow = flow_to_({*ip, next.port_or_default()})) {
    target.flow = *flow;
    return target;
  }
  return std::nullopt;
}

void Core::to_address(ServerId id, const Message& request, const Routing& routing, bool may_relay, TimePoint now) {
  if (routing.in_dialog && routing.uri_is_ours && routing.next_route.empty()) {
    return to_user(id, request, routing, now);  // the far end's Contact is an address of record of ours
  }
  const auto target = target_of(request, routing, may_relay);
  if (!target) {
    if (may_relay) return reply(id, request, 404, "Next hop cannot be reached from here", now);
    ++counters_.foreign_refused;
    return reply(id, request, 403, "Not a domain of this server", now);
  }
  proxy_.forward(id, {request, arrival_, routing.routes_consumed, routing.in_dialog, loop_hash(request, loop_key_)},
                 {*target}, now);
}

void Core::on_ack(ServerId, const Message& ack, const Flow&, TimePoint) {
  if (error_) {
    ++counters_.malformed_dropped;
    return;
  }
  // The ACK of a 2xx goes to the phone that answered; nothing else may: an ACK cannot be refused, only dropped.
  const auto routing = analyse(ack);
  if (!routing || !routing->uri.is_sip() || sip::max_forwards(ack) == 0u) return;
  if (routing->uri_is_ours && routing->next_route.empty()) return;  // to us: of a response we made
  if (const auto target = target_of(ack, *routing, routing->in_dialog)) {
    proxy_.forward_ack({ack, arrival_, routing->routes_consumed, routing->in_dialog, loop_hash(ack, loop_key_)},
                       *target);
  }
}

}  // namespace lamplighter::server
