#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/flow.h"
#include "sip/message.h"
#include "sip/uri.h"

// Our Record-Route: `<sip:192.0.2.5:5060;lr;ftag=CALLER;did=MAC>`. `ftag` is the caller's From tag, so that the
// direction of a request inside the dialog is known; `did` proves that we put the route there for this very call, so
// that a made-up Route opens no relay. A peer on a connection cannot be reached by its address: `;fl=` names the
// connection (RFC 5626 §5.1), and `did` covers it.
namespace lamplighter::server {

class DialogCookie {
 public:
  explicit DialogCookie(std::string secret) : secret_(std::move(secret)) {}

  /// The Record-Route header line for a request of the dialog-to-be that leaves on (or came in on) `flow`.
  void append_record_route(std::string& out, const sip::Message& request, const Flow& flow) const;

  enum class Direction : unsigned char { kNone, kFromCaller, kFromCallee };
  /// Whether `route` (one that names us) was made by us for this request's dialog, and who speaks. kNone: forged or
  /// another dialog's.
  Direction check(const sip::Message& request, const sip::Uri& route) const;

  /// The connection a route that passed check() names: enough of its flow to send on it. None: its peer is on UDP.
  static std::optional<Flow> flow_of(const sip::Uri& route);

 private:
  std::string mac(std::string_view call_id, std::string_view from_tag, std::string_view flow) const;

  std::string secret_;
};

}  // namespace lamplighter::server
