#include <array>
#include <utility>

#include "sip/chars.h"
#include "sip/date.h"
#include "sip/fault.h"
#include "sip/headers.h"
#include "sip/message.h"
#include "sip/scan.h"

// What every element relies on (RFC 3261 §16.3 step 1), header by header.
namespace lamplighter::sip {
namespace {

using Result = std::expected<void, SipError>;

std::unexpected<SipError> fault(Fault kind, HeaderId id, std::size_t offset = 0) {
  return std::unexpected(header_fault(kind, id, offset));
}

constexpr std::uint64_t bit(HeaderId id) { return std::uint64_t{1} << static_cast<unsigned>(id); }
static_assert(static_cast<unsigned>(HeaderId::kCount_) <= 64);

constexpr std::array kMandatory{HeaderId::kVia, HeaderId::kFrom, HeaderId::kTo, HeaderId::kCallId, HeaderId::kCSeq};

// §7.3.1: only headers that are lists may stand in a message more than once.
constexpr std::uint64_t kSingle = bit(HeaderId::kCallId) | bit(HeaderId::kContentLength) | bit(HeaderId::kContentType) |
                                  bit(HeaderId::kCSeq) | bit(HeaderId::kDate) | bit(HeaderId::kEvent) |
                                  bit(HeaderId::kExpires) | bit(HeaderId::kFrom) | bit(HeaderId::kMaxForwards) |
                                  bit(HeaderId::kTo);

Result check_presence(const Message& message) {
  std::uint64_t seen = 0;
  for (const auto& field : message.headers()) {
    if (seen & kSingle & bit(field.id)) return fault(Fault::kRepeated, field.id, field.line);
    seen |= bit(field.id);
  }
  for (const auto id : kMandatory) {
    if (!(seen & bit(id))) return fault(Fault::kMissing, id);
  }
  return {};
}

Result check_vias(const Message& message) {
  for (const auto& field : message.headers()) {
    if (field.id != HeaderId::kVia) continue;
    auto rest = message.value(field);
    if (&field == message.find(HeaderId::kVia)) {
      (void)next_list_item(rest);
      if (!message.top_via()) return fault(Fault::kBad, HeaderId::kVia, field.line);
      if (rest.empty()) continue;
    }
    do {
      if (!parse_via(next_list_item(rest))) return fault(Fault::kBad, HeaderId::kVia, field.line);
    } while (!rest.empty());
  }
  return {};
}

Result check_cseq(const Message& message) {
  const auto& field = *message.find(HeaderId::kCSeq);
  const auto* cseq = message.cseq();
  if (!cseq) return fault(Fault::kBad, HeaderId::kCSeq, field.line);
  if (message.is_request() && cseq->method_name != message.method_name()) {
    return std::unexpected(SipError{400, "CSeq method does not match", field.line});
  }
  return {};
}

Result check_address(const Message& message, HeaderId id, const NameAddr* read) {
  if (!read) return fault(Fault::kBad, id, message.find(id)->line);
  return {};
}

// callid = word [ "@" word ]; words hold nearly everything, so look for what would split the header.
Result check_call_id(const Message& message) {
  const auto& field = *message.find(HeaderId::kCallId);
  const auto value = message.value(field);
  for (const char c : value) {
    if (!chars::is(c, chars::kVisible)) return fault(Fault::kBad, HeaderId::kCallId, field.line);
  }
  if (value.empty()) return fault(Fault::kBad, HeaderId::kCallId, field.line);
  return {};
}

Result check_request_uri(const Message& message) {
  const auto* uri = message.uri();
  if (!uri) return std::unexpected(SipError{400, "Bad Request-URI"});
  if (uri->scheme == Uri::Scheme::kOther) return std::unexpected(SipError{416, "Unsupported URI Scheme"});
  // §19.1.1: headers may not stand in a Request-URI.
  if (!uri->headers.empty()) return std::unexpected(SipError{400, "Headers in Request-URI"});
  return {};
}

/// Lists of addresses that the server acts on. "*" is for REGISTER only (§10.2.2).
Result check_address_list(const Message& message, HeaderId id) {
  if (!message.has(id)) return {};
  for (const auto& field : message.headers()) {
    if (field.id != id) continue;
    auto rest = message.value(field);
    bool read = id == HeaderId::kContact && &field == message.find(HeaderId::kContact) && message.contact();
    do {
      const auto element = next_list_item(rest);
      if (std::exchange(read, false)) continue;
      const bool star = element == "*" && id == HeaderId::kContact && message.method() == Method::kRegister;
      NameAddr address;
      if (!star && read_name_addr(element, address)) return fault(Fault::kBad, id, field.line);
    } while (!rest.empty());
  }
  return {};
}

Result check_optional(const Message& message) {
  if (const auto* field = message.find(HeaderId::kMaxForwards)) {
    if (!max_forwards(message)) return fault(Fault::kBad, HeaderId::kMaxForwards, field->line);
  }
  if (const auto* field = message.find(HeaderId::kContentLength)) {
    const auto length = parse_number(message.value(*field));
    if (!length || *length != message.body().size()) return fault(Fault::kBad, HeaderId::kContentLength, field->line);
  }
  if (const auto* field = message.find(HeaderId::kDate)) {
    if (!is_sip_date(message.value(*field))) return fault(Fault::kBad, HeaderId::kDate, field->line);
  }
  if (auto result = check_address_list(message, HeaderId::kContact); !result) return result;
  return check_address_list(message, HeaderId::kRoute);
}

Result check_common(const Message& message) {
  if (auto result = check_presence(message); !result) return result;
  if (auto result = check_vias(message); !result) return result;
  if (auto result = check_cseq(message); !result) return result;
  if (auto result = check_address(message, HeaderId::kFrom, message.from()); !result) return result;
  if (auto result = check_address(message, HeaderId::kTo, message.to()); !result) return result;
  return check_call_id(message);
}

}  // namespace

std::expected<void, SipError> validate(const Message& message) {
  // §21.5.6; before all else, because another version may well have other headers.
  if (message.version() != "SIP/2.0" && !iequals(message.version(), "SIP/2.0"))
    return std::unexpected(SipError{505, "Version Not Supported"});
  if (!message.is_request()) {
    if (message.status() < 100 || message.status() > 699) return std::unexpected(SipError{400, "Bad status code"});
    return check_common(message);
  }
  if (auto result = check_common(message); !result) return result;
  if (auto result = check_request_uri(message); !result) return result;
  return check_optional(message);
}

}  // namespace lamplighter::sip
