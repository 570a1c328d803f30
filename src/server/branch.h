#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sip/message.h"

namespace lamplighter::server {

/// The Via branches this server writes: "z9hG4bKLl" worker(2 hex) "." number(hex) "." loop(8 hex). The worker's number
/// lets a response that reached another worker's socket be handed over; `loop` recognises a request that comes back
/// unchanged (RFC 3261 §16.6 step 8, with the fields of RFC 5393 §4.2).
struct Branch {
  std::uint8_t worker;
  std::uint32_t loop;
};

/// What every one of them starts with.
inline constexpr std::string_view kBranchPrefix = "z9hG4bKLl";

void append_branch(std::string& out, std::uint8_t worker, std::uint64_t number, std::uint32_t loop);
/// nullopt: not written by this kind of server.
std::optional<Branch> parse_branch(std::string_view branch);

/// Hash of everything that decides where a request goes next: Request-URI, From and To tags, Call-ID, CSeq, Route,
/// proxy credentials. Equal for a request that came back without a change: a loop; a spiral differs.
std::uint32_t loop_hash(const sip::Message& request, std::uint64_t key);

}  // namespace lamplighter::server
