#include "transaction/keys.h"

#include <bit>
#include <charconv>
#include <cstring>

#include "sip/headers.h"

namespace lamplighter::transaction {
namespace {

using sip::HeaderId;

// Between parts. A peer that sends one inside a header can at most confuse its own transactions.
constexpr char kSeparator = '\0';

void append(std::string& out, std::string_view part) {
  out += part;
  out += kSeparator;
}

/// Host names and tokens compare without case (RFC 3261 §7.3.1).
void append_lower(std::string& out, std::string_view part) {
  for (const char c : part) out += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  out += kSeparator;
}

void append_number(std::string& out, std::uint32_t number) {
  char digits[10];
  const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
  append(out, {digits, static_cast<std::size_t>(end - digits)});
}

/// The tag, or the whole value where it cannot be read.
std::string_view tag_of(const sip::Message& message, HeaderId id) {
  const auto value = message.header(id);
  const auto parsed = sip::parse_name_addr(value);
  return parsed ? parsed->tag() : value;
}

/// RFC 3261 §17.2.3, second list. The request-URI is compared as text: a retransmission and an ACK repeat it, and a key
/// that hashes cannot be "equivalent" only.
ServerKey make_2543_key(const sip::Message& request, const sip::Via* via, std::string_view method, std::string& out) {
  append(out, "2543");  // no branch looks like this: the first part of other keys starts with the cookie
  append(out, method);
  append(out, request.request_uri());
  append(out, tag_of(request, HeaderId::kFrom));
  append(out, request.header(HeaderId::kCallId));
  if (const auto* cseq = request.cseq()) {
    append_number(out, cseq->number);
  } else {
    append(out, request.header(HeaderId::kCSeq));
  }
  if (via) {
    append_lower(out, via->transport);
    append_lower(out, via->host);
    append_number(out, via->port);
    append_lower(out, via->branch());
  } else {
    append(out, request.header(HeaderId::kVia));
  }
  const auto base_size = out.size();
  append(out, tag_of(request, HeaderId::kTo));
  return {.rfc2543 = true, .base_size = base_size};
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

bool write_client_key(std::string_view branch, std::string_view method, std::string& out) {
  out.clear();
  if (branch.empty() || method.empty()) return false;
  append(out, branch);  // exactly: these branches are ours, and may count in upper and lower case
  append(out, method);
  return true;
}

}  // namespace

ServerKey make_server_key(const sip::Message& request, std::string_view method, std::string& out) {
  out.clear();
  const auto* via = request.top_via();
  if (!via || !via->is_rfc3261()) return make_2543_key(request, via ? &*via : nullptr, method, out);
  append_lower(out, via->branch());
  append_lower(out, via->host);
  append_number(out, via->port);
  append(out, method);
  return {.rfc2543 = false, .base_size = out.size()};
}

bool make_client_key(const sip::Message& response, std::string& out) {
  out.clear();
  const auto* via = response.top_via();
  const auto* cseq = response.cseq();
  return via && cseq && write_client_key(via->branch(), cseq->method_name, out);
}

bool make_client_key(std::string_view request, std::string_view method, std::string& out) {
  out.clear();
  auto list = first_via_value(request);
  const auto via = sip::parse_via(sip::next_list_item(list));
  return via && write_client_key(via->branch(), method, out);
}

std::string_view to_tag_of(const sip::Message& message) {
  const auto* to = message.to();
  return to ? to->tag() : std::string_view{};
}

std::uint64_t keyed_hash(std::string_view text, std::uint64_t key) {
  std::uint64_t v0 = key ^ 0x736f6d6570736575;
  std::uint64_t v1 = std::rotl(key, 32) ^ 0x646f72616e646f6d;
  std::uint64_t v2 = key ^ 0x6c7967656e657261;
  std::uint64_t v3 = std::rotl(key, 32) ^ 0x7465646279746573;
  const auto round = [&] {
    v0 += v1;
    v1 = std::rotl(v1, 13) ^ v0;
    v0 = std::rotl(v0, 32);
    v2 += v3;
    v3 = std::rotl(v3, 16) ^ v2;
    v0 += v3;
    v3 = std::rotl(v3, 21) ^ v0;
    v2 += v1;
    v1 = std::rotl(v1, 17) ^ v2;
    v2 = std::rotl(v2, 32);
  };
  const auto absorb = [&](std::uint64_t word) {
    v3 ^= word;
    round();
    v0 ^= word;
  };
  std::size_t at = 0;
  for (; at + 8 <= text.size(); at += 8) {
    std::uint64_t word;
    std::memcpy(&word, text.data() + at, 8);
    absorb(word);
  }
  std::uint64_t last = static_cast<std::uint64_t>(text.size()) << 56;
  if (at < text.size()) {
    std::uint64_t tail = 0;
    std::memcpy(&tail, text.data() + at, text.size() - at);
    last |= tail;
  }
  absorb(last);
  v2 ^= 0xff;
  for (int i = 0; i < 3; ++i) round();
  return v0 ^ v1 ^ v2 ^ v3;
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
