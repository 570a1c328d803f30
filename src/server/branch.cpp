#include "server/branch.h"

#include <algorithm>
#include <bit>
#include <charconv>

#include "base/text.h"
#include "sip/headers.h"

namespace lamplighter::server {
namespace {

std::uint64_t mix(std::uint64_t hash, std::string_view text) {
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  return (hash ^ 0xff) * 0x100000001b3ULL;  // so that "ab","c" differs from "a","bc"
}

template <typename T>
bool read_hex(std::string_view text, T& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out, 16);
  return error == std::errc{} && end == text.data() + text.size();
}

}  // namespace

void append_branch(std::string& out, std::uint8_t worker, std::uint64_t number, std::uint32_t loop) {
  out += kBranchPrefix;
  append_hex(out, worker, 2);
  out += '.';
  append_hex(out, number, std::max<std::size_t>(1, (static_cast<std::size_t>(std::bit_width(number)) + 3) / 4));
  out += '.';
  append_hex(out, loop, 8);
}

std::optional<Branch> parse_branch(std::string_view branch) {
  if (!branch.starts_with(kBranchPrefix) || branch.size() < kBranchPrefix.size() + 2 + 1 + 1 + 1 + 8)
    return std::nullopt;
  Branch out{};
  if (!read_hex(branch.substr(kBranchPrefix.size(), 2), out.worker)) return std::nullopt;
  if (branch[branch.size() - 9] != '.' || !read_hex(branch.substr(branch.size() - 8), out.loop)) return std::nullopt;
  return out;
}

std::uint32_t loop_hash(const sip::Message& request, std::uint64_t key) {
  using sip::HeaderId;
  auto hash = mix(key ^ 0xcbf29ce484222325ULL, request.request_uri());
  for (const auto* who : {request.from(), request.to()}) hash = mix(hash, who ? who->tag() : std::string_view{});
  hash = mix(hash, request.header(HeaderId::kCallId));
  hash = mix(hash, request.header(HeaderId::kCSeq));
  for (const auto& field : request.headers()) {
    if (field.id == HeaderId::kRoute || field.id == HeaderId::kProxyRequire ||
        field.id == HeaderId::kProxyAuthorization) {
      hash = mix(hash, request.value(field));
    }
  }
  return static_cast<std::uint32_t>(hash ^ (hash >> 32));
}

}  // namespace lamplighter::server
