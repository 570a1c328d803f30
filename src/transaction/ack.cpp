#include "transaction/ack.h"

#include "sip/headers.h"
#include "sip/writer.h"

namespace lamplighter::transaction {
namespace {

using sip::HeaderId;

/// `to` is the message whose To header is used.
sip::Writer begin(const sip::Message& invite, std::string_view method, const sip::Message& to, std::string& out) {
  sip::Writer writer(out);
  writer.request_line(method, invite.request_uri());
  auto vias = invite.header(HeaderId::kVia);
  writer.header("Via", sip::next_list_item(vias));  // §17.1.1.3: a single Via, the topmost
  writer.header("Max-Forwards", 70);
  writer.copy_all(invite, HeaderId::kRoute);
  writer.copy_all(invite, HeaderId::kFrom).copy_all(to, HeaderId::kTo).copy_all(invite, HeaderId::kCallId);
  const auto cseq = invite.header(HeaderId::kCSeq);
  writer.raw("CSeq: ").raw(cseq.substr(0, cseq.find_first_not_of("0123456789"))).raw(" ").raw(method).raw("\r\n");
  return writer;
}

}  // namespace

void build_ack(const sip::Message& invite, const sip::Message& response, std::string& out) {
  begin(invite, "ACK", response, out).no_body();
}

void build_cancel(const sip::Message& invite, std::string_view headers, std::string& out) {
  begin(invite, "CANCEL", invite, out).raw(headers).no_body();
}

}  // namespace lamplighter::transaction
