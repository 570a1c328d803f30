#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "load/options.h"
#include "load/template.h"

// The SIP the virtual phones speak. What they send is written from templates; what they receive is only looked at as
// far as a load generator must: it may not cost more than the server it measures.
namespace lamplighter::load {

/// Which request a response answers: read back from the branch the phone made.
struct Ticket {
  std::uint32_t run = 0;  ///< random per run, so that late answers to an earlier one are not taken for ours
  std::uint32_t phone = 0;
  std::uint32_t sequence = 0;
  friend bool operator==(const Ticket&, const Ticket&) = default;
};
/// "z9hG4bK" + run-phone-sequence in hex, always of one length as long as the numbers are not very large.
void append_branch(std::string& out, const Ticket& ticket);
std::optional<Ticket> ticket_of(std::string_view branch);

/// The value of the first header with this name, or its one-letter form ('\0': none); empty when absent. No folding.
std::string_view header_value(std::string_view message, std::string_view name, char compact = '\0');
/// The same, but the whole line with its CRLF.
std::string_view header_line(std::string_view message, std::string_view name, char compact = '\0');

/// What arrived.
struct Incoming {
  int status = 0;           ///< 0: a request
  std::string_view reason;  ///< responses
  std::string_view method;  ///< of the request, or of a response's CSeq
  std::string_view uri;     ///< request-URI
  std::string_view branch;  ///< of the topmost Via
};
/// nullopt: not SIP, or without a Via or CSeq.
std::optional<Incoming> look_at(std::string_view message);

/// The digits before the @ of a sip: URI as a number: sip:1000@127.0.0.1 → 1000.
std::optional<std::uint32_t> user_number(std::string_view uri);

/// Appends an answer to a request: `status` "180 Ringing"; Vias, Record-Routes, From, To (with a tag), Call-ID and CSeq
/// copied. `more`: the other header lines, an empty line, and the body; empty: there is nothing else.
void append_answer(std::string& out, std::string_view request, std::string_view status, std::string_view tag,
                   std::string_view more = {});
/// 200 OK with nothing else in it.
void append_ok(std::string& out, std::string_view request, std::string_view tag);
/// 200 OK of a phone that takes a call: its Contact, and SDP.
void append_answer_of_callee(std::string& out, std::string_view invite, std::string_view user, std::string_view local,
                             std::string_view instance);

/// The Route lines of requests in the dialog this answer began: its Record-Routes in reverse order (RFC 3261 §12.1.2).
std::string routes_of(std::string_view response);
/// The URI in the first Contact; empty when there is none.
std::string_view contact_uri_of(std::string_view message);

/// Whether a Contact of this message has exactly this URI.
bool has_contact(std::string_view message, std::string_view uri);

/// The texts of one run, with everything that is the same for all phones already filled in.
struct Texts {
  /// `server` "127.0.0.1:5060", `domain` "127.0.0.1".
  Texts(const Options& options, std::string_view server, std::string_view domain);
  Template invite, ack, ack_of_call, bye, register_, unregister, query, options;
};

}  // namespace lamplighter::load
