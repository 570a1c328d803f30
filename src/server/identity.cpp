#include "server/identity.h"

#include <fmt/format.h>

#include <iterator>

#include "base/random.h"

namespace lamplighter::server {

Identity::Identity(std::uint8_t worker) : worker_(worker), start_(secret_u64() >> 16), scramble_(secret_u64() | 1) {}

void Identity::append_token(std::string& out) {
  // Multiplying by an odd number is a bijection: tokens never repeat, and do not look like a count.
  fmt::format_to(std::back_inserter(out), "{:016x}", next_number() * scramble_);
}

}  // namespace lamplighter::server
