#pragma once

#include <expected>
#include <string>

namespace lamplighter::app {

/// The server's secret: nonces and Record-Routes are proven with it, so that they stay good over a restart. Kept in a
/// file only its owner can read, made at the first start. The error names the path and what to do.
std::expected<std::string, std::string> load_or_make_secret(const std::string& path);

/// The first line of a file, which must be a token: at least 16 characters without blanks. The error names the path and
/// what to do.
std::expected<std::string, std::string> load_token(const std::string& path);

}  // namespace lamplighter::app
