#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/flow.h"
#include "sip/message.h"

// How a message is rewritten on its way through (RFC 3261 §16.6, §16.7): pure functions from bytes to bytes. What is
// not ours to change leaves as it came.
namespace lamplighter::server {

struct ForwardPlan {
  std::string_view uri;             ///< the next Request-URI
  std::string_view via;             ///< value of our Via
  std::string_view record_routes;   ///< whole header lines, or empty
  std::string_view pushed_routes;   ///< value of a Route header put before the rest (a binding's Path), or empty
  std::size_t routes_consumed = 0;  ///< how many Route elements at the top named us
  std::string_view drop_credentials_realm;  ///< Proxy-Authorization for this realm was for us
  SocketAddress source;                     ///< where the request came from: completes its topmost Via (RFC 3581)
};

/// Writes the request as it leaves: Via pushed, Max-Forwards one less (70 when it had none), consumed Routes gone. A
/// Content-Length is added when there is none: it may leave on a stream (§16.6 step 9).
void write_forwarded_request(std::string& out, const sip::Message& request, const ForwardPlan& plan);

/// Writes the response without its topmost Via element, as it goes back upstream.
void write_forwarded_response(std::string& out, const sip::Message& response);

/// `status reason` over the Via, From, To, Call-ID, CSeq … of a response: its headers and body stay, only the status
/// line and the topmost Via change. For 503 from below that leaves as 500 (§16.7 step 6).
void write_response_with_status(std::string& out, const sip::Message& response, int status, std::string_view reason);

}  // namespace lamplighter::server
