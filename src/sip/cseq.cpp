#include "sip/chars.h"
#include "sip/fault.h"
#include "sip/headers.h"

namespace lamplighter::sip {

std::expected<CSeq, SipError> parse_cseq(std::string_view value) {
  constexpr std::uint64_t kLimit = std::uint64_t{1} << 31;
  const auto bad = [] { return std::unexpected(header_fault(Fault::kBad, HeaderId::kCSeq)); };
  auto rest = trim(value);
  std::uint64_t number = 0;
  std::size_t digits = 0;
  for (; digits < rest.size() && chars::is_digit(rest[digits]); ++digits) {
    number = number * 10 + static_cast<unsigned>(rest[digits] - '0');
    if (number >= kLimit) return bad();
  }
  rest.remove_prefix(digits);
  if (digits == 0 || rest.empty() || !chars::is_blank(rest.front())) return bad();
  chars::skip_blanks(rest);
  const auto method = chars::take(rest, chars::kToken);
  if (method.empty() || !rest.empty()) return bad();
  return CSeq{static_cast<std::uint32_t>(number), method_from(method), method};
}

}  // namespace lamplighter::sip
