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
#include "sip/typed_headers.h"
#include "sip/uri.h"

// Typed headers: each parser takes a header's value and returns slices of it.
namespace lamplighter::sip {

/// Reads a CSeq value, e.g. "4711 INVITE". The number must fit 31 bits (§8.1.1.5).
std::expected<CSeq, SipError> parse_cseq(std::string_view value);

/// Reads one. Without angle brackets, parameters belong to the header, not to the URI (§20.10).
std::expected<NameAddr, SipError> parse_name_addr(std::string_view value);

/// Takes the first element off a comma separated list, minding quotes and angle brackets. `rest` becomes what follows
/// the comma, or empty. An empty result means the list had nothing (more).
std::string_view next_list_item(std::string_view& rest);

/// Reads one element (take it off with next_list_item first).
std::expected<Via, SipError> parse_via(std::string_view element);

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
