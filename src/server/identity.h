#pragma once

#include <array>
#include <cstdint>
#include <string>

namespace lamplighter::server {

/// Makes the names a worker gives away: branch numbers, Call-IDs, tags. Unique over workers and restarts (a secret
/// start), without a system call each.
class Identity {
 public:
  explicit Identity(std::uint8_t worker);

  std::uint8_t worker() const { return worker_; }
  std::uint64_t next_number() { return start_ + ++count_; }
  /// 16 hex digits.
  using Token = std::array<char, 16>;
  Token token();
  void append_token(std::string& out);

 private:
  std::uint8_t worker_;
  std::uint64_t start_;
  std::uint64_t count_ = 0;
  std::uint64_t scramble_;
};

}  // namespace lamplighter::server
