#pragma once

#include <cstdint>

namespace lamplighter::server {

/// Whose client transaction this is, packed into the word that the transaction table gives back with every event.
struct Owner {
  enum class Kind : std::uint8_t { kProxyBranch = 1, kLampSender = 2 };

  Kind kind;
  std::uint8_t worker;           ///< whose Core started it: events go there
  std::uint8_t branch = 0;       ///< of a proxied request
  std::uint32_t slot = 0;        ///< 22 bits
  std::uint32_t generation = 0;  ///< 22 bits

  std::uint64_t pack() const {
    return (std::uint64_t{static_cast<std::uint8_t>(kind)} << 60) | (std::uint64_t{worker} << 52) |
           (std::uint64_t{branch} << 44) | (std::uint64_t{slot & kMask} << 22) | (generation & kMask);
  }
  static Owner unpack(std::uint64_t word) {
    return {static_cast<Kind>(word >> 60), static_cast<std::uint8_t>(word >> 52), static_cast<std::uint8_t>(word >> 44),
            static_cast<std::uint32_t>(word >> 22) & kMask, static_cast<std::uint32_t>(word) & kMask};
  }

  static constexpr std::uint32_t kMask = (1u << 22) - 1;
};

}  // namespace lamplighter::server
