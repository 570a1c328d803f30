#pragma once

#include <cstdint>
#include <string_view>

namespace lamplighter::sip {

/// Headers this program looks at. Long and compact forms are the same id (RFC 3261 §7.3.3); names ignore case.
enum class HeaderId : std::uint8_t {
  kOther,
  kAccept,
  kAlertInfo,
  kAllow,
  kAllowEvents,
  kAuthenticationInfo,
  kAuthorization,
  kCallId,
  kContact,
  kContentDisposition,
  kContentEncoding,
  kContentLength,
  kContentType,
  kCSeq,
  kDate,
  kEvent,
  kExpires,
  kFrom,
  kMaxForwards,
  kMinExpires,
  kPath,
  kProxyAuthenticate,
  kProxyAuthorization,
  kProxyRequire,
  kRecordRoute,
  kReferTo,
  kRequire,
  kRetryAfter,
  kRoute,
  kServer,
  kSubject,
  kSubscriptionState,
  kSupported,
  kTimestamp,
  kTo,
  kUnsupported,
  kUserAgent,
  kVia,
  kWarning,
  kWwwAuthenticate,
  kCount_,
};

HeaderId header_id_from(std::string_view name);
/// Canonical long name ("Call-ID"); empty for kOther.
std::string_view name_of(HeaderId id);

}  // namespace lamplighter::sip
