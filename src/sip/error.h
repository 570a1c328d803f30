#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace lamplighter::sip {

/// Why bytes were refused: the status a server answers with, a reason phrase naming the header, and where.
struct SipError {
  /// 400, 413, 416, 420, 505 …: what to answer if the message was a request.
  int status = 400;
  /// Fit for a status line: "Bad Via header". Points to static storage.
  std::string_view reason = "Bad Request";
  /// Byte offset into the parsed text, where known.
  std::size_t offset = 0;

  friend bool operator==(const SipError&, const SipError&) = default;
};

}  // namespace lamplighter::sip
