#pragma once

#include <string>
#include <string_view>

#include "sip/message.h"

// Requests the transaction layer makes from an INVITE it sent.
namespace lamplighter::transaction {

/// Writes the ACK for a non-2xx final response to `invite` into `out` (RFC 3261 §17.1.1.3): request-URI, topmost Via,
/// Route, From, Call-ID and CSeq number of the INVITE, To of the response.
void build_ack(const sip::Message& invite, const sip::Message& response, std::string& out);

/// Writes the CANCEL of `invite` (§9.1): its request-URI, topmost Via, Route, From, To, Call-ID and CSeq number.
/// `headers` are whole extra header lines, or empty.
void build_cancel(const sip::Message& invite, std::string_view headers, std::string& out);

}  // namespace lamplighter::transaction
