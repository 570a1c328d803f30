#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string_view>

#include "sip/error.h"
#include "sip/header_id.h"
#include "sip/method.h"
#include "sip/typed_headers.h"
#include "sip/uri.h"

namespace lamplighter::sip {

/// One header as received: positions into the message's bytes. Folded lines stay folded inside `value`
/// (typed parsers treat CRLF+blank as white space, RFC 3261 §7.3.1).
struct HeaderField {
  std::uint32_t line;       ///< where the header's name starts
  std::uint32_t value;      ///< where the value starts, leading white space skipped
  std::uint32_t value_len;  ///< trailing white space not counted
  std::uint32_t end;        ///< past the header's last CRLF
  std::uint16_t name_len;
  HeaderId id;
};

/// A SIP message: a view over bytes that somebody else keeps alive. Indexed in one pass without allocation; values are
/// parsed when asked for. Reusable: parse() starts over. About 3.5 KB, so keep one per worker and pass references.
class Message {
 public:
  Message() { first_.fill(kNone); }

  static constexpr std::size_t kMaxHeaders = 128;
  static constexpr std::size_t kMaxHeaderLine = 8192;
  static constexpr std::size_t kMaxBody = 65536;
  static constexpr std::size_t kMaxUri = 1024;

  /// A datagram ends where its bytes end; on a stream Content-Length says where (RFC 3261 §18.3).
  enum class Framing : std::uint8_t { kDatagram, kStream };

  /// Indexes `bytes`. On error the message keeps what was read until then (start line and headers where possible), so
  /// that a 400 can be built from it: see can_answer(). Checks framing only; see validate() for the headers' contents.
  std::expected<void, SipError> parse(std::string_view bytes, Framing framing = Framing::kDatagram);

  bool is_request() const { return is_request_; }
  bool is_response() const { return !is_request_ && status_ != 0; }

  /// Requests.
  Method method() const { return method_; }
  std::string_view method_name() const { return slice(method_text_); }
  std::string_view request_uri() const { return slice(uri_); }
  /// "SIP/2.0" as it was written.
  std::string_view version() const { return slice(version_); }

  /// Responses.
  int status() const { return status_; }
  std::string_view reason() const { return slice(reason_); }

  std::span<const HeaderField> headers() const { return {fields_.data(), count_}; }
  std::string_view name(const HeaderField& field) const { return bytes_.substr(field.line, field.name_len); }
  std::string_view value(const HeaderField& field) const { return bytes_.substr(field.value, field.value_len); }
  /// The header's whole line(s), name to CRLF, byte for byte as received.
  std::string_view line(const HeaderField& field) const { return bytes_.substr(field.line, field.end - field.line); }

  /// First header with this id; nullptr when absent.
  const HeaderField* find(HeaderId id) const {
    const auto at = first_[static_cast<std::size_t>(id)];
    return at == kNone ? nullptr : &fields_[at];
  }
  /// First header with a name that has no id of its own (case ignored); nullptr when absent.
  const HeaderField* find(std::string_view name) const;
  /// Value of the first header with this id; empty when absent.
  std::string_view header(HeaderId id) const {
    const auto* field = find(id);
    return field ? value(*field) : std::string_view{};
  }
  bool has(HeaderId id) const { return find(id) != nullptr; }
  /// How many header lines have this id.
  std::size_t count(HeaderId id) const;

  // Read once, when first asked for, and good until the next parse(); nullptr when absent or malformed. Several rooms
  // look at the same few headers of every message.
  const Uri* uri() const { return once(typed_.uri, &Message::read_uri); }
  const Via* top_via() const { return once(typed_.via, &Message::read_via); }
  const NameAddr* from() const { return once(typed_.from, &Message::read_from); }
  const NameAddr* to() const { return once(typed_.to, &Message::read_to); }
  /// The first element of the first Contact header.
  const NameAddr* contact() const { return once(typed_.contact, &Message::read_contact); }
  const CSeq* cseq() const { return once(typed_.cseq, &Message::read_cseq); }

  std::string_view body() const { return slice(body_); }
  /// Everything from the start line to the end of the body (later bytes of a datagram are not part of it).
  std::string_view bytes() const { return bytes_; }

  /// Whether Via, From, To, Call-ID and CSeq were found, so that a response can be built (RFC 3261 §8.2.6).
  bool can_answer() const;

 private:
  struct Slice {
    std::uint32_t at = 0;
    std::uint32_t len = 0;
  };
  static constexpr std::uint8_t kNone = 0xff;

  std::string_view slice(Slice s) const { return bytes_.substr(s.at, s.len); }

  template <typename T>
  struct Once {
    enum class State : std::uint8_t { kUnread, kGood, kBad };
    State state = State::kUnread;
    T value;
  };
  struct Typed {
    Once<Uri> uri;
    Once<Via> via;
    Once<NameAddr> from, to, contact;
    Once<CSeq> cseq;
  };
  template <typename T>
  const T* once(Once<T>& slot, bool (Message::*read)(T&) const) const {
    using State = typename Once<T>::State;
    if (slot.state == State::kUnread) slot.state = (this->*read)(slot.value) ? State::kGood : State::kBad;
    return slot.state == State::kGood ? &slot.value : nullptr;
  }
  bool read_uri(Uri& out) const;
  bool read_via(Via& out) const;
  bool read_from(NameAddr& out) const;
  bool read_to(NameAddr& out) const;
  bool read_contact(NameAddr& out) const;
  bool read_cseq(CSeq& out) const;

  void reset(std::string_view bytes);
  std::optional<SipError> read_start_line(std::size_t& at);
  std::optional<SipError> read_request_line(std::string_view line);
  bool read_status_line(std::string_view line);
  std::optional<SipError> read_headers(std::size_t& at);
  std::optional<SipError> read_body(std::size_t at, Framing framing);
  void index(HeaderId id, std::string_view name, const char* value, const char* text_end, const char* next);

  std::string_view bytes_;
  Slice method_text_, uri_, version_, reason_, body_;
  std::uint16_t count_ = 0;
  std::int16_t status_ = 0;
  Method method_ = Method::kUnknown;
  bool is_request_ = false;
  mutable Typed typed_;
  std::array<std::uint8_t, static_cast<std::size_t>(HeaderId::kCount_)> first_;
  std::array<HeaderField, kMaxHeaders> fields_;
};

/// Looks into the headers every element relies on (RFC 3261 §8.1.1, §16.3 step 1): the mandatory ones are there once
/// and well formed, the request-URI can be read, CSeq's method matches, Content-Length fits the body, version is 2.0.
/// For responses: Via, From, To, Call-ID, CSeq are well formed and the status is 100–699.
std::expected<void, SipError> validate(const Message& message);

}  // namespace lamplighter::sip
