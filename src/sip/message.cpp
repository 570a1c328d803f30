#include "sip/message.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include "sip/chars.h"
#include "sip/fault.h"
#include "sip/headers.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace lamplighter::sip {
namespace {

/// The next CR or LF, or `end`.
const char* find_line_break(const char* at, const char* end) {
#if defined(__SSE2__)
  const auto cr = _mm_set1_epi8('\r');
  const auto lf = _mm_set1_epi8('\n');
  for (; end - at >= 16; at += 16) {
    const auto block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    const auto hits = _mm_or_si128(_mm_cmpeq_epi8(block, cr), _mm_cmpeq_epi8(block, lf));
    if (const int mask = _mm_movemask_epi8(hits)) return at + __builtin_ctz(static_cast<unsigned>(mask));
  }
#endif
  while (at < end && *at != '\r' && *at != '\n') ++at;
  return at;
}

/// The ':' in the next 16 bytes, where a header's name mostly ends; nullptr when there is none.
const char* find_near_colon(const char* at, const char* end) {
#if defined(__SSE2__)
  if (end - at < 16) return nullptr;
  const auto block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
  const int mask = _mm_movemask_epi8(_mm_cmpeq_epi8(block, _mm_set1_epi8(':')));
  return mask ? at + __builtin_ctz(static_cast<unsigned>(mask)) : nullptr;
#else
  const auto* found = std::memchr(at, ':', std::min<std::size_t>(16, static_cast<std::size_t>(end - at)));
  return static_cast<const char*>(found);
#endif
}

static_assert(Message::kMaxUri == Uri::kMaxSize);

bool is_crlf(const char* at, const char* end) { return end - at >= 2 && at[0] == '\r' && at[1] == '\n'; }

/// Where a line ends: `text_end` before its CRLF, `next` past it. Bare CRs and LFs are no line ends, and spoil the
/// line.
struct Line {
  const char* text_end;
  const char* next;
  bool clean = true;
  bool complete = true;  ///< false: the bytes ended first
};

Line find_line_end(const char* at, const char* end) {
  bool clean = true;
  for (;;) {
    at = find_line_break(at, end);
    if (at == end) return {at, at, clean, false};
    if (is_crlf(at, end)) return {at, at + 2, clean, true};
    clean = false;
    ++at;
  }
}

/// As find_line_end(), over all lines folded into one header (RFC 3261 §7.3.1).
Line find_header_end(const char* at, const char* end) {
  if (const char* p = find_line_break(at, end); end - p > 2 && p[0] == '\r' && p[1] == '\n' && p[2] > ' ') {
    return {p, p + 2};  // as nearly always: one line, and another header behind it
  }
  auto line = find_line_end(at, end);
  while (line.complete && line.next < end && (*line.next == ' ' || *line.next == '\t')) {
    const bool clean = line.clean;
    line = find_line_end(line.next, end);
    line.clean = line.clean && clean;
  }
  return line;
}

/// "SIP/" 1*DIGIT "." 1*DIGIT
bool is_version(std::string_view text) {
  if (text == "SIP/2.0") return true;
  if (text.size() < 7 || !iequals(text.substr(0, 4), "SIP/")) return false;
  text.remove_prefix(4);
  const auto dot = text.find('.');
  if (dot == 0 || dot == std::string_view::npos || dot + 1 == text.size()) return false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (at != dot && !chars::is_digit(text[at])) return false;
  }
  return true;
}

}  // namespace

void Message::reset(std::string_view bytes) {
  bytes_ = bytes;
  method_text_ = uri_ = version_ = reason_ = body_ = {};
  count_ = 0;
  status_ = 0;
  method_ = Method::kUnknown;
  is_request_ = false;
  typed_.uri.state = {};
  typed_.via.state = {};
  typed_.from.state = {};
  typed_.to.state = {};
  typed_.contact.state = {};
  typed_.cseq.state = {};
  first_.fill(kNone);
}

// Status-Line = SIP-Version SP Status-Code SP Reason-Phrase (§7.2). A missing last SP does no harm.
bool Message::read_status_line(std::string_view line) {
  const auto space = line.find(' ');
  if (space == std::string_view::npos || !is_version(line.substr(0, space))) return false;
  version_ = {0, static_cast<std::uint32_t>(space)};
  const auto rest = line.substr(space + 1);
  if (rest.size() < 3 || (rest.size() > 3 && rest[3] != ' ')) return false;
  int status = 0;
  for (std::size_t at = 0; at < 3; ++at) {
    if (!chars::is_digit(rest[at])) return false;
    status = status * 10 + (rest[at] - '0');
  }
  if (status < 100) return false;
  status_ = static_cast<std::int16_t>(status);
  if (rest.size() > 4) reason_ = {static_cast<std::uint32_t>(space + 5), static_cast<std::uint32_t>(rest.size() - 4)};
  return true;
}

// Request-Line = Method SP Request-URI SP SIP-Version (§7.1), with exactly one SP each.
std::optional<SipError> Message::read_request_line(std::string_view line) {
  constexpr SipError kBadLine{400, "Bad request line"};
  std::size_t at = 0;
  while (at < line.size() && chars::is(line[at], chars::kToken)) ++at;
  if (at == 0 || at == line.size() || line[at] != ' ') return kBadLine;
  // With a method it can be answered, whatever follows.
  is_request_ = true;
  method_text_ = {0, static_cast<std::uint32_t>(at)};
  method_ = method_from(line.substr(0, at));
  const auto uri_at = at + 1;
  const auto uri_end = line.find(' ', uri_at);
  if (uri_end == std::string_view::npos || uri_end == uri_at) return kBadLine;
  if (uri_end - uri_at > kMaxUri) return SipError{414, "Request-URI Too Long", uri_at};
  if (!is_version(line.substr(uri_end + 1))) return SipError{400, "Bad request line", uri_end};
  uri_ = {static_cast<std::uint32_t>(uri_at), static_cast<std::uint32_t>(uri_end - uri_at)};
  version_ = {static_cast<std::uint32_t>(uri_end + 1), static_cast<std::uint32_t>(line.size() - uri_end - 1)};
  return std::nullopt;
}

// Reads the start line; `at` becomes the first header's place.
std::optional<SipError> Message::read_start_line(std::size_t& at) {
  const char* const begin = bytes_.data();
  const auto line = find_line_end(begin, begin + bytes_.size());
  at = static_cast<std::size_t>(line.next - begin);
  const auto text = bytes_.substr(0, static_cast<std::size_t>(line.text_end - begin));
  if (!line.complete || !line.clean) return SipError{400, "Bad start line"};
  if (text.size() >= 4 && iequals(text.substr(0, 4), "SIP/")) {
    if (!read_status_line(text)) return SipError{400, "Bad status line"};
    return std::nullopt;
  }
  return read_request_line(text);
}

// Indexes headers until the empty line; `at` becomes the body's place. A bad line is left out and the reading goes on,
// so that the answer to it has its Via and its Call-ID.
std::optional<SipError> Message::read_headers(std::size_t& at) {
  std::optional<SipError> error;
  const char* const begin = bytes_.data();
  const char* const end = begin + bytes_.size();
  const char* p = begin + at;
  while (p < end) {
    if (is_crlf(p, end)) {
      at = static_cast<std::size_t>(p + 2 - begin);
      return error;
    }
    const auto offset = static_cast<std::size_t>(p - begin);
    const auto fail = [&](std::string_view reason) {
      if (!error) error = SipError{400, reason, offset};
    };
    const char* const name = p;
    std::size_t name_len = 0;
    bool named = false;
    auto id = HeaderId::kOther;
    // A name that is known needs no look at its characters.
    if (const char* colon = find_near_colon(p, end)) {
      name_len = static_cast<std::size_t>(colon - name);
      id = header_id_from({name, name_len});
      named = id != HeaderId::kOther;
      if (named) p = colon + 1;
    }
    if (!named) {
      while (p < end && chars::is(*p, chars::kToken)) ++p;
      name_len = static_cast<std::size_t>(p - name);
      id = header_id_from({name, name_len});
      // HCOLON = *( SP / HTAB ) ":" SWS
      while (p < end && (*p == ' ' || *p == '\t')) ++p;
      named = name_len > 0 && p < end && *p == ':';
      if (named) ++p;
    }
    const char* const value = p;
    const auto line = find_header_end(p, end);
    p = line.next;
    if (!line.complete) {
      fail("Message ends within its headers");
    } else if (!named) {
      fail("Bad header line");
    } else if (!line.clean) {
      fail("Bare CR or LF in a header");
    } else if (static_cast<std::size_t>(line.next - name) > kMaxHeaderLine) {
      fail("Header line too long");
    } else if (count_ == kMaxHeaders) {
      fail("Too many headers");
      at = bytes_.size();
      return error;
    } else {
      index(id, {name, name_len}, value, line.text_end, line.next);
    }
  }
  at = bytes_.size();
  if (!error) error = SipError{400, "Missing empty line after the headers", at};
  return error;
}

void Message::index(HeaderId id, std::string_view name, const char* value, const char* text_end, const char* next) {
  while (value < text_end && chars::is_blank(*value)) ++value;
  while (text_end > value && chars::is_blank(text_end[-1])) --text_end;
  const auto place = [this](const char* at) { return static_cast<std::uint32_t>(at - bytes_.data()); };
  fields_[count_] = {place(name.data()),
                     place(value),
                     static_cast<std::uint32_t>(text_end - value),
                     place(next),
                     static_cast<std::uint16_t>(name.size()),
                     id};
  auto& first = first_[static_cast<std::size_t>(id)];
  if (first == kNone) first = static_cast<std::uint8_t>(count_);
  ++count_;
}

// §18.3: Content-Length counts; without it a datagram's body goes on to its end, and a stream's cannot be known.
std::optional<SipError> Message::read_body(std::size_t at, Framing framing) {
  const auto available = bytes_.size() - at;
  auto size = available;
  std::optional<SipError> error;
  if (const auto* field = find(HeaderId::kContentLength)) {
    const auto length = parse_number(value(*field));
    if (!length) {
      error = header_fault(Fault::kBad, HeaderId::kContentLength, field->line);
    } else if (*length > kMaxBody) {
      error = SipError{413, "Request Entity Too Large", field->line};
    } else if (*length > available) {
      error = SipError{400, "Body shorter than Content-Length", field->line};
    } else {
      size = *length;
    }
  } else if (framing == Framing::kStream) {
    error = header_fault(Fault::kMissing, HeaderId::kContentLength, at);
    size = 0;
  }
  if (!error && size > kMaxBody) error = SipError{413, "Request Entity Too Large", at};
  body_ = {static_cast<std::uint32_t>(at), static_cast<std::uint32_t>(size)};
  bytes_ = bytes_.substr(0, at + size);
  return error;
}

std::expected<void, SipError> Message::parse(std::string_view bytes, Framing framing) {
  // Positions are 32 bits wide; no message within the other limits comes near this.
  constexpr std::size_t kMaxMessage = std::size_t{16} << 20;
  // §7.5: empty lines before the start line are ignored.
  std::size_t skipped = 0;
  while (bytes.substr(skipped).starts_with("\r\n")) skipped += 2;
  reset(bytes.substr(skipped));
  if (bytes_.empty()) return std::unexpected(SipError{400, "Empty message"});
  if (bytes_.size() > kMaxMessage) {
    reset({});
    return std::unexpected(SipError{413, "Request Entity Too Large"});
  }

  std::size_t at = 0;
  auto error = read_start_line(at);
  if (const auto found = read_headers(at); found && !error) error = found;
  if (const auto found = read_body(at, framing); found && !error) error = found;
  if (!error) return {};
  error->offset += skipped;
  return std::unexpected(*error);
}

const HeaderField* Message::find(std::string_view wanted) const {
  for (const auto& field : headers()) {
    if (iequals(name(field), wanted)) return &field;
  }
  return nullptr;
}

std::size_t Message::count(HeaderId id) const {
  std::size_t found = 0;
  for (const auto& field : headers()) found += field.id == id;
  return found;
}

bool Message::can_answer() const {
  return has(HeaderId::kVia) && has(HeaderId::kFrom) && has(HeaderId::kTo) && has(HeaderId::kCallId) &&
         has(HeaderId::kCSeq);
}

}  // namespace lamplighter::sip
