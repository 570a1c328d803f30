#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "lamp/x_buttons.h"

// Whatever a phone sends as application/x-buttons: never a crash; and what was understood means the same after it was
// written and read again.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lamplighter::lamp;
  const auto decoded = decode_x_buttons(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!decoded) {
    if (decoded.error().line == 0 || decoded.error().what.empty()) std::abort();
    return 0;
  }
  std::string encoded;
  encode_x_buttons(encoded, decoded->data(), decoded->size());
  // The document may grow a little when written in full: "k=1" becomes "k=1 c=off".
  const XButtonsLimits roomy{.bytes = encoded.size()};
  const auto again = decode_x_buttons(encoded, roomy);
  if (!again || *again != *decoded) std::abort();
  return 0;
}
