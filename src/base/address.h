#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

struct sockaddr;
struct sockaddr_storage;

namespace lamplighter {

/// An IPv4 or IPv6 address without a port. IPv4 addresses mapped into IPv6 (::ffff:a.b.c.d) are kept as IPv4.
class IpAddress {
 public:
  /// 0.0.0.0
  IpAddress() = default;

  /// Reads "192.0.2.1", "2001:db8::1" or "[2001:db8::1]". Nothing else: no names, no zones.
  static std::expected<IpAddress, std::string> parse(std::string_view text);
  /// The same where nobody reads why not: a host that is a name is no error.
  static std::optional<IpAddress> read(std::string_view text);
  static IpAddress v4(std::uint32_t host_order);
  static IpAddress v6(const std::array<std::uint8_t, 16>& bytes);

  bool is_v4() const { return !v6_; }
  bool is_v6() const { return v6_; }
  /// 0.0.0.0 or ::
  bool is_any() const;
  bool is_loopback() const;
  /// Network order; IPv4 in the first four bytes, the rest zero.
  const std::array<std::uint8_t, 16>& bytes() const { return bytes_; }

  /// "192.0.2.1" or "2001:db8::1" (no brackets).
  std::string to_string() const;
  /// As it stands in a SIP URI or Via: IPv6 in brackets.
  std::string to_host() const;
  void append_to(std::string& out) const;
  void append_host_to(std::string& out) const;

  friend auto operator<=>(const IpAddress&, const IpAddress&) = default;

 private:
  std::array<std::uint8_t, 16> bytes_{};
  bool v6_ = false;
};

/// An address and a port: one end of a flow.
struct SocketAddress {
  IpAddress ip;
  std::uint16_t port = 0;

  /// Reads "192.0.2.1:5060" or "[2001:db8::1]:5060"; the port is required.
  static std::expected<SocketAddress, std::string> parse(std::string_view text);
  static SocketAddress from(const sockaddr_storage& storage);
  /// Fills `out` for the socket calls and returns its length.
  unsigned to(sockaddr_storage& out) const;
  /// "192.0.2.1:5060", "[2001:db8::1]:5060".
  std::string to_string() const;
  void append_to(std::string& out) const;

  friend auto operator<=>(const SocketAddress&, const SocketAddress&) = default;
};

/// A range of addresses, as in `auth.trusted`: "127.0.0.0/8", "2001:db8::/32", or one address.
struct Network {
  IpAddress ip;
  std::uint8_t prefix = 0;

  /// Host bits beyond the prefix must be zero; the error says what was expected.
  static std::expected<Network, std::string> parse(std::string_view text);
  bool contains(const IpAddress& address) const;
  std::string to_string() const;

  friend bool operator==(const Network&, const Network&) = default;
};

/// A hash of an address for tables, keyed so that a peer cannot choose collisions.
std::uint64_t hash_of(const SocketAddress& address, std::uint64_t key);

}  // namespace lamplighter
