#include "sip/chars.h"
#include "sip/fault.h"
#include "sip/headers.h"
#include "sip/host.h"

namespace lamplighter::sip {
namespace {

// SLASH = SWS "/" SWS
bool take_slash(std::string_view& rest) {
  chars::skip_blanks(rest);
  if (!rest.starts_with('/')) return false;
  rest.remove_prefix(1);
  chars::skip_blanks(rest);
  return true;
}

std::optional<Via> read(std::string_view element) {
  auto rest = trim(element);
  Via via;
  if (!iequals(chars::take(rest, chars::kToken), "SIP") || !take_slash(rest)) return std::nullopt;
  if (chars::take(rest, chars::kToken) != "2.0" || !take_slash(rest)) return std::nullopt;
  via.transport = chars::take(rest, chars::kToken);
  if (via.transport.empty() || rest.empty() || !chars::is_blank(rest.front())) return std::nullopt;
  chars::skip_blanks(rest);
  const auto sent_by = take_host_port(rest);
  if (!sent_by) return std::nullopt;
  via.sent_by = sent_by->text;
  via.host = sent_by->host;
  via.port = sent_by->port;
  chars::skip_blanks(rest);
  via.params = Params(rest);
  while (Params::next(rest)) {
  }
  if (!rest.empty()) return std::nullopt;
  return via;
}

}  // namespace

std::expected<Via, SipError> parse_via(std::string_view element) {
  if (const auto via = read(element)) return *via;
  return std::unexpected(header_fault(Fault::kBad, HeaderId::kVia));
}

}  // namespace lamplighter::sip
