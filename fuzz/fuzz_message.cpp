#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "sip/digest.h"
#include "sip/headers.h"
#include "sip/message.h"
#include "sip/writer.h"

// Any bytes as a message, in both framings: all that a server does with it until it knows whom it is from.

using namespace lamplighter;

namespace {

void check(bool holds) {
  if (!holds) std::abort();
}

void read_headers(const sip::Message& message) {
  for (const auto& field : message.headers()) {
    const auto value = message.value(field);
    check(message.line(field).ends_with("\r\n"));
    check(sip::trim(value) == value);
    check(field.id == sip::HeaderId::kOther || message.find(field.id) != nullptr);
    (void)sip::parse_name_addr(value);
    (void)sip::parse_via(value);
    (void)sip::parse_cseq(value);
    (void)sip::parse_number(value);
    (void)sip::parse_qvalue(value);
    (void)sip::parse_digest_credentials(value);
    (void)sip::parse_digest_challenge(value);
    (void)sip::unquote(value);
    (void)sip::media_type(value);
  }
  for (const auto id : {sip::HeaderId::kVia, sip::HeaderId::kContact, sip::HeaderId::kRoute, sip::HeaderId::kRequire}) {
    sip::for_each_element(message, id, [](std::string_view element) {
      check(!element.empty());
      const auto address = sip::parse_name_addr(element);
      if (address) check(sip::parse_uri(address->uri_text).has_value());
      return true;
    });
    (void)sip::list_has(message, id, "path");
  }
  (void)message.top_via();
  (void)sip::max_forwards(message);
  (void)sip::expires(message);
}

// A valid request gets a valid response.
void respond(const sip::Message& request, bool valid) {
  static const auto source = SocketAddress::parse("192.0.2.7:5060").value();
  std::string out;
  sip::begin_response(out, request, 400, "Bad Request", "t", source).no_body();
  if (!valid || !request.is_request()) return;
  sip::Message response;
  check(response.parse(out).has_value());
  check(sip::validate(response).has_value());
  check(response.status() == 400);
  const auto* to = response.to();
  check(to && to->params.has("tag"));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  for (const auto framing : {sip::Message::Framing::kDatagram, sip::Message::Framing::kStream}) {
    sip::Message message;
    const auto parsed = message.parse(bytes, framing);
    check(message.bytes().size() <= size);
    read_headers(message);
    const bool valid = parsed && sip::validate(message);
    check(!valid || message.can_answer());
    respond(message, valid);
  }
  return 0;
}
