#pragma once

#include <cstdint>
#include <initializer_list>
#include <string_view>

namespace lamplighter {

/// FNV-1a of several texts, 64 bits: the same in every process and version, so it may be stored. Not for tables that
/// strangers fill (no key).
constexpr std::uint64_t stable_hash(std::initializer_list<std::string_view> texts) {
  std::uint64_t hash = 0xcbf29ce484222325;
  const auto mix = [&hash](unsigned char byte) { hash = (hash ^ byte) * 0x100000001b3; };
  for (const auto text : texts) {
    for (const char c : text) mix(static_cast<unsigned char>(c));
    mix(0xff);  // no byte of UTF-8: "ab","c" differs from "a","bc"
  }
  return hash;
}

}  // namespace lamplighter
