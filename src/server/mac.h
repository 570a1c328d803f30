#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace lamplighter::server {

/// The first `bytes` (up to 32) of HMAC-SHA-256 (RFC 2104) in lower-case hex: what the server gives away and wants back
/// unchanged (nonces, Record-Routes). Any thread; each remembers the secret it used last, since preparing one costs
/// more than using it.
std::string hmac_hex(std::string_view secret, std::string_view text, std::size_t bytes);

}  // namespace lamplighter::server
