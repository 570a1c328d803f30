#pragma once

namespace lamplighter::cli {

inline constexpr const char* kVersion = LAMPLIGHTER_VERSION;

}  // namespace lamplighter::cli
