#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "sip/error.h"
#include "sip/params.h"

namespace lamplighter::sip {

/// A URI as slices of its text (RFC 3261 §19.1). For schemes other than sip and sips only `scheme` and `text` are set.
struct Uri {
  enum class Scheme : std::uint8_t { kSip, kSips, kTel, kOther };

  Scheme scheme = Scheme::kOther;
  std::string_view text;  ///< all of it
  std::string_view scheme_text;
  std::string_view user;  ///< still escaped; empty when absent
  std::string_view password;
  std::string_view host;   ///< "example.com", "192.0.2.1" or "[2001:db8::1]"
  std::uint16_t port = 0;  ///< 0: none given
  Params params;
  std::string_view headers;  ///< after '?', without it

  bool is_sip() const { return scheme == Scheme::kSip || scheme == Scheme::kSips; }
  /// Longest URI that parse_uri() takes, in bytes.
  static constexpr std::size_t kMaxSize = 1024;

  /// The port to use: as given, else 5061 for sips, else 5060.
  std::uint16_t port_or_default() const { return port ? port : (scheme == Scheme::kSips ? 5061 : 5060); }
};

/// Reads a whole URI of at most Uri::kMaxSize bytes; trailing or inner blanks are an error. Status 416 for a scheme
/// that is not sip, sips or tel is the caller's business: any scheme parses.
std::expected<Uri, SipError> parse_uri(std::string_view text);

/// Equal in the sense of RFC 3261 §19.1.4: not by text, not an equivalence relation (see the RFC's examples).
bool equivalent(const Uri& a, const Uri& b);

/// Undoes %XX. Invalid escapes stay as they are.
std::string unescape(std::string_view text);
/// Escapes what may not stand in a user part.
std::string escape_user(std::string_view text);
void append_escaped_user(std::string& out, std::string_view text);

/// An address of record as the location room keys it: "user@host", user unescaped, host lower case, no port, no
/// parameters (RFC 3261 §10.3 step 5). Writes into `out` (cleared first) so that the hot path can reuse it.
void canonical_aor(const Uri& uri, std::string& out);

}  // namespace lamplighter::sip
