#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

// The server's side of SIP over WebSocket (RFC 6455, RFC 7118): pure functions and machines from bytes to bytes.
namespace lamplighter::transport {

/// The HTTP request that a WebSocket starts with.
class WebSocketUpgrade {
 public:
  /// `origins`: web sites, besides the one of the server's own name, whose pages may connect; "*" stands for all.
  /// Without this, any page that a phone's user looks at could speak SIP from a network that is trusted.
  explicit WebSocketUpgrade(const std::vector<std::string>* origins) : origins_(origins) {}

  struct Answer {
    std::string bytes;   ///< to be sent
    bool good = false;   ///< false: and then closed
    std::string reason;  ///< !good: for the log
    std::string rest;    ///< what the peer sent after the request: frames
  };
  /// Takes what has come; nothing until the request is whole.
  std::optional<Answer> take(std::string_view bytes);

 private:
  const std::vector<std::string>* origins_;
  std::string head_;
};

/// What a peer's frames say.
struct WebSocketEvent {
  enum class Kind : std::uint8_t { kMessage, kPing, kPong, kClose };
  Kind kind;
  std::string_view bytes;  ///< until the next call
};

/// Why a connection must be closed (RFC 6455 §7.4.1).
struct WebSocketFault {
  std::uint16_t code;
  std::string_view what;
};

/// Takes frames apart: unmasks, puts fragments together, keeps limits. Usage as StreamFramer's.
class WebSocketFramer {
 public:
  explicit WebSocketFramer(std::size_t limit) : limit_(limit) {}

  /// The bytes are unmasked where they stand.
  void feed(std::span<char> bytes);
  std::expected<std::optional<WebSocketEvent>, WebSocketFault> next();
  /// Whether part of a message is waiting for the rest.
  bool unfinished() const { return !kept_.empty() || assembling_; }

 private:
  std::expected<std::optional<WebSocketEvent>, WebSocketFault> data_frame(bool first, bool last,
                                                                          std::string_view payload);
  void keep_rest();

  std::size_t limit_;
  std::string kept_;       ///< of a frame that is not complete
  std::string assembled_;  ///< fragments of a message
  std::span<char> in_;     ///< what is being taken apart: kept_ or the piece that was fed
  std::size_t at_ = 0;
  bool assembling_ = false;
};

enum class WebSocketOpcode : std::uint8_t { kText = 1, kBinary = 2, kClose = 8, kPing = 9, kPong = 10 };

/// Appends a frame as a server writes it: whole and unmasked.
void append_frame(std::string& out, WebSocketOpcode opcode, std::string_view payload);
/// The same for a close frame with its code.
void append_close_frame(std::string& out, std::uint16_t code);

}  // namespace lamplighter::transport
