#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/flow.h"
#include "base/sip_hash.h"
#include "sip/message.h"

// How a message finds its transaction. A key is a keyed hash of what makes the transaction: peers choose branches, but
// without the secret they cannot choose collisions, and at 128 bits none happen.
namespace lamplighter::transaction {

using Secret = SipHash::Key;

struct ServerKey {
  Digest128 whole;
  /// Without the request's To tag: what an ACK of RFC 2543 shares with its INVITE. Of RFC 3261's keys all of it.
  Digest128 base;
  bool rfc2543 = false;
};

/// The server transaction a request belongs to: RFC 3261 §17.2.3.
/// With the magic cookie: branch, sent-by and method. Without (RFC 2543 and defective peers): request-URI, From tag,
/// Call-ID, CSeq number, topmost Via, method, and To tag. `method` is the request's own, but INVITE to find what an ACK
/// or CANCEL is about. Parts that cannot be parsed count as they were written, so that a retransmission of a malformed
/// request is found too.
ServerKey server_key(const sip::Message& request, std::string_view method, const Secret& secret);

/// The client transaction a response belongs to: the topmost Via's branch and the method in CSeq (§17.1.3). Nothing
/// when either cannot be read.
std::optional<Digest128> client_key(const sip::Message& response, const Secret& secret);

/// The same for a request about to be sent: its branch and `method`. Nothing when it has no topmost Via with a branch.
std::optional<Digest128> client_key(std::string_view request, std::string_view method, const Secret& secret);

/// The To tag of a message; empty when absent or unreadable.
std::string_view to_tag_of(const sip::Message& message);

/// The hash of a connection, for flows that can end. Their numbers are ours: no peer chooses them.
std::uint64_t connection_hash(const Flow& flow);
bool same_connection(const Flow& a, const Flow& b);

}  // namespace lamplighter::transaction
