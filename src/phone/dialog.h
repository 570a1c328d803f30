#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/flow.h"
#include "phone/request.h"
#include "sip/message.h"

namespace lamplighter::phone {

/// A dialog as one of its ends sees it (RFC 3261 §12).
struct Dialog {
  std::string call_id;
  std::string local_tag, remote_tag;
  std::string local, remote;        ///< From and To of requests sent in it, tags included
  std::string remote_target;        ///< URI of the peer's Contact
  std::vector<std::string> routes;  ///< the route set, in the order of the Route headers to send
  std::uint32_t local_cseq = 0;
  std::uint32_t remote_cseq = 0;  ///< 0: nothing received yet

  /// The caller's view, from the request it sent and a response with a To tag (§12.1.2).
  static Dialog of_caller(const Request& invite, const sip::Message& response);
  /// The called side's, from the request it got and the tag it answers with (§12.1.1).
  static Dialog of_called(const sip::Message& invite, std::string_view local_tag);

  /// Whether a request received belongs to it (§12.2.2).
  bool owns(const sip::Message& request) const;

  /// A request to the peer, along the route set (§12.2.1.1). CSeq goes up, except for ACK, which has its INVITE's.
  Request make(sip::Method method, const Flow& server);

  /// A target refresh (§12.2): takes the Contact of a re-INVITE or its 2xx.
  void refresh_target(const sip::Message& message);
};

/// The URI of the first Contact; empty when there is none that can be read.
std::string contact_uri(const sip::Message& message);

}  // namespace lamplighter::phone
