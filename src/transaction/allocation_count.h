#pragma once

#include <cstddef>

namespace lamplighter::transaction {

/// How often this test program has called operator new.
std::size_t allocation_count();

}  // namespace lamplighter::transaction
