#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>

#include "base/address.h"
#include "base/guarded.h"

namespace lamplighter::transport {

/// How many connections a server has, all workers together, and how many of them each source has: IPv6 addresses of
/// one /64 are one source. Thread safe.
class ConnectionBudget {
 public:
  struct Limits {
    std::size_t total = 20'000;
    std::size_t per_source = 1'000;
    std::size_t unproven = 1'000;  ///< that have not sent a whole message yet
  };
  enum class Admission : std::uint8_t { kWelcome, kTooMany, kTooManyOfSource, kTooManyUnproven };

  explicit ConnectionBudget(const Limits& limits) : limits_(limits) {}

  /// A new connection, unproven. When welcome, release() must follow.
  Admission admit(const IpAddress& source);
  /// It has sent its first message.
  void proven() { --unproven_; }
  void release(const IpAddress& source, bool was_proven);

  std::size_t total() const { return total_; }

 private:
  Limits limits_;
  std::atomic<std::size_t> total_{0};
  std::atomic<std::size_t> unproven_{0};
  Guarded<std::map<IpAddress, std::size_t>> sources_;
};

}  // namespace lamplighter::transport
