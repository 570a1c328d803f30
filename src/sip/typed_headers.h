#pragma once

#include <cstdint>
#include <string_view>

#include "sip/method.h"
#include "sip/params.h"
#include "sip/uri.h"

// What typed headers look like once read: slices of the message. The readers are in headers.h.
namespace lamplighter::sip {

/// CSeq of a message: its number and method (RFC 3261 §20.16).
struct CSeq {
  std::uint32_t number;
  Method method;
  std::string_view method_name;
};

/// From, To, Contact, Route, Record-Route, Path, Refer-To: `"Name" <uri>;params` or `uri;params` (§20.10).
struct NameAddr {
  std::string_view display;  ///< as written, quotes included; empty when absent
  std::string_view uri_text;
  Uri uri;
  Params params;  ///< header parameters: tag, q, expires, +sip.instance …
  std::string_view tag_value;
  bool has_tag = false;
  std::string_view tag() const { return tag_value; }
};

/// One Via element (§20.42).
struct Via {
  std::string_view transport;  ///< "UDP" as written
  std::string_view sent_by;    ///< host[:port] as written
  std::string_view host;
  std::uint16_t port = 0;  ///< 0: none given
  Params params;
  std::string_view branch_value;
  bool rport = false;  ///< the parameter is there, with or without a value (RFC 3581)
  std::string_view branch() const { return branch_value; }
  bool is_rfc3261() const { return branch().starts_with("z9hG4bK") && branch().size() > 7; }
};

}  // namespace lamplighter::sip
