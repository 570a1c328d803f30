#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/flow.h"
#include "sip/method.h"

namespace lamplighter::phone {

/// A request the phone sends, kept so that it can be sent again with credentials: everything but Via, which is new for
/// each transaction.
struct Request {
  sip::Method method{};
  std::string uri;
  std::string from;  ///< whole values, tags included
  std::string to;
  std::string call_id;
  std::uint32_t cseq = 1;
  std::vector<std::string> routes;
  std::string headers;  ///< whole further lines, each ending in CRLF
  std::string content_type;
  std::string body;
  /// Where it goes when not to the server: a dialog's next hop.
  std::optional<Flow> flow;

  std::string credentials;  ///< the lines it was last sent with; an ACK to a 2xx repeats them (RFC 3261 §13.2.2.4)
  int challenges = 0;       ///< how often it has been challenged
};

/// Writes it out, with its own topmost Via.
void render(const Request& request, std::string_view via, std::string_view user_agent, std::string& out);

}  // namespace lamplighter::phone
