#include "sip/chars.h"
#include "sip/headers.h"

namespace lamplighter::sip {
namespace {

constexpr SipError kBadAddress{400, "Bad address"};

// The display name in front of '<', or nullopt when there is no '<' in the right place: then the value is a bare URI.
// RFC 3261 wants tokens or a quoted string; UTF-8 without quotes is common and cannot be mistaken for anything else.
std::optional<std::string_view> take_display(std::string_view& rest) {
  const auto start = rest;
  if (rest.starts_with('"')) {
    const auto quoted = chars::take_quoted(rest);
    chars::skip_blanks(rest);
    if (!quoted.empty() && rest.starts_with('<')) return quoted;
    rest = start;
    return std::nullopt;
  }
  std::size_t at = 0;
  while (at < rest.size() && (chars::is(rest[at], chars::kToken) || chars::is_blank(rest[at]) ||
                              static_cast<unsigned char>(rest[at]) >= 0x80)) {
    ++at;
  }
  if (at == rest.size() || rest[at] != '<') return std::nullopt;
  rest.remove_prefix(at);
  return trim(start.substr(0, at));
}

bool are_params(std::string_view text) {
  while (Params::next(text)) {
  }
  return text.empty();
}

}  // namespace

std::expected<NameAddr, SipError> parse_name_addr(std::string_view value) {
  auto rest = trim(value);
  NameAddr address;
  if (const auto display = take_display(rest)) {
    address.display = *display;
    const auto close = rest.find('>');
    if (close == std::string_view::npos) return std::unexpected(kBadAddress);
    address.uri_text = rest.substr(1, close - 1);
    rest.remove_prefix(close + 1);
  } else {
    // §20.10: a URI with a comma, a question mark or a semicolon has to be in brackets; so ';' ends this one.
    std::size_t end = 0;
    while (end < rest.size() && rest[end] != ';' && !chars::is_blank(rest[end])) ++end;
    address.uri_text = rest.substr(0, end);
    if (address.uri_text.find_first_of(",?") != std::string_view::npos) return std::unexpected(kBadAddress);
    rest.remove_prefix(end);
  }
  auto uri = parse_uri(address.uri_text);
  if (!uri) return std::unexpected(uri.error());
  address.uri = *uri;
  chars::skip_blanks(rest);
  if (!are_params(rest)) return std::unexpected(kBadAddress);
  address.params = Params(rest);
  return address;
}

}  // namespace lamplighter::sip
