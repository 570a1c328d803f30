#include "sip/uri.h"

#include <algorithm>
#include <optional>

#include "sip/chars.h"
#include "sip/headers.h"
#include "sip/host.h"
#include "sip/scan.h"

namespace lamplighter::sip {
namespace {

constexpr SipError kBadUri{400, "Bad URI"};
constexpr SipError kTooLong{400, "URI too long"};

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

/// Past the longest run of `wanted` and valid escapes.
const char* skip_escaped(const char* at, const char* end, chars::Class wanted) {
  for (;; at += 3) {
    while (at < end && chars::is(*at, wanted)) ++at;
    if (chars::escape_at({at, static_cast<std::size_t>(end - at)}, 0) < 0) return at;
  }
}

std::string_view between(const char* from, const char* to) { return {from, static_cast<std::size_t>(to - from)}; }

// `at` stands behind the scheme's colon, `end` at the '@'.
bool read_userinfo(const char* at, const char* end, Uri& uri) {
  const char* p = skip_escaped(at, end, chars::kUser);
  uri.user = between(at, p);
  if (uri.user.empty()) return false;
  if (p == end) return true;
  if (*p != ':') return false;
  uri.password = between(p + 1, end);
  return skip_escaped(p + 1, end, chars::kPassword) == end;
}

// ";name=value;name": paramchars and escapes only, no blanks, no quotes, nothing empty. Returns where that ends.
const char* skip_parameters(const char* at, const char* end) {
  while (at < end && *at == ';') {
    const char* p = skip_escaped(at + 1, end, chars::kUriParam);
    if (p == at + 1) return at;
    if (p < end && *p == '=') p = skip_escaped(p + 1, end, chars::kUriParam);
    at = p;
  }
  return at;
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

const SipError* read_uri(std::string_view text, Uri& uri) {
  if (text.size() > Uri::kMaxSize) return &kTooLong;
  uri = {};
  uri.text = text;
  std::size_t colon = 3;
  if (text.starts_with("sip:")) {
    uri.scheme = Uri::Scheme::kSip;
  } else {
    colon = text.find(':');
    if (colon == std::string_view::npos || !is_scheme(text.substr(0, colon))) return &kBadUri;
    uri.scheme = scheme_from(text.substr(0, colon));
  }
  uri.scheme_text = text.substr(0, colon);
  auto rest = text.substr(colon + 1);
  if (!uri.is_sip()) {
    const auto fits = [](char c) { return chars::is(c, chars::kVisible) && c != '<' && c != '>' && c != '"'; };
    if (rest.empty() || !std::ranges::all_of(rest, fits)) return &kBadUri;
    return nullptr;
  }

  // '@' has to be escaped everywhere else, while ';', '?' and ':' may stand in the userinfo: so it comes first.
  if (const auto at = rest.find('@'); at != std::string_view::npos) {
    if (!read_userinfo(rest.data(), rest.data() + at, uri)) return &kBadUri;
    rest.remove_prefix(at + 1);
  }
  const auto host_port = take_host_port(rest);
  if (!host_port) return &kBadUri;
  uri.host = host_port->host;
  uri.port = host_port->port;
  const bool plain = host_port->text.size() == uri.host.size();
  if (!plain && std::ranges::any_of(host_port->text, chars::is_blank)) return &kBadUri;
  if (rest.empty()) return nullptr;

  const char* const end = rest.data() + rest.size();
  const char* const question = skip_parameters(rest.data(), end);
  uri.params = Params(between(rest.data(), question));
  if (question == end) return nullptr;
  if (*question != '?') return &kBadUri;
  uri.headers = between(question + 1, end);
  return are_uri_headers(uri.headers) ? nullptr : &kBadUri;
}

std::expected<Uri, SipError> parse_uri(std::string_view text) {
  Uri uri;
  if (const auto* error = read_uri(text, uri)) return std::unexpected(*error);
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
  std::string out;
  append_escaped_user(out, text);
  return out;
}

void append_escaped_user(std::string& out, std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
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
