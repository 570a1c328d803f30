#include "sip/chars.h"
#include "sip/fault.h"
#include "sip/headers.h"
#include "sip/host.h"
#include "sip/scan.h"

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

}  // namespace

bool read_via(std::string_view element, Via& via) {
  auto rest = trim(element);
  via = {};
  // What nearly every Via starts with, in one comparison.
  constexpr std::string_view kUsual = "SIP/2.0/";
  if (rest.starts_with(kUsual)) {
    rest.remove_prefix(kUsual.size());
    chars::skip_blanks(rest);
  } else {
    if (!iequals(chars::take(rest, chars::kToken), "SIP") || !take_slash(rest)) return false;
    if (chars::take(rest, chars::kToken) != "2.0" || !take_slash(rest)) return false;
  }
  via.transport = chars::take(rest, chars::kToken);
  if (via.transport.empty() || rest.empty() || !chars::is_blank(rest.front())) return false;
  chars::skip_blanks(rest);
  const auto sent_by = take_host_port(rest);
  if (!sent_by) return false;
  via.sent_by = sent_by->text;
  via.host = sent_by->host;
  via.port = sent_by->port;
  chars::skip_blanks(rest);
  via.params = Params(rest);
  bool branch = false;
  return for_each_param(rest, [&](const Params::Param& param) {
    if (!branch && is_word(param.name, "branch")) {
      branch = true;
      via.branch_value = param.value;
    }
    via.rport |= is_word(param.name, "rport");
  });
}

std::expected<Via, SipError> parse_via(std::string_view element) {
  Via via;
  if (read_via(element, via)) return via;
  return std::unexpected(header_fault(Fault::kBad, HeaderId::kVia));
}

}  // namespace lamplighter::sip
