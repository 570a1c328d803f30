#include "server/identity.h"

#include "base/random.h"
#include "base/text.h"

namespace lamplighter::server {

Identity::Identity(std::uint8_t worker) : worker_(worker), start_(secret_u64() >> 16), scramble_(secret_u64() | 1) {}

void Identity::append_token(std::string& out) {
  // Multiplying by an odd number is a bijection: tokens never repeat, and do not look like a count.
  append_hex(out, next_number() * scramble_, 16);
}

}  // namespace lamplighter::server
