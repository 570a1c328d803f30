#include "sip/params.h"

#include "sip/headers.h"
#include "sip/scan.h"

namespace lamplighter::sip {

std::optional<std::string_view> Params::get(std::string_view name) const {
  const char* at = text_.data();
  const char* const end = at + text_.size();
  Param param;
  while (next_param(at, end, param) == ParamScan::kTaken) {
    if (iequals(param.name, name)) return param.value;
  }
  return std::nullopt;
}

std::optional<Params::Param> Params::next(std::string_view& rest) {
  const char* at = rest.data();
  const char* const end = at + rest.size();
  Param param;
  const auto scan = next_param(at, end, param);
  rest.remove_prefix(static_cast<std::size_t>(at - rest.data()));
  if (scan == ParamScan::kOver) return std::nullopt;
  return param;
}

}  // namespace lamplighter::sip
