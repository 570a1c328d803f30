#include "sip/headers.h"
#include "sip/message.h"

namespace lamplighter::sip {
namespace {

template <typename T>
bool take(std::expected<T, SipError>&& read, T& out) {
  if (read) out = *read;
  return read.has_value();
}

}  // namespace

bool Message::read_uri(Uri& out) const { return take(parse_uri(request_uri()), out); }

bool Message::read_via(Via& out) const {
  auto rest = header(HeaderId::kVia);
  return take(parse_via(next_list_item(rest)), out);
}

bool Message::read_from(NameAddr& out) const { return take(parse_name_addr(header(HeaderId::kFrom)), out); }

bool Message::read_to(NameAddr& out) const { return take(parse_name_addr(header(HeaderId::kTo)), out); }

bool Message::read_cseq(CSeq& out) const { return take(parse_cseq(header(HeaderId::kCSeq)), out); }

}  // namespace lamplighter::sip
