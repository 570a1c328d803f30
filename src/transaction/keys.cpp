#include "transaction/keys.h"

#include "sip/headers.h"

namespace lamplighter::transaction {
namespace {

using sip::HeaderId;

/// The tag, or the whole value where it cannot be read.
std::string_view tag_of(const sip::Message& message, HeaderId id, const sip::NameAddr* read) {
  return read ? read->tag() : message.header(id);
}

// The first thing in each key: no two kinds are ever the same.
enum class Kind : std::uint64_t { kServer = 1, kServer2543, kClient };

SipHash begin(Kind kind, const Secret& secret) {
  SipHash hash(secret);
  hash.add(static_cast<std::uint64_t>(kind));
  return hash;
}

/// RFC 3261 §17.2.3, second list. The request-URI is compared as text: a retransmission and an ACK repeat it, and a key
/// that hashes cannot be "equivalent" only. Host names and tokens compare without case (§7.3.1).
ServerKey make_2543_key(const sip::Message& request, const sip::Via* via, std::string_view method,
                        const Secret& secret) {
  auto hash = begin(Kind::kServer2543, secret);
  hash.add(method).add(request.request_uri()).add(tag_of(request, HeaderId::kFrom, request.from()));
  hash.add(request.header(HeaderId::kCallId));
  if (const auto* cseq = request.cseq()) {
    hash.add(std::uint64_t{cseq->number});
  } else {
    hash.add(request.header(HeaderId::kCSeq));
  }
  if (via) {
    hash.add_folded(via->transport).add_folded(via->host).add(std::uint64_t{via->port}).add_folded(via->branch());
  } else {
    hash.add(request.header(HeaderId::kVia));
  }
  auto whole = hash;
  whole.add(tag_of(request, HeaderId::kTo, request.to()));
  return {.whole = whole.finish(), .base = hash.finish(), .rfc2543 = true};
}

/// The value of the first Via line of a request of our own making; empty when there is none.
std::string_view first_via_value(std::string_view request) {
  auto at = request.find("\r\n");
  while (at != std::string_view::npos) {
    at += 2;
    const auto end = request.find("\r\n", at);
    const auto line = request.substr(at, end == std::string_view::npos ? end : end - at);
    if (line.empty()) return {};
    const auto colon = line.find(':');
    if (colon != std::string_view::npos) {
      const auto name = sip::trim(line.substr(0, colon));
      if (sip::iequals(name, "Via") || sip::iequals(name, "v")) return sip::trim(line.substr(colon + 1));
    }
    at = end;
  }
  return {};
}

std::optional<Digest128> key_of_branch(std::string_view branch, std::string_view method, const Secret& secret) {
  if (branch.empty() || method.empty()) return std::nullopt;
  // Exactly: these branches are ours, and may count in upper and lower case.
  return begin(Kind::kClient, secret).add(branch).add(method).finish();
}

}  // namespace

ServerKey server_key(const sip::Message& request, std::string_view method, const Secret& secret) {
  const auto* via = request.top_via();
  if (!via || !via->is_rfc3261()) return make_2543_key(request, via, method, secret);
  const auto key = begin(Kind::kServer, secret)
                       .add_folded(via->branch())
                       .add_folded(via->host)
                       .add(std::uint64_t{via->port})
                       .add(method)
                       .finish();
  return {.whole = key, .base = key};
}

std::optional<Digest128> client_key(const sip::Message& response, const Secret& secret) {
  const auto* via = response.top_via();
  const auto* cseq = response.cseq();
  if (!via || !cseq) return std::nullopt;
  return key_of_branch(via->branch(), cseq->method_name, secret);
}

std::optional<Digest128> client_key(std::string_view request, std::string_view method, const Secret& secret) {
  auto list = first_via_value(request);
  const auto via = sip::parse_via(sip::next_list_item(list));
  if (!via) return std::nullopt;
  return key_of_branch(via->branch(), method, secret);
}

std::string_view to_tag_of(const sip::Message& message) {
  const auto* to = message.to();
  return to ? to->tag() : std::string_view{};
}

std::uint64_t connection_hash(const Flow& flow) {
  auto mixed = (static_cast<std::uint64_t>(flow.connection) << 32 | flow.generation) ^ flow.worker;
  mixed *= 0x9e3779b97f4a7c15;  // Fibonacci hashing; the high half is the well mixed one
  return mixed >> 32;
}

bool same_connection(const Flow& a, const Flow& b) {
  return a.connection == b.connection && a.generation == b.generation && a.worker == b.worker && a.kind == b.kind;
}

}  // namespace lamplighter::transaction
