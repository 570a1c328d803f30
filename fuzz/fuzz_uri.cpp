#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "sip/headers.h"
#include "sip/uri.h"

// Any text as a URI, as two URIs to compare (a newline between them), and as an address.

using namespace lamplighter;

namespace {

void check(bool holds) {
  if (!holds) std::abort();
}

void use(const sip::Uri& uri) {
  std::string aor;
  sip::canonical_aor(uri, aor);
  check(!aor.empty());
  check(sip::equivalent(uri, uri));
  check(sip::unescape(sip::escape_user(uri.user)) == uri.user);
  if (uri.is_sip()) check(!uri.host.empty() && uri.port_or_default() != 0);
  auto rest = uri.params.text();
  while (sip::Params::next(rest)) {
  }
  check(rest.empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto line = text.substr(0, text.find('\n'));
  const auto a = sip::parse_uri(line);
  if (a) {
    use(*a);
    // What is a URI is one within brackets too.
    const auto bracketed = "<" + std::string(line) + ">";
    check(sip::parse_name_addr(bracketed).has_value());
  }
  if (line.size() < text.size()) {
    const auto b = sip::parse_uri(text.substr(line.size() + 1));
    if (a && b) check(sip::equivalent(*a, *b) == sip::equivalent(*b, *a));
  }
  (void)sip::parse_name_addr(text);
  (void)sip::unescape(text);
  return 0;
}
