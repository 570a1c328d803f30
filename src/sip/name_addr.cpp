#include "sip/chars.h"
#include "sip/headers.h"
#include "sip/scan.h"

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

}  // namespace

const SipError* read_name_addr(std::string_view value, NameAddr& address) {
  auto rest = trim(value);
  address.display = {};
  address.tag_value = {};
  address.has_tag = false;
  if (const auto display = take_display(rest)) {
    address.display = *display;
    const auto close = rest.find('>');
    if (close == std::string_view::npos) return &kBadAddress;
    address.uri_text = rest.substr(1, close - 1);
    rest.remove_prefix(close + 1);
  } else {
    // §20.10: a URI with a comma, a question mark or a semicolon has to be in brackets; so ';' ends this one.
    std::size_t end = 0;
    while (end < rest.size() && rest[end] != ';' && !chars::is_blank(rest[end])) ++end;
    address.uri_text = rest.substr(0, end);
    if (address.uri_text.find_first_of(",?") != std::string_view::npos) return &kBadAddress;
    rest.remove_prefix(end);
  }
  if (const auto* error = read_uri(address.uri_text, address.uri)) return error;
  chars::skip_blanks(rest);
  address.params = Params(rest);
  const bool all = for_each_param(rest, [&](const Params::Param& param) {
    if (address.has_tag || !is_word(param.name, "tag")) return;
    address.has_tag = true;
    address.tag_value = param.value;
  });
  return all ? nullptr : &kBadAddress;
}

std::expected<NameAddr, SipError> parse_name_addr(std::string_view value) {
  NameAddr address;
  if (const auto* error = read_name_addr(value, address)) return std::unexpected(*error);
  return address;
}

}  // namespace lamplighter::sip
