#include "sip/uri.h"

#include <algorithm>
#include <optional>

#include "sip/chars.h"
#include "sip/headers.h"
#include "sip/host.h"

namespace lamplighter::sip {
namespace {

constexpr SipError kBadUri{400, "Bad URI"};

Uri::Scheme scheme_from(std::string_view text) {
  if (iequals(text, "sip")) return Uri::Scheme::kSip;
  if (iequals(text, "sips")) return Uri::Scheme::kSips;
  if (iequals(text, "tel")) return Uri::Scheme::kTel;
  return Uri::Scheme::kOther;
}

// RFC 3986 §3.1
bool is_scheme(std::string_view text) {
  if (text.empty() || !chars::is_alpha(text.front())) return false;
  return std::ranges::all_of(
      text, [](char c) { return chars::is_alpha(c) || chars::is_digit(c) || c == '+' || c == '-' || c == '.'; });
}

bool take_userinfo(Uri& uri, std::string_view userinfo) {
  const auto colon = userinfo.find(':');
  uri.user = userinfo.substr(0, colon);
  if (colon != std::string_view::npos) uri.password = userinfo.substr(colon + 1);
  return !uri.user.empty() && chars::all_escaped(uri.user, chars::kUser) &&
         chars::all_escaped(uri.password, chars::kPassword);
}

// ";name=value;name": paramchars and escapes only, no blanks, no quotes, nothing empty.
bool are_uri_parameters(std::string_view text) {
  while (!text.empty()) {
    const auto end = std::min(text.find(';', 1), text.size());
    const auto param = text.substr(1, end - 1);
    const auto equals = std::min(param.find('='), param.size());
    if (equals == 0 || !chars::all_escaped(param.substr(0, equals), chars::kUriParam)) return false;
    if (equals < param.size() && !chars::all_escaped(param.substr(equals + 1), chars::kUriParam)) return false;
    text.remove_prefix(end);
  }
  return true;
}

// "name=value&name=value"
bool are_uri_headers(std::string_view text) {
  if (text.empty()) return false;
  while (!text.empty()) {
    const auto end = std::min(text.find('&'), text.size());
    const auto header = text.substr(0, end);
    const auto equals = header.find('=');
    if (equals == 0 || equals == std::string_view::npos) return false;
    if (!chars::all_escaped(header.substr(0, equals), chars::kUriHeader)) return false;
    if (!chars::all_escaped(header.substr(equals + 1), chars::kUriHeader)) return false;
    if (end + 1 == text.size()) return false;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return true;
}

}  // namespace

std::expected<Uri, SipError> parse_uri(std::string_view text) {
  if (text.size() > Uri::kMaxSize) return std::unexpected(SipError{400, "URI too long"});
  Uri uri;
  uri.text = text;
  const auto colon = text.find(':');
  if (colon == std::string_view::npos || !is_scheme(text.substr(0, colon))) return std::unexpected(kBadUri);
  uri.scheme_text = text.substr(0, colon);
  uri.scheme = scheme_from(uri.scheme_text);
  auto rest = text.substr(colon + 1);
  if (!uri.is_sip()) {
    const auto fits = [](char c) { return chars::is(c, chars::kVisible) && c != '<' && c != '>' && c != '"'; };
    if (rest.empty() || !std::ranges::all_of(rest, fits)) return std::unexpected(kBadUri);
    return uri;
  }

  // '@' has to be escaped everywhere else, while ';', '?' and ':' may stand in the userinfo: so it comes first.
  if (const auto at = rest.find('@'); at != std::string_view::npos) {
    if (!take_userinfo(uri, rest.substr(0, at))) return std::unexpected(kBadUri);
    rest.remove_prefix(at + 1);
  }
  const auto host_port = take_host_port(rest);
  if (!host_port || std::ranges::any_of(host_port->text, chars::is_blank)) return std::unexpected(kBadUri);
  uri.host = host_port->host;
  uri.port = host_port->port;

  const auto question = rest.find('?');
  const auto params = rest.substr(0, question);
  if (!params.empty() && (params.front() != ';' || !are_uri_parameters(params))) return std::unexpected(kBadUri);
  uri.params = Params(params);
  if (question != std::string_view::npos) {
    uri.headers = rest.substr(question + 1);
    if (!are_uri_headers(uri.headers)) return std::unexpected(kBadUri);
  }
  return uri;
}

std::string unescape(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size(); ++at) {
    const int byte = chars::escape_at(text, at);
    out += byte < 0 ? text[at] : static_cast<char>(byte);
    if (byte >= 0) at += 2;
  }
  return out;
}

std::string escape_user(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    if (chars::is(c, chars::kUser) && c != '#') {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += '%';
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    }
  }
  return out;
}

void canonical_aor(const Uri& uri, std::string& out) {
  out.clear();
  if (!uri.is_sip()) {
    out.append(uri.text);
    return;
  }
  for (std::size_t at = 0; at < uri.user.size(); ++at) {
    const int byte = chars::escape_at(uri.user, at);
    out += byte < 0 ? uri.user[at] : static_cast<char>(byte);
    if (byte >= 0) at += 2;
  }
  if (!uri.user.empty()) out += '@';
  for (const char c : uri.host) out += chars::lower(c);
}

}  // namespace lamplighter::sip
