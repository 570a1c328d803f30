#include "api/access.h"

#include <boost/beast/core/string.hpp>

#include "base/address.h"

namespace lamplighter::api {
namespace {

using boost::beast::iequals;

/// Takes as long for a wrong token as for a right one, wherever they differ.
bool same(std::string_view given, std::string_view expected) {
  unsigned difference = given.size() == expected.size() ? 0 : 1;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const auto c = i < given.size() ? given[i] : '\0';
    difference |= static_cast<unsigned>(static_cast<unsigned char>(c ^ expected[i]));
  }
  return difference == 0;
}

/// "127.0.0.1:8080", "[::1]", "localhost": with or without a port.
bool names_loopback(std::string_view host) {
  if (auto colon = host.rfind(':'); colon != std::string_view::npos && !host.ends_with(']'))
    host = host.substr(0, colon);
  if (iequals(host, "localhost")) return true;
  auto ip = IpAddress::parse(host);
  return ip && ip->is_loopback();
}

std::optional<Response> check_token(const Request& request, std::string_view token) {
  constexpr std::string_view kScheme = "Bearer ";
  auto value = request.header("Authorization");
  const bool bearer = value.size() > kScheme.size() && iequals(value.substr(0, kScheme.size()), kScheme);
  if (bearer && same(value.substr(kScheme.size()), token)) return std::nullopt;
  auto response =
      problem(401, bearer ? "the bearer token is not the one of http.token_file"
                          : "expected the header Authorization: Bearer <token>, the token of http.token_file");
  // RFC 6750 §3: the error is only for those who tried.
  response.headers.emplace_back("WWW-Authenticate", bearer ? R"(Bearer realm="lamplighter", error="invalid_token")"
                                                           : R"(Bearer realm="lamplighter")");
  return response;
}

std::optional<Response> check_host(const Request& request) {
  bool named = false;
  for (const auto& [name, value] : request.headers) {
    if (!iequals(name, "Host")) continue;
    named = true;
    if (names_loopback(value)) continue;
    return problem(403, "the Host " + quoted(value) +
                            " is not a name of this machine for itself, expected localhost or " +
                            "a loopback address; for others, set http.token_file");
  }
  if (!named) return problem(403, "the request has no Host, expected localhost or a loopback address");
  return std::nullopt;
}

}  // namespace

std::optional<Response> check_access(const Request& request, std::string_view token) {
  if (request.path != "/v1" && !request.path.starts_with("/v1/")) return std::nullopt;
  return token.empty() ? check_host(request) : check_token(request, token);
}

}  // namespace lamplighter::api
