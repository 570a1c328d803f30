#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/address.h"

namespace lamplighter::phone {

inline constexpr std::string_view kSdpType = "application/sdp";

/// The least a session description needs (RFC 4566): one audio stream that nobody sends on (inactive, port 9
/// "discard"). The phone does signalling only. `version` goes up when the description changes (RFC 3264 §8).
std::string session_description(const IpAddress& address, std::uint64_t id, std::uint64_t version);

}  // namespace lamplighter::phone
