#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "transport/websocket.h"

// Any bytes as the start of a WebSocket and as its frames. The first one says how they are cut: however that is, the
// same comes out.

using namespace lamplighter::transport;

namespace {

void check(bool holds) {
  if (!holds) std::abort();
}

std::vector<std::string> take_apart(std::string_view bytes, std::size_t step) {
  WebSocketFramer framer(512);
  std::vector<std::string> out;
  while (!bytes.empty()) {
    const auto size = std::min(step, bytes.size());
    std::vector<char> piece(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
    bytes.remove_prefix(size);
    framer.feed(piece);
    for (;;) {
      const auto event = framer.next();
      if (!event) {
        out.emplace_back(event.error().what);
        return out;
      }
      if (!*event) break;
      check((*event)->bytes.size() <= 512);
      out.push_back(static_cast<char>((*event)->kind) + std::string((*event)->bytes));
    }
  }
  return out;
}

std::string upgrade(std::string_view bytes, std::size_t step) {
  static const std::vector<std::string> origins{"https://phone.example.com"};
  WebSocketUpgrade machine(&origins);
  std::string taken;
  while (!bytes.empty()) {
    const auto size = std::min(step, bytes.size());
    const auto answer = machine.take(bytes.substr(0, size));
    bytes.remove_prefix(size);
    if (!answer) continue;
    check(answer->good || !answer->reason.empty());
    check(answer->bytes.starts_with("HTTP/1.1 "));
    return answer->bytes + answer->rest + std::string(bytes);
  }
  return taken;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto step = std::size_t{1} + data[0];
  check(take_apart(bytes, step) == take_apart(bytes, size));
  const auto whole = upgrade(bytes, size);
  if (whole.starts_with("HTTP/1.1 101 ")) check(upgrade(bytes, step) == whole);
  return 0;
}
