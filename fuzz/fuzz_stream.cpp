#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "sip/stream_framer.h"

// Any bytes as a stream. The first one says how it is cut: however that is, the same messages come out, and each is the
// one that the parser sees.

using namespace lamplighter;

namespace {

void check(bool holds) {
  if (!holds) std::abort();
}

std::vector<std::string> take_apart(std::string_view bytes, std::size_t step) {
  sip::StreamFramer framer({.start_line = 64, .head = 512, .body = 256});
  std::vector<std::string> out;
  while (!bytes.empty()) {
    const auto size = std::min(step, bytes.size());
    framer.feed(bytes.substr(0, size));
    bytes.remove_prefix(size);
    for (;;) {
      const auto frame = framer.next();
      if (!frame) {
        out.emplace_back(frame.error());
        return out;
      }
      if (!*frame) break;
      out.emplace_back((*frame)->bytes);
      check(out.back().size() <= 512 + 256);
    }
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto whole = take_apart(bytes, size);
  check(take_apart(bytes, std::size_t{1} + data[0]) == whole);
  for (const auto& frame : whole) {
    sip::Message message;
    if (message.parse(frame, sip::Message::Framing::kStream)) check(message.bytes().size() == frame.size());
  }
  return 0;
}
