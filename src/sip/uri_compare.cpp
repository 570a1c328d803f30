#include <array>
#include <cstdint>

#include "base/address.h"
#include "sip/chars.h"
#include "sip/headers.h"
#include "sip/uri.h"

// RFC 3261 §19.1.4
namespace lamplighter::sip {
namespace {

// The next character with its escape undone, marked when a reserved character was escaped: "%3B" is not ";", while
// "%61" is "a" (§19.1.4: characters outside the reserved set equal their escapes).
unsigned take_char(std::string_view& text) {
  const int byte = chars::escape_at(text, 0);
  const char c = byte < 0 ? text.front() : static_cast<char>(byte);
  text.remove_prefix(byte < 0 ? 1 : 3);
  const bool reserved = std::string_view(";/?:@&=+$,%").find(c) != std::string_view::npos;
  return static_cast<unsigned char>(c) | (byte >= 0 && reserved ? 0x100u : 0u);
}

enum class Case : bool { kMatters, kIgnored };

bool same_text(std::string_view a, std::string_view b, Case letters) {
  while (!a.empty() && !b.empty()) {
    auto x = take_char(a);
    auto y = take_char(b);
    if (letters == Case::kIgnored) {
      x = (x & 0x100u) | static_cast<unsigned char>(chars::lower(static_cast<char>(x)));
      y = (y & 0x100u) | static_cast<unsigned char>(chars::lower(static_cast<char>(y)));
    }
    if (x != y) return false;
  }
  return a.empty() && b.empty();
}

bool same_host(std::string_view a, std::string_view b) {
  if (iequals(a, b)) return true;
  if (!a.starts_with('[') || !b.starts_with('[')) return false;
  // IPv6 can be written in many ways (RFC 5954 §4.2).
  const auto x = IpAddress::parse(a);
  const auto y = IpAddress::parse(b);
  return x && y && *x == *y;
}

enum class Match : std::uint8_t { kAbsent, kDifferent, kSame };

// A repeated name breaks §19.1.1, but comes: then one of the values has to be the same.
Match match_param(std::string_view params, const Params::Param& wanted) {
  auto match = Match::kAbsent;
  while (const auto param = Params::next(params)) {
    if (!same_text(param->name, wanted.name, Case::kIgnored)) continue;
    if (same_text(param->value, wanted.value, Case::kIgnored)) return Match::kSame;
    match = Match::kDifferent;
  }
  return match;
}

// These never match their absence, not even with their default as value; others in only one URI are ignored.
bool matters_alone(std::string_view name) {
  constexpr std::array<std::string_view, 5> kNames{"user", "ttl", "method", "maddr", "transport"};
  for (const auto known : kNames) {
    if (same_text(name, known, Case::kIgnored)) return true;
  }
  return false;
}

bool params_allow(const Params& a, const Params& b) {
  auto rest = a.text();
  while (const auto param = Params::next(rest)) {
    const auto match = match_param(b.text(), *param);
    if (match == Match::kDifferent || (match == Match::kAbsent && matters_alone(param->name))) return false;
  }
  return true;
}

std::string_view take_uri_header(std::string_view& rest) {
  const auto header = rest.substr(0, rest.find('&'));
  rest.remove_prefix(std::min(header.size() + 1, rest.size()));
  return header;
}

bool same_uri_header(std::string_view a, std::string_view b) {
  const auto at_a = a.find('=');
  const auto at_b = b.find('=');
  if (at_a == std::string_view::npos || at_b == std::string_view::npos) return a == b;
  return same_text(a.substr(0, at_a), b.substr(0, at_b), Case::kIgnored) &&
         same_text(a.substr(at_a + 1), b.substr(at_b + 1), Case::kMatters);
}

std::size_t count_uri_header(std::string_view headers, std::string_view wanted) {
  std::size_t count = 0;
  while (!headers.empty()) count += same_uri_header(take_uri_header(headers), wanted);
  return count;
}

// Every header of `a` is as often in `b`; asked both ways, that is "the same headers in any order".
bool headers_within(std::string_view a, std::string_view b) {
  auto rest = a;
  while (!rest.empty()) {
    const auto header = take_uri_header(rest);
    if (count_uri_header(a, header) != count_uri_header(b, header)) return false;
  }
  return true;
}

}  // namespace

bool equivalent(const Uri& a, const Uri& b) {
  if (a.scheme != b.scheme) return false;
  if (!a.is_sip()) {
    return iequals(a.scheme_text, b.scheme_text) &&
           a.text.substr(a.scheme_text.size()) == b.text.substr(b.scheme_text.size());
  }
  return same_text(a.user, b.user, Case::kMatters) && same_text(a.password, b.password, Case::kMatters) &&
         same_host(a.host, b.host) && a.port == b.port && params_allow(a.params, b.params) &&
         params_allow(b.params, a.params) && headers_within(a.headers, b.headers) &&
         headers_within(b.headers, a.headers);
}

}  // namespace lamplighter::sip
