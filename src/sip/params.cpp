#include "sip/params.h"

#include "sip/chars.h"
#include "sip/headers.h"

namespace lamplighter::sip {

std::optional<std::string_view> Params::get(std::string_view name) const {
  auto rest = text_;
  while (const auto param = next(rest)) {
    if (iequals(param->name, name)) return param->value;
  }
  return std::nullopt;
}

std::optional<Params::Param> Params::next(std::string_view& rest) {
  auto at = rest;
  chars::skip_blanks(at);
  if (at.empty()) rest = at;
  if (!at.starts_with(';')) return std::nullopt;
  at.remove_prefix(1);
  chars::skip_blanks(at);
  Param param{chars::take(at, chars::kParam), {}, false};
  if (param.name.empty()) return std::nullopt;
  chars::skip_blanks(at);
  if (at.starts_with('=')) {
    at.remove_prefix(1);
    chars::skip_blanks(at);
    param.has_value = true;
    // "rport=" with nothing after it is seen in the field and harmless.
    if (at.starts_with('"')) {
      param.value = chars::take_quoted(at);
      if (param.value.empty()) return std::nullopt;
    } else {
      param.value = chars::take(at, chars::kParam);
    }
    chars::skip_blanks(at);
  }
  if (!at.empty() && !at.starts_with(';')) return std::nullopt;
  rest = at;
  return param;
}

}  // namespace lamplighter::sip
