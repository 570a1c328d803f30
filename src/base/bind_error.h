#pragma once

#include <string>
#include <string_view>

#include "base/address.h"

namespace lamplighter {

enum class SocketKind : std::uint8_t { kDatagram, kStream };

/// Why a listener cannot be opened, for the administrator who has to change something: the listener as configured, the
/// system's word for the errno, what it means here and how to see more.
std::string bind_error(std::string_view listener, const SocketAddress& address, SocketKind kind, int error);

}  // namespace lamplighter
