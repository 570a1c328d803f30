#include "server/forward.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "sip/digest.h"
#include "sip/headers.h"
#include "sip/writer.h"

namespace lamplighter::server {
namespace {

using sip::HeaderId;
using sip::Message;

void append_line(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ").append(value).append("\r\n");
}

/// The first Via header with its first element completed from the packet's source; the others follow on the same line.
void append_received_via(std::string& out, const Message& request, std::string_view value,
                         const SocketAddress& source) {
  auto rest = value;
  const auto top = sip::next_list_item(rest);
  out.append("Via: ");
  sip::append_via_with_source(out, top, request.top_via(), source);
  if (!rest.empty()) out.append(", ").append(sip::trim(rest));
  out.append("\r\n");
}

/// A Route header without its first `consumed` elements; counts down what is still to be taken.
void append_routes(std::string& out, const Message& request, const sip::HeaderField& field, std::size_t& consumed) {
  if (consumed == 0) {
    out.append(request.line(field));
    return;
  }
  auto rest = request.value(field);
  while (consumed > 0 && !rest.empty()) {
    if (!sip::next_list_item(rest).empty()) --consumed;
  }
  if (const auto left = sip::trim(rest); !left.empty()) append_line(out, "Route", left);
}

/// The end of the headers, and the body. A datagram, or a WebSocket's frame, may have come without Content-Length.
void append_body(std::string& out, const Message& message) {
  if (!message.has(HeaderId::kContentLength)) {
    fmt::format_to(std::back_inserter(out), "Content-Length: {}\r\n", message.body().size());
  }
  out.append("\r\n").append(message.body());
}

bool is_for_realm(std::string_view credentials, std::string_view realm) {
  const auto parsed = sip::parse_digest_credentials(credentials);
  return parsed && parsed->realm == realm;
}

void append_without_top_via(std::string& out, const Message& response) {
  bool top = true;
  for (const auto& field : response.headers()) {
    if (field.id == HeaderId::kVia && top) {
      top = false;
      auto rest = response.value(field);
      sip::next_list_item(rest);
      if (const auto left = sip::trim(rest); !left.empty()) append_line(out, "Via", left);
      continue;
    }
    out.append(response.line(field));
  }
  append_body(out, response);
}

}  // namespace

void write_forwarded_request(std::string& out, const Message& request, const ForwardPlan& plan) {
  out.clear();
  out.append(request.method_name()).append(" ").append(plan.uri).append(" SIP/2.0\r\n");
  append_line(out, "Via", plan.via);
  out.append(plan.record_routes);
  if (!plan.pushed_routes.empty()) append_line(out, "Route", plan.pushed_routes);

  bool top_via = true;
  bool hops_written = false;
  auto consumed = plan.routes_consumed;
  for (const auto& field : request.headers()) {
    switch (field.id) {
      case HeaderId::kVia:
        if (top_via) {
          append_received_via(out, request, request.value(field), plan.source);
          top_via = false;
        } else {
          out.append(request.line(field));
        }
        break;
      case HeaderId::kMaxForwards: {
        const auto hops = sip::max_forwards(request).value_or(70);
        if (!hops_written) fmt::format_to(std::back_inserter(out), "Max-Forwards: {}\r\n", hops > 0 ? hops - 1 : 0);
        hops_written = true;
        break;
      }
      case HeaderId::kRoute: append_routes(out, request, field, consumed); break;
      case HeaderId::kProxyAuthorization:
        if (!is_for_realm(request.value(field), plan.drop_credentials_realm)) out.append(request.line(field));
        break;
      default: out.append(request.line(field)); break;
    }
  }
  if (!hops_written) append_line(out, "Max-Forwards", "70");  // §16.6 step 3
  append_body(out, request);
}

void write_forwarded_response(std::string& out, const Message& response) {
  write_response_with_status(out, response, response.status(), response.reason());
}

void write_response_with_status(std::string& out, const Message& response, int status, std::string_view reason) {
  out.clear();
  fmt::format_to(std::back_inserter(out), "SIP/2.0 {} {}\r\n", status, reason);
  append_without_top_via(out, response);
}

}  // namespace lamplighter::server
