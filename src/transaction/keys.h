#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/flow.h"
#include "sip/message.h"

// How a message finds its transaction: the identity of a transaction as bytes to hash and compare.
namespace lamplighter::transaction {

/// What make_server_key() found out beside the key's text.
struct ServerKey {
  bool rfc2543 = false;
  /// The key without its last part, the request's To tag: what an ACK of RFC 2543 shares with its INVITE. Of RFC 3261's
  /// keys all of it.
  std::size_t base_size = 0;
};

/// Writes the key of the server transaction a request belongs to into `out` (cleared first): RFC 3261 §17.2.3.
/// With the magic cookie: branch, sent-by and method. Without (RFC 2543 and defective peers): request-URI, From tag,
/// Call-ID, CSeq number, topmost Via, method, and To tag. `method` is the request's own, but INVITE to find what an ACK
/// or CANCEL is about. Parts that cannot be parsed count as they were written, so that a retransmission of a malformed
/// request is found too.
ServerKey make_server_key(const sip::Message& request, std::string_view method, std::string& out);

/// Writes the key of the client transaction a response belongs to: the topmost Via's branch and the method in CSeq
/// (§17.1.3). False when either cannot be read.
bool make_client_key(const sip::Message& response, std::string& out);

/// The same for a request about to be sent: its branch and `method`. False when it has no topmost Via with a branch.
bool make_client_key(std::string_view request, std::string_view method, std::string& out);

/// The To tag of a message; empty when absent or unreadable.
std::string_view to_tag_of(const sip::Message& message);

/// SipHash-1-3: peers choose branches, but without the key they cannot choose collisions.
std::uint64_t keyed_hash(std::string_view text, std::uint64_t key);

/// The hash of a connection, for flows that can end. Their numbers are ours: no peer chooses them.
std::uint64_t connection_hash(const Flow& flow);
bool same_connection(const Flow& a, const Flow& b);

}  // namespace lamplighter::transaction
