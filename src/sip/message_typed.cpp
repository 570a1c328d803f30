#include "sip/headers.h"
#include "sip/message.h"
#include "sip/scan.h"

namespace lamplighter::sip {

bool Message::read_uri(Uri& out) const { return !sip::read_uri(request_uri(), out); }

bool Message::read_via(Via& out) const {
  auto rest = header(HeaderId::kVia);
  return sip::read_via(next_list_item(rest), out);
}

bool Message::read_from(NameAddr& out) const { return !read_name_addr(header(HeaderId::kFrom), out); }

bool Message::read_to(NameAddr& out) const { return !read_name_addr(header(HeaderId::kTo), out); }

bool Message::read_contact(NameAddr& out) const {
  auto rest = header(HeaderId::kContact);
  return !read_name_addr(next_list_item(rest), out);
}

bool Message::read_cseq(CSeq& out) const {
  const auto read = parse_cseq(header(HeaderId::kCSeq));
  if (read) out = *read;
  return read.has_value();
}

}  // namespace lamplighter::sip
