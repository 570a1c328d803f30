#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "transport/tls_context.h"

namespace lamplighter::transport {

/// How far an attempt to read or write came.
struct Progress {
  enum class State : std::uint8_t {
    kDone,       ///< `bytes` were read or written; the handshake is over
    kWantRead,   ///< again when the socket can be read
    kWantWrite,  ///< again when it can be written
    kEnd,        ///< the peer has said that it sends no more
    kFailed,     ///< the connection is of no use any more
  };
  State state = State::kDone;
  std::size_t bytes = 0;
};

/// Bytes in and out of a connected socket that does not block: in clear text, or by TLS on the server's side. The
/// socket is somebody else's to close.
class Channel {
 public:
  explicit Channel(int socket, SslPointer ssl = nullptr) : socket_(socket), ssl_(std::move(ssl)) {}

  bool is_tls() const { return ssl_ != nullptr; }
  /// TLS: to be repeated until it is done, before anything else.
  Progress handshake();
  Progress read(std::span<char> into);
  Progress write(std::string_view bytes);
  /// Tells the peer that nothing more comes.
  void end();
  /// Why the latest attempt failed, for the log.
  std::string error() const;

 private:
  Progress verdict(int result);

  int socket_;
  int error_ = 0;  ///< errno
  SslPointer ssl_;
  std::string tls_error_;
};

}  // namespace lamplighter::transport
