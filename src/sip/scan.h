#pragma once

#include <string_view>

#include "sip/chars.h"
#include "sip/error.h"
#include "sip/params.h"
#include "sip/typed_headers.h"
#include "sip/uri.h"

// The parsers' inner parts, which fill what the caller has instead of returning it. For this room alone.
namespace lamplighter::sip {

/// Where a scan over parameters stands: see next_param().
enum class ParamScan : bool { kTaken, kOver };

/// As Params::next(), inside a loop: `at` moves to the end of the parameter. When it is over, `at` stands where it is:
/// at `end`, or at what is no parameter.
inline ParamScan next_param(const char*& at, const char* end, Params::Param& out) {
  const auto skip_blanks = [end](const char* p) {
    while (p < end && chars::is_blank(*p)) ++p;
    return p;
  };
  const auto skip_value = [end](const char* p) {
    while (p < end && chars::is(*p, chars::kParam)) ++p;
    return p;
  };
  const auto text = [](const char* from, const char* to) {
    return std::string_view(from, static_cast<std::size_t>(to - from));
  };
  const char* p = skip_blanks(at);
  if (p == end) at = p;
  if (p == end || *p != ';') return ParamScan::kOver;
  const char* const name = skip_blanks(p + 1);
  p = skip_value(name);
  if (p == name) return ParamScan::kOver;
  out = {text(name, p), {}, false};
  p = skip_blanks(p);
  if (p < end && *p == '=') {
    const char* const value = skip_blanks(p + 1);
    out.has_value = true;
    // "rport=" with nothing after it is seen in the field and harmless.
    if (value < end && *value == '"') {
      auto rest = text(value, end);
      out.value = chars::take_quoted(rest);
      if (out.value.empty()) return ParamScan::kOver;
      p = value + out.value.size();
    } else {
      p = skip_value(value);
      out.value = text(value, p);
    }
    p = skip_blanks(p);
  }
  if (p < end && *p != ';') return ParamScan::kOver;
  at = p;
  return ParamScan::kTaken;
}

/// Calls visit(param) for each; false when `text` is not parameters to its end.
template <typename F>
bool for_each_param(std::string_view text, F&& visit) {
  const char* at = text.data();
  const char* const end = at + text.size();
  Params::Param param;
  while (next_param(at, end, param) == ParamScan::kTaken) visit(param);
  return at == end;
}

/// Whether `name` is this lower case word, case ignored.
template <std::size_t N>
bool is_word(std::string_view name, const char (&word)[N]) {
  if (name.size() != N - 1) return false;
  for (std::size_t i = 0; i + 1 < N; ++i) {
    if (chars::lower(name[i]) != word[i]) return false;
  }
  return true;
}

/// parse_uri(), parse_name_addr() and parse_via() into `out`; nullptr when it is well.
const SipError* read_uri(std::string_view text, Uri& out);
const SipError* read_name_addr(std::string_view value, NameAddr& out);
bool read_via(std::string_view element, Via& out);

}  // namespace lamplighter::sip
