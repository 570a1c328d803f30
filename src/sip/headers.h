#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <optional>
#include <string_view>

#include "base/flow.h"
#include "sip/error.h"
#include "sip/message.h"
#include "sip/params.h"
#include "sip/uri.h"

// Typed headers: each parser takes a header's value and returns slices of it.
namespace lamplighter::sip {

/// CSeq of a message: its number and method (RFC 3261 §20.16).
struct CSeq {
  std::uint32_t number;
  Method method;
  std::string_view method_name;
};
/// Reads a CSeq value, e.g. "4711 INVITE". The number must fit 31 bits (§8.1.1.5).
std::expected<CSeq, SipError> parse_cseq(std::string_view value);

/// From, To, Contact, Route, Record-Route, Path, Refer-To: `"Name" <uri>;params` or `uri;params` (§20.10).
struct NameAddr {
  std::string_view display;  ///< as written, quotes included; empty when absent
  std::string_view uri_text;
  Uri uri;
  Params params;  ///< header parameters: tag, q, expires, +sip.instance …
  std::string_view tag() const { return params.get("tag").value_or(std::string_view{}); }
};
/// Reads one. Without angle brackets, parameters belong to the header, not to the URI (§20.10).
std::expected<NameAddr, SipError> parse_name_addr(std::string_view value);

/// Takes the first element off a comma separated list, minding quotes and angle brackets. `rest` becomes what follows
/// the comma, or empty. An empty result means the list had nothing (more).
std::string_view next_list_item(std::string_view& rest);

/// One Via element (§20.42).
struct Via {
  std::string_view transport;  ///< "UDP" as written
  std::string_view sent_by;    ///< host[:port] as written
  std::string_view host;
  std::uint16_t port = 0;  ///< 0: none given
  Params params;
  std::string_view branch() const { return params.get("branch").value_or(std::string_view{}); }
  bool is_rfc3261() const { return branch().starts_with("z9hG4bK") && branch().size() > 7; }
};
/// Reads one element (take it off with next_list_item first).
std::expected<Via, SipError> parse_via(std::string_view element);
/// The topmost Via of a message.
std::expected<Via, SipError> top_via(const Message& message);

/// Calls `visit(std::string_view element)` for each list element of all headers with this id, top to bottom, until it
/// returns false.
template <typename F>
void for_each_element(const Message& message, HeaderId id, F&& visit) {
  for (const auto& field : message.headers()) {
    if (field.id != id) continue;
    auto rest = message.value(field);
    while (!rest.empty()) {
      const auto element = next_list_item(rest);
      if (!element.empty() && !visit(element)) return;
    }
  }
}

/// Max-Forwards (0–255), Expires and other delta-seconds; digits only. Values beyond 2^32-1 are taken as 2^32-1.
std::expected<std::uint32_t, SipError> parse_number(std::string_view value);
std::optional<std::uint32_t> max_forwards(const Message& message);
/// Expires header; nullopt when absent or unreadable (a registrar takes unreadable for absent, §20.19).
std::optional<std::chrono::seconds> expires(const Message& message);
/// "0.5" → 500; nullopt when malformed (§20.10: 0 to 1, three decimals).
std::optional<int> parse_qvalue(std::string_view text);

/// "application/x-buttons;charset=utf-8" → the type without parameters, as written; compare without case.
std::string_view media_type(std::string_view value);
/// Whether a comma separated token list (Require, Supported, Allow …) has this token, without case.
bool list_has(const Message& message, HeaderId id, std::string_view token);

/// ASCII, without case.
bool iequals(std::string_view a, std::string_view b);
/// Strips blanks, tabs and folds (CRLF before a blank) from both ends.
std::string_view trim(std::string_view text);
/// A quoted string's content with \-escapes undone; other text unchanged.
std::string unquote(std::string_view text);

}  // namespace lamplighter::sip
