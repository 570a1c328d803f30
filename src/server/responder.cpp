#include "server/responder.h"

#include <utility>

#include "base/random.h"
#include "base/text.h"
#include "sip/headers.h"
#include "sip/writer.h"

namespace lamplighter::server {
namespace {

// What is the same in every copy of a request, and in its CANCEL: RFC 3261 §9.2 wants one tag for both, so of the CSeq
// the number counts and the method does not.
std::uint64_t tag_for(const sip::Message& request, const SipHash::Key& key) {
  using sip::HeaderId;
  const auto* from = request.from();
  const auto* via = request.top_via();
  const auto cseq = sip::trim(request.header(HeaderId::kCSeq));
  return SipHash(key)
      .add(request.header(HeaderId::kCallId))
      .add(from ? from->tag() : std::string_view{})
      .add(cseq.substr(0, cseq.find_first_not_of("0123456789")))
      .add(via ? via->branch() : std::string_view{})
      .finish()
      .low;
}

}  // namespace

Responder::Responder(transaction::Table& table, std::string server_name)
    : table_(table), server_name_(std::move(server_name)), tag_key_{secret_u64(), secret_u64()} {}

/// All of a response but its end, into the buffer.
sip::Writer Responder::begin(const sip::Message& request, const Flow& flow, int status, std::string_view reason) {
  if (reason.empty()) reason = sip::reason_phrase(status);
  tag_.clear();
  if (status > 100) append_hex(tag_, tag_for(request, tag_key_), 16);  // §8.2.6.2: a 100 needs none
  auto response = sip::begin_response(buffer_, request, status, reason, tag_, flow.remote);
  if (!server_name_.empty()) response.header("Server", server_name_);
  return response;
}

void Responder::reply(transaction::ServerId id, const sip::Message& request, const Flow& flow, int status,
                      std::string_view reason, std::string_view headers, TimePoint now) {
  begin(request, flow, status, reason).raw(headers).no_body();
  table_.respond(id, status, buffer_, now);
}

void Responder::refuse(Sender& sender, const sip::Message& request, const Flow& flow, const Flow& back, int status,
                       std::string_view headers) {
  begin(request, flow, status, {}).raw(headers).no_body();
  sender.send(back, buffer_);
}

std::string Responder::head_of(const sip::Message& request, const Flow& flow) {
  begin(request, flow, 200, {});
  return buffer_.substr(buffer_.find('\n') + 1);  // without the status line
}

void Responder::reply(transaction::ServerId id, std::string_view head, int status, std::string_view reason,
                      std::string_view headers, TimePoint now) {
  if (reason.empty()) reason = sip::reason_phrase(status);
  sip::Writer(buffer_).status_line(status, reason).raw(head).raw(headers).no_body();
  table_.respond(id, status, buffer_, now);
}

}  // namespace lamplighter::server
