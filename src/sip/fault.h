#pragma once

#include <cstdint>

#include "sip/error.h"
#include "sip/header_id.h"

namespace lamplighter::sip {

enum class Fault : std::uint8_t { kBad, kMissing, kRepeated };

/// A 400 that names the header: "Bad Via header", "Missing To header", "Repeated CSeq header".
SipError header_fault(Fault fault, HeaderId id, std::size_t offset = 0);

}  // namespace lamplighter::sip
