#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "sip/digest.h"
#include "sip/headers.h"
#include "sip/message.h"
#include "sip/writer.h"

// Round trips over random messages and URIs, and random bytes that must do no harm (under ASan: read nothing outside).
namespace lamplighter::sip {
namespace {

constexpr std::string_view kTokenChars = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.!%*_+`'~";

rc::Gen<std::string> text_of(std::string_view alphabet, bool may_be_empty = false) {
  const auto text = rc::gen::container<std::string>(rc::gen::elementOf(std::string(alphabet)));
  return may_be_empty ? text : rc::gen::nonEmpty(text);
}
rc::Gen<std::string> token() { return text_of(kTokenChars); }

/// Values as they stand in a header: no control characters, no blanks at the ends; some are folded.
rc::Gen<std::string> header_value() {
  const auto word = text_of("abcxyz019;,=<>\"\\@:/?\xc3\xa4");
  return rc::gen::map(rc::gen::pair(rc::gen::container<std::vector<std::string>>(word),
                                    rc::gen::element<std::string>(" ", "\t", "\r\n ", "  \r\n\t")),
                      [](const auto& parts) {
                        std::string out;
                        for (const auto& part : parts.first) out += (out.empty() ? "" : parts.second) + part;
                        return out;
                      });
}

/// Header names by chance and from the table, long and compact.
rc::Gen<std::string> header_name() {
  return rc::gen::suchThat(
      rc::gen::oneOf(token(), rc::gen::element<std::string>("Via", "v", "From", "f", "To", "t", "Call-ID", "i", "CSeq",
                                                            "Contact", "m", "X-Snom", "User-Agent", "Route")),
      [](const std::string& name) { return header_id_from(name) != HeaderId::kContentLength; });
}

RC_GTEST_PROP(RoundTrip, AWrittenMessageIsReadAsItWas, ()) {
  const auto method = *token();
  const auto uri = "sip:" + *text_of("abc019@.;=");
  const auto headers = *rc::gen::container<std::vector<std::pair<std::string, std::string>>>(
      rc::gen::pair(header_name(), header_value()));
  RC_PRE(headers.size() < Message::kMaxHeaders - 2);
  const auto body = *rc::gen::arbitrary<std::string>();

  std::string bytes;
  Writer writer(bytes);
  writer.request_line(method, uri);
  for (const auto& [name, value] : headers) writer.header(name, value);
  writer.body("text/plain", body);

  for (const auto framing : {Message::Framing::kDatagram, Message::Framing::kStream}) {
    Message m;
    RC_ASSERT(m.parse(bytes, framing).has_value());
    RC_ASSERT(m.is_request());
    RC_ASSERT(m.method_name() == method);
    RC_ASSERT(m.request_uri() == uri);
    RC_ASSERT(m.body() == body);
    RC_ASSERT(m.bytes() == bytes);
    RC_ASSERT(m.headers().size() == headers.size() + (body.empty() ? 1 : 2));
    std::string again;
    Writer copy(again);
    copy.request_line(m.method_name(), m.request_uri());
    for (std::size_t at = 0; at < m.headers().size(); ++at) {
      const auto& field = m.headers()[at];
      if (at < headers.size()) {
        RC_ASSERT(m.name(field) == headers[at].first);
        RC_ASSERT(m.value(field) == headers[at].second);
        RC_ASSERT(field.id == header_id_from(headers[at].first));
      }
      copy.copy(m, field);
    }
    copy.raw("\r\n").raw(m.body());
    RC_ASSERT(again == bytes);
  }
}

RC_GTEST_PROP(RoundTrip, AUriIsReadAsItWasWritten, ()) {
  const auto user = escape_user(*rc::gen::arbitrary<std::string>());
  const auto host = *rc::gen::oneOf(text_of("abcXYZ019-."), rc::gen::just<std::string>("[2001:db8::1]"));
  const auto port = *rc::gen::arbitrary<std::uint16_t>();
  auto params = *rc::gen::container<std::vector<std::pair<std::string, std::string>>>(
      rc::gen::pair(text_of("abcXYZ019-_.!~*'()"), text_of("abcXYZ019[]/:&+$", true)));
  params.resize(std::min(params.size(), std::size_t{3}));  // all of it has to fit Uri::kMaxSize

  std::string text = "sip:" + (user.empty() ? "" : user + "@") + host;
  if (port) text += ":" + std::to_string(port);
  for (const auto& [name, value] : params) text += ";" + name + (value.empty() ? "" : "=" + value);

  const auto uri = parse_uri(text);
  RC_ASSERT(uri.has_value());
  RC_ASSERT(uri->text == text);
  RC_ASSERT(uri->user == user);
  RC_ASSERT(uri->host == host);
  RC_ASSERT(uri->port == port);
  auto rest = uri->params.text();
  for (const auto& [name, value] : params) {
    const auto param = Params::next(rest);
    RC_ASSERT(param.has_value());
    RC_ASSERT(param->name == name);
    RC_ASSERT(param->value == value);
  }
  RC_ASSERT(rest.empty());

  const auto header = "\"x\" <" + text + ">;tag=t";
  const auto address = parse_name_addr(header);
  RC_ASSERT(address.has_value());
  RC_ASSERT(address->tag() == "t");
}

RC_GTEST_PROP(RoundTrip, AnEscapedUserIsItselfAgain, (const std::string& user)) {
  RC_ASSERT(unescape(escape_user(user)) == user);
}

RC_GTEST_PROP(RoundTrip, EquivalenceIsSymmetricAndHoldsForOneself, ()) {
  const auto atoms = rc::gen::nonEmpty(
      rc::gen::container<std::vector<std::string>>(rc::gen::element<std::string>("a", "A", "%41", "%61", ";", "%3b")));
  const auto any = rc::gen::map(
      rc::gen::tuple(atoms, text_of("aA."),
                     rc::gen::element<std::string>("", ";a=1", ";a=2", ";A=1;b", ";ttl=1", ";lr", "?a=1", "?a=1&a=1")),
      [](const auto& parts) {
        std::string text = "sip:";
        for (const auto& atom : std::get<0>(parts)) text += atom;
        return text + "@" + std::get<1>(parts) + std::get<2>(parts);
      });
  const auto text_a = *any;
  const auto text_b = *any;
  const auto a = parse_uri(text_a);
  const auto b = parse_uri(text_b);
  RC_ASSERT(a.has_value());
  RC_ASSERT(b.has_value());
  RC_ASSERT(equivalent(*a, *a));
  RC_ASSERT(equivalent(*a, *b) == equivalent(*b, *a));
}

RC_GTEST_PROP(RoundTrip, AListIsSplitWhereItWasJoined, ()) {
  const auto item = rc::gen::oneOf(token(), rc::gen::map(token(), [](const auto& t) { return "\"" + t + ",\\\"\""; }),
                                   rc::gen::map(token(), [](const auto& t) { return "<sip:" + t + ",>"; }));
  const auto items = *rc::gen::container<std::vector<std::string>>(item);
  std::string list;
  for (const auto& text : items) list += (list.empty() ? "" : " ,\r\n ") + text;
  std::string_view rest = list;
  for (const auto& text : items) RC_ASSERT(next_list_item(rest) == text);
  RC_ASSERT(next_list_item(rest).empty());
  RC_ASSERT(rest.empty());
}

/// Everything a server might do with a received message.
void use(std::string_view bytes) {
  const SocketAddress source = SocketAddress::parse("192.0.2.7:5060").value();
  Message m;
  std::string out;
  for (const auto framing : {Message::Framing::kDatagram, Message::Framing::kStream}) {
    const auto parsed = m.parse(bytes, framing);
    RC_ASSERT(parsed.has_value() || parsed.error().offset <= bytes.size());
    RC_ASSERT(m.body().size() <= bytes.size());
    (void)validate(m);
    for (const auto& field : m.headers()) {
      const auto value = m.value(field);
      RC_ASSERT(m.line(field).ends_with("\r\n"));
      (void)parse_name_addr(value);
      (void)parse_via(value);
      (void)parse_cseq(value);
      (void)parse_qvalue(value);
      (void)parse_digest_credentials(value);
      (void)parse_digest_challenge(value);
      (void)unquote(value);
    }
    begin_response(out, m, 400, "Bad Request", "t", source).no_body();
  }
}

RC_GTEST_PROP(Hostile, RandomBytesDoNoHarm, ()) {
  const auto bytes = *rc::gen::arbitrary<std::vector<char>>();
  // A block of exactly this size, so that ASan sees the first byte read past it.
  const auto block = std::make_unique<char[]>(bytes.size());
  std::copy(bytes.begin(), bytes.end(), block.get());
  use({block.get(), bytes.size()});
}

RC_GTEST_PROP(Hostile, DamagedMessagesDoNoHarm, ()) {
  std::string bytes =
      "\r\nINVITE sip:431@192.0.2.1;lr?a=b SIP/2.0\r\n"
      "Via: SIP/2.0/UDP [2001:db8::1]:3072;branch=z9hG4bK-1;rport, SIP/2.0/UDP b\r\n"
      "From: \"1\\\"01\" <sip:101@192.0.2.1>;tag=a\r\nTo: <sip:431@192.0.2.1>\r\n  ;x\r\n"
      "Call-ID: 1@192.0.2.7\r\nCSeq: 1 INVITE\r\nDate: Sat, 13 Nov 2010 23:29:00 GMT\r\n"
      "Authorization: Digest username=\"101\", realm=\"r\", nonce=\"n\", uri=\"sip:a\", response=\"0\"\r\n"
      "Content-Length: 4\r\n\r\nbody";
  const auto edits = *rc::gen::container<std::vector<std::pair<std::size_t, char>>>(
      rc::gen::pair(rc::gen::inRange<std::size_t>(0, bytes.size()),
                    rc::gen::oneOf(rc::gen::element('\r', '\n', ' ', '"', '<', '>', '\\', ';', ':', ',', '\0'),
                                   rc::gen::arbitrary<char>())));
  for (const auto& [at, c] : edits) bytes[at] = c;
  bytes.resize(*rc::gen::inRange<std::size_t>(0, bytes.size() + 1));
  const auto block = std::make_unique<char[]>(bytes.size());
  std::copy(bytes.begin(), bytes.end(), block.get());
  use({block.get(), bytes.size()});
}

// A response that this room builds from any readable request is one that it reads itself.
RC_GTEST_PROP(Hostile, ResponsesToValidRequestsAreValid, ()) {
  const auto via =
      *rc::gen::element<std::string>("SIP/2.0/UDP a;rport", "SIP / 2.0 / UDP [::1] : 5 ; rport=1 ; x=\"\\\"\"",
                                     "SIP/2.0/UDP 192.0.2.7, SIP/2.0/TCP b");
  const auto to = *rc::gen::element<std::string>("sip:a@b", "\"\\\"\" <sip:a@b>\r\n ;x", "A B <sip:a>;tag=1");
  const auto bytes = "OPTIONS sip:a SIP/2.0\r\nv: " + via + "\r\nt : " + to +
                     " \r\nFrom: <sip:c>;tag=2\r\nCall-ID: x\r\nCSeq: 1 OPTIONS\r\n\r\n";
  Message request;
  RC_ASSERT(request.parse(bytes).has_value());
  RC_ASSERT(validate(request).has_value());
  std::string out;
  begin_response(out, request, 200, "OK", "t", SocketAddress::parse("192.0.2.7:5060").value()).no_body();
  Message response;
  RC_ASSERT(response.parse(out).has_value());
  RC_ASSERT(validate(response).has_value());
  RC_ASSERT(parse_name_addr(response.header(HeaderId::kTo))->params.has("tag"));
}

}  // namespace
}  // namespace lamplighter::sip
