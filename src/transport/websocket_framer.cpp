#include <array>
#include <cstring>

#include "transport/websocket.h"

// RFC 6455 §5: frames.
namespace lamplighter::transport {
namespace {

constexpr std::uint16_t kProtocolError = 1002;
constexpr std::uint16_t kTooBig = 1009;
constexpr std::size_t kMaxControl = 125;

constexpr std::uint8_t kContinuation = 0;

struct Header {
  std::uint8_t opcode = 0;
  bool last = false;
  std::size_t size = 0;  ///< of the header itself
  std::uint64_t payload = 0;
  std::array<char, 4> mask{};
};

std::uint8_t byte_at(std::span<const char> bytes, std::size_t at) { return static_cast<std::uint8_t>(bytes[at]); }

/// Nothing: the header is not complete yet.
std::expected<std::optional<Header>, WebSocketFault> read_header(std::span<const char> bytes) {
  if (bytes.size() < 2) return std::nullopt;
  Header out;
  const auto first = byte_at(bytes, 0);
  const auto second = byte_at(bytes, 1);
  out.last = (first & 0x80) != 0;
  out.opcode = first & 0x0f;
  if ((first & 0x70) != 0) return std::unexpected(WebSocketFault{kProtocolError, "extension that was not agreed on"});
  if ((second & 0x80) == 0) return std::unexpected(WebSocketFault{kProtocolError, "frame without a mask"});
  const bool control = out.opcode >= 8;
  if (out.opcode > (control ? 10 : 2)) return std::unexpected(WebSocketFault{kProtocolError, "unknown kind of frame"});
  out.payload = second & 0x7f;
  if (control && (!out.last || out.payload > kMaxControl)) {
    return std::unexpected(WebSocketFault{kProtocolError, "control frame too large or in fragments"});
  }
  const std::size_t wide = out.payload == 126 ? 2 : out.payload == 127 ? 8 : 0;
  out.size = 2 + wide + out.mask.size();
  if (bytes.size() < out.size) return std::nullopt;
  if (wide != 0) {
    out.payload = 0;
    for (std::size_t i = 0; i < wide; ++i) out.payload = out.payload << 8 | byte_at(bytes, 2 + i);
  }
  std::memcpy(out.mask.data(), &bytes[2 + wide], out.mask.size());
  return out;
}

}  // namespace

void WebSocketFramer::feed(std::span<char> bytes) {
  if (kept_.empty()) {
    in_ = bytes;
  } else {
    kept_.append(bytes.data(), bytes.size());
    in_ = kept_;
  }
}

void WebSocketFramer::keep_rest() {
  if (at_ == in_.size()) {
    if (!kept_.empty()) kept_ = std::string();
  } else if (in_.data() == kept_.data()) {
    kept_.erase(0, at_);
  } else {
    kept_.assign(in_.data() + at_, in_.size() - at_);
  }
  in_ = {};
  at_ = 0;
}

std::expected<std::optional<WebSocketEvent>, WebSocketFault> WebSocketFramer::next() {
  using Kind = WebSocketEvent::Kind;
  if (!assembling_ && !assembled_.empty()) assembled_ = std::string();  // handed out by the call before
  for (;;) {
    const auto rest = in_.subspan(at_);
    const auto header = read_header(rest);
    if (!header) return std::unexpected(header.error());
    if (*header && (*header)->payload > limit_ - assembled_.size()) {
      return std::unexpected(WebSocketFault{kTooBig, "message too large"});
    }
    if (!*header || rest.size() - (*header)->size < (*header)->payload) {
      keep_rest();
      return std::nullopt;
    }
    const auto& frame = **header;
    const auto payload = rest.subspan(frame.size, frame.payload);
    for (std::size_t i = 0; i < payload.size(); ++i) payload[i] = static_cast<char>(payload[i] ^ frame.mask[i % 4]);
    at_ += frame.size + payload.size();
    const std::string_view text(payload.data(), payload.size());
    switch (frame.opcode) {
      case static_cast<std::uint8_t>(WebSocketOpcode::kClose): return WebSocketEvent{Kind::kClose, text};
      case static_cast<std::uint8_t>(WebSocketOpcode::kPing): return WebSocketEvent{Kind::kPing, text};
      case static_cast<std::uint8_t>(WebSocketOpcode::kPong): return WebSocketEvent{Kind::kPong, text};
      default: break;
    }
    auto whole = data_frame(frame.opcode != kContinuation, frame.last, text);
    if (!whole || *whole) return whole;
  }
}

std::expected<std::optional<WebSocketEvent>, WebSocketFault> WebSocketFramer::data_frame(bool first, bool last,
                                                                                         std::string_view payload) {
  if (first == assembling_) return std::unexpected(WebSocketFault{kProtocolError, "fragments out of order"});
  if (first && last) return WebSocketEvent{WebSocketEvent::Kind::kMessage, payload};
  assembled_ += payload;
  assembling_ = !last;
  if (!last) return std::nullopt;
  return WebSocketEvent{WebSocketEvent::Kind::kMessage, assembled_};
}

void append_frame(std::string& out, WebSocketOpcode opcode, std::string_view payload) {
  out += static_cast<char>(0x80 | static_cast<std::uint8_t>(opcode));
  const auto size = payload.size();
  if (size < 126) {
    out += static_cast<char>(size);
  } else {
    const bool wide = size > 0xffff;
    out += static_cast<char>(wide ? 127 : 126);
    for (int shift = wide ? 56 : 8; shift >= 0; shift -= 8) out += static_cast<char>(size >> shift & 0xff);
  }
  out += payload;
}

void append_close_frame(std::string& out, std::uint16_t code) {
  const std::array<char, 2> payload{static_cast<char>(code >> 8), static_cast<char>(code & 0xff)};
  append_frame(out, WebSocketOpcode::kClose, {payload.data(), payload.size()});
}

}  // namespace lamplighter::transport
