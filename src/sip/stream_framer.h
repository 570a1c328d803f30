#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "sip/message.h"

namespace lamplighter::sip {

/// Something whole off a stream. `bytes` live until the next call of the framer.
struct Frame {
  enum class Kind : std::uint8_t {
    kMessage,  ///< from the start line to the end of the body
    kPing,     ///< CRLF CRLF between messages: the peer waits for one CRLF (RFC 5626 §4.4.1)
  };
  Kind kind;
  std::string_view bytes;
};

struct StreamLimits {
  std::size_t start_line = Message::kMaxHeaderLine;
  std::size_t head = 65536;  ///< start line and headers together
  std::size_t body = Message::kMaxBody;
};

/// Finds messages in a stream of bytes by their Content-Length (RFC 3261 §18.3), in pieces as the network gives them.
/// Pure: no I/O, no clock. Copies only what is left of a piece, so an idle stream holds no memory.
///
///   framer.feed(bytes);
///   for (;;) {
///     auto frame = framer.next();
///     if (!frame) { close, saying frame.error(); }
///     if (!*frame) break;  // until the next piece
///     …
///   }
class StreamFramer {
 public:
  explicit StreamFramer(const StreamLimits& limits = {}) : limits_(limits) {}

  /// The next piece. Whatever came before has been taken out: next() has returned nothing.
  void feed(std::string_view bytes);

  /// The next frame, or nothing until more is fed. After an error nothing can be known about what follows: it says
  /// why, for the log, and comes again at every call. A message whose length cannot be known (no Content-Length, a bad
  /// one, a body too large) comes first, its head alone, so that it can be answered; then the error.
  std::expected<std::optional<Frame>, std::string_view> next();

  /// Whether part of a message is waiting for the rest.
  bool unfinished() const { return !kept_.empty(); }

 private:
  using Error = std::optional<std::string_view>;

  bool skip_blanks();
  Error check_start_line(std::string_view rest);
  Error find_head_end(std::string_view rest);
  Error find_length(std::string_view head);
  void keep_rest();

  StreamLimits limits_;
  std::string kept_;       ///< of a message that is not complete
  std::string_view in_;    ///< what is being taken apart: kept_ or the piece that was fed
  std::size_t at_ = 0;     ///< the message in hand starts here in in_
  std::size_t seen_ = 0;   ///< so many of its bytes are known to hold no end of the head
  std::size_t head_ = 0;   ///< size of its head; 0: not known yet
  std::size_t whole_ = 0;  ///< size of it all
  Error broken_;
  bool line_checked_ = false;
  std::uint8_t blanks_ = 0;  ///< how much of CRLF CRLF has come
};

}  // namespace lamplighter::sip
