#include "sip/host.h"

#include "sip/chars.h"

namespace lamplighter::sip {
namespace {

// Looks at the characters only: RFC 5118 §4.10 wants "[2001:db8:::192.0.2.1]" taken, as RFC 3261's own ABNF makes it.
std::string_view take_ipv6_reference(std::string_view& rest) {
  std::size_t at = 1;
  while (at < rest.size() && (chars::hex_digit(rest[at]) >= 0 || rest[at] == ':' || rest[at] == '.')) ++at;
  if (at < 4 || at == rest.size() || rest[at] != ']') return {};
  const auto taken = rest.substr(0, at + 1);
  rest.remove_prefix(at + 1);
  return taken;
}

// 1 to 65535, or 0 when it is not that.
std::uint16_t take_port(std::string_view& rest) {
  unsigned port = 0;
  std::size_t at = 0;
  for (; at < rest.size() && chars::is_digit(rest[at]); ++at) {
    port = port * 10 + static_cast<unsigned>(rest[at] - '0');
    if (port > 65535) return 0;
  }
  rest.remove_prefix(at);
  return static_cast<std::uint16_t>(port);
}

}  // namespace

std::optional<HostPort> take_host_port(std::string_view& rest) {
  const auto start = rest;
  HostPort result;
  result.host = rest.starts_with('[') ? take_ipv6_reference(rest) : chars::take(rest, chars::kHost);
  if (result.host.empty()) return std::nullopt;
  auto after = rest;
  chars::skip_blanks(after);
  if (after.starts_with(':')) {
    after.remove_prefix(1);
    chars::skip_blanks(after);
    result.port = take_port(after);
    if (result.port == 0) return std::nullopt;
    rest = after;
  }
  result.text = start.substr(0, start.size() - rest.size());
  return result;
}

}  // namespace lamplighter::sip
