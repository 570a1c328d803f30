#pragma once

#include <string_view>

namespace lamplighter::sip {

/// Whether this is "Sat, 13 Nov 2010 23:29:00 GMT" with some date and time; no other zone will do (RFC 3261 §20.17).
bool is_sip_date(std::string_view value);

}  // namespace lamplighter::sip
