#include "server/identity.h"

#include <algorithm>

#include "base/random.h"
#include "base/text.h"

namespace lamplighter::server {

Identity::Identity(std::uint8_t worker) : worker_(worker), start_(secret_u64() >> 16), scramble_(secret_u64() | 1) {}

Identity::Token Identity::token() {
  std::string text;  // as short as this it needs no memory of its own
  append_token(text);
  Token token{};
  std::ranges::copy(text, token.begin());
  return token;
}

void Identity::append_token(std::string& out) {
  // Multiplying by an odd number is a bijection: tokens never repeat, and do not look like a count.
  append_hex(out, next_number() * scramble_, 16);
}

}  // namespace lamplighter::server
