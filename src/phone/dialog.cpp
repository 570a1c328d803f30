#include "phone/dialog.h"

#include <fmt/format.h>

#include <algorithm>

#include "sip/headers.h"

namespace lamplighter::phone {

namespace {

using sip::HeaderId;

std::string tag_of(const sip::Message& message, HeaderId id) {
  const auto address = sip::parse_name_addr(message.header(id));
  return address ? std::string{address->tag()} : std::string{};
}

std::vector<std::string> record_routes(const sip::Message& message) {
  std::vector<std::string> out;
  sip::for_each_element(message, HeaderId::kRecordRoute, [&](std::string_view element) {
    out.emplace_back(element);
    return true;
  });
  return out;
}

/// Where a URI points, when it says so in numbers; this phone asks no DNS and hands the rest to its server. From a
/// connection everything goes back on that connection.
Flow flow_to(std::string_view uri_text, const Flow& server) {
  const auto uri = sip::parse_uri(uri_text);
  if (!uri || !uri->is_sip() || server.kind != TransportKind::kUdp) return server;
  const auto maddr = uri->params.get("maddr");
  const auto ip = IpAddress::parse(maddr.value_or(uri->host));
  if (!ip || ip->is_v4() != server.remote.ip.is_v4()) return server;
  Flow flow = server;
  flow.remote = {*ip, uri->port_or_default()};
  return flow;
}

}  // namespace

std::string contact_uri(const sip::Message& message) {
  auto rest = message.header(HeaderId::kContact);
  const auto contact = sip::parse_name_addr(sip::next_list_item(rest));
  return contact ? std::string{contact->uri_text} : std::string{};
}

Dialog Dialog::of_caller(const Request& invite, const sip::Message& response) {
  Dialog dialog;
  dialog.call_id = invite.call_id;
  dialog.local = invite.from;
  dialog.remote = response.header(HeaderId::kTo);
  dialog.local_tag = tag_of(response, HeaderId::kFrom);
  dialog.remote_tag = tag_of(response, HeaderId::kTo);
  dialog.remote_target = contact_uri(response);
  if (dialog.remote_target.empty()) dialog.remote_target = invite.uri;
  dialog.routes = record_routes(response);
  std::ranges::reverse(dialog.routes);
  dialog.local_cseq = invite.cseq;
  return dialog;
}

Dialog Dialog::of_called(const sip::Message& invite, std::string_view local_tag) {
  Dialog dialog;
  dialog.call_id = invite.header(HeaderId::kCallId);
  dialog.local = fmt::format("{};tag={}", invite.header(HeaderId::kTo), local_tag);
  dialog.remote = invite.header(HeaderId::kFrom);
  dialog.local_tag = local_tag;
  dialog.remote_tag = tag_of(invite, HeaderId::kFrom);
  dialog.remote_target = contact_uri(invite);
  dialog.routes = record_routes(invite);
  if (const auto* cseq = invite.cseq()) dialog.remote_cseq = cseq->number;
  return dialog;
}

bool Dialog::owns(const sip::Message& request) const {
  return request.header(HeaderId::kCallId) == call_id && tag_of(request, HeaderId::kTo) == local_tag &&
         tag_of(request, HeaderId::kFrom) == remote_tag;
}

Request Dialog::make(sip::Method method, const Flow& server) {
  Request request;
  request.method = method;
  request.from = local;
  request.to = remote;
  request.call_id = call_id;
  request.cseq = method == sip::Method::kAck ? local_cseq : ++local_cseq;
  request.uri = remote_target;
  request.routes = routes;
  if (routes.empty()) {
    request.flow = flow_to(remote_target, server);
    return request;
  }
  const auto first = sip::parse_name_addr(routes.front());
  const std::string first_uri{first ? first->uri_text : std::string_view{routes.front()}};
  if (first && !first->uri.params.has("lr")) {
    // A strict router takes the request-URI for itself; the target travels as the last route (§12.2.1.1).
    request.uri = first_uri;
    request.routes.erase(request.routes.begin());
    request.routes.push_back(fmt::format("<{}>", remote_target));
  }
  request.flow = flow_to(first_uri, server);
  return request;
}

void Dialog::refresh_target(const sip::Message& message) {
  if (auto target = contact_uri(message); !target.empty()) remote_target = std::move(target);
}

}  // namespace lamplighter::phone
