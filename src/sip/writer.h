#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/address.h"
#include "sip/headers.h"
#include "sip/message.h"

namespace lamplighter::sip {

/// Builds a message into a string that the caller owns and may reuse (its capacity is the buffer). Untouched parts are
/// copied from a received message byte for byte.
class Writer {
 public:
  explicit Writer(std::string& out) : out_(out) { out_.clear(); }

  Writer& request_line(std::string_view method, std::string_view uri);
  Writer& status_line(int status, std::string_view reason);
  /// "Name: value\r\n"
  Writer& header(std::string_view name, std::string_view value);
  Writer& header(std::string_view name, std::uint64_t value);
  /// A header line of `message` as received.
  Writer& copy(const Message& message, const HeaderField& field);
  /// All headers with this id, in order, as received.
  Writer& copy_all(const Message& message, HeaderId id);
  /// Raw text: the caller knows what it does.
  Writer& raw(std::string_view text);
  /// Content-Type (when there is a body), Content-Length, the empty line and the body. Ends the message.
  Writer& body(std::string_view content_type, std::string_view body);
  Writer& no_body() { return body({}, {}); }

  std::string& text() { return out_; }

 private:
  std::string& out_;
};

/// Starts a response to `request`: status line; all Vias, the topmost with `received` and a filled `rport` when
/// `source` asks for it (RFC 3261 §18.2.1, RFC 3581 §4); From; To with `to_tag` added when it has none and the tag is
/// not empty; Call-ID; CSeq; Timestamp for 100. The caller adds headers and ends it with body() or no_body().
/// The request may be malformed: headers that are missing are left out.
Writer begin_response(std::string& out, const Message& request, int status, std::string_view reason,
                      std::string_view to_tag, const SocketAddress& source);

/// The topmost Via's value with `received`/`rport` set from `source` as begin_response() does it: `received` is added
/// when the sent-by host differs from the source address or rport was asked for.
/// `via` is that element as read (Message::top_via()); nullptr: it cannot be read, and stays as it is.
void append_via_with_source(std::string& out, std::string_view via_element, const Via* via,
                            const SocketAddress& source);

/// The customary reason phrase: 404 → "Not Found"; "Unknown" for codes nobody named.
std::string_view reason_phrase(int status);

}  // namespace lamplighter::sip
