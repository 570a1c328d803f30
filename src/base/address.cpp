#include "base/address.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>
#include <optional>

#include "base/sip_hash.h"
#include "base/text.h"

namespace lamplighter {
namespace {

constexpr std::array<std::uint8_t, 12> kMappedPrefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

std::optional<std::uint32_t> parse_number(std::string_view text, std::uint32_t max) {
  std::uint32_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size() || value > max) return std::nullopt;
  return value;
}

/// "192.0.2.1" and nothing else: four numbers up to 255 without leading zeros.
std::optional<std::uint32_t> parse_v4(std::string_view text) {
  const char* at = text.data();
  const char* const end = at + text.size();
  std::uint32_t address = 0;
  for (int part = 0; part < 4; ++part) {
    if (part > 0 && (at == end || *at++ != '.')) return std::nullopt;
    std::uint32_t value = 0;
    const char* const first = at;
    for (; at < end && *at >= '0' && *at <= '9' && at - first < 3; ++at) {
      value = value * 10 + static_cast<std::uint32_t>(*at - '0');
    }
    if (at == first || value > 255 || (*first == '0' && at - first > 1)) return std::nullopt;
    address = address << 8 | value;
  }
  if (at != end) return std::nullopt;
  return address;
}

}  // namespace

std::optional<IpAddress> IpAddress::read(std::string_view text) {
  if (const auto four = parse_v4(text)) return v4(*four);
  const bool bracketed = text.size() >= 2 && text.front() == '[' && text.back() == ']';
  const auto inner = bracketed ? text.substr(1, text.size() - 2) : text;
  char buffer[INET6_ADDRSTRLEN + 1];
  // A NUL inside would end the C string early and let "2001:db8::1\0x" pass.
  if (inner.size() >= sizeof buffer || inner.find(':') == inner.npos || inner.find('\0') != inner.npos) return {};
  std::memcpy(buffer, inner.data(), inner.size());
  buffer[inner.size()] = '\0';
  std::array<std::uint8_t, 16> six{};
  if (inet_pton(AF_INET6, buffer, six.data()) != 1) return {};
  return v6(six);
}

std::expected<IpAddress, std::string> IpAddress::parse(std::string_view text) {
  if (const auto address = read(text)) return *address;
  return std::unexpected(
      fmt::format("\"{}\" is not an IP address, expected one like 192.0.2.1 or 2001:db8::1", text.substr(0, 64)));
}

IpAddress IpAddress::v4(std::uint32_t host_order) {
  IpAddress address;
  for (std::size_t i = 0; i < 4; ++i) address.bytes_[i] = static_cast<std::uint8_t>(host_order >> (24 - 8 * i));
  return address;
}

IpAddress IpAddress::v6(const std::array<std::uint8_t, 16>& bytes) {
  IpAddress address;
  if (std::equal(kMappedPrefix.begin(), kMappedPrefix.end(), bytes.begin())) {
    std::copy(bytes.begin() + 12, bytes.end(), address.bytes_.begin());
    return address;
  }
  address.bytes_ = bytes;
  address.v6_ = true;
  return address;
}

bool IpAddress::is_any() const {
  return std::all_of(bytes_.begin(), bytes_.end(), [](std::uint8_t byte) { return byte == 0; });
}

bool IpAddress::is_loopback() const {
  if (!v6_) return bytes_[0] == 127;
  return bytes_[15] == 1 && std::all_of(bytes_.begin(), bytes_.end() - 1, [](std::uint8_t byte) { return byte == 0; });
}

void IpAddress::append_to(std::string& out) const {
  char buffer[INET6_ADDRSTRLEN];
  if (v6_) {
    inet_ntop(AF_INET6, bytes_.data(), buffer, sizeof buffer);
    out += buffer;
    return;
  }
  // inet_ntop() would go through sprintf(): every response and every lamp has addresses in it.
  char* end = buffer;
  for (std::size_t i = 0; i < 4; ++i) {
    if (i > 0) *end++ = '.';
    end = std::to_chars(end, buffer + sizeof buffer, bytes_[i]).ptr;
  }
  out.append(buffer, end);
}

void IpAddress::append_host_to(std::string& out) const {
  if (v6_) out += '[';
  append_to(out);
  if (v6_) out += ']';
}

std::string IpAddress::to_string() const {
  std::string out;
  append_to(out);
  return out;
}

std::string IpAddress::to_host() const {
  std::string out;
  append_host_to(out);
  return out;
}

std::expected<SocketAddress, std::string> SocketAddress::parse(std::string_view text) {
  auto wrong = [&] {
    return std::unexpected(
        fmt::format("\"{}\" is not an address with a port, expected one like 192.0.2.1:5060 or [2001:db8::1]:5060",
                    text.substr(0, 64)));
  };
  auto colon = text.rfind(':');
  if (colon == text.npos) return wrong();
  auto host = text.substr(0, colon);
  // Without brackets nobody can tell where an IPv6 address ends and its port begins.
  bool bracketed = !host.empty() && host.front() == '[';
  if (!bracketed && host.find(':') != host.npos) return wrong();
  auto ip = IpAddress::parse(host);
  auto port = parse_number(text.substr(colon + 1), 65535);
  if (!ip || !port) return wrong();
  return SocketAddress{*ip, static_cast<std::uint16_t>(*port)};
}

SocketAddress SocketAddress::from(const sockaddr_storage& storage) {
  if (storage.ss_family == AF_INET) {
    sockaddr_in four;
    std::memcpy(&four, &storage, sizeof four);
    return {IpAddress::v4(ntohl(four.sin_addr.s_addr)), ntohs(four.sin_port)};
  }
  if (storage.ss_family == AF_INET6) {
    sockaddr_in6 six;
    std::memcpy(&six, &storage, sizeof six);
    std::array<std::uint8_t, 16> bytes;
    std::memcpy(bytes.data(), &six.sin6_addr, bytes.size());
    return {IpAddress::v6(bytes), ntohs(six.sin6_port)};
  }
  return {};
}

unsigned SocketAddress::to(sockaddr_storage& out) const {
  if (ip.is_v4()) {
    sockaddr_in four{};
    four.sin_family = AF_INET;
    four.sin_port = htons(port);
    std::memcpy(&four.sin_addr, ip.bytes().data(), sizeof four.sin_addr);
    std::memcpy(&out, &four, sizeof four);
    return sizeof four;
  }
  sockaddr_in6 six{};
  six.sin6_family = AF_INET6;
  six.sin6_port = htons(port);
  std::memcpy(&six.sin6_addr, ip.bytes().data(), sizeof six.sin6_addr);
  std::memcpy(&out, &six, sizeof six);
  return sizeof six;
}

void SocketAddress::append_to(std::string& out) const {
  ip.append_host_to(out);
  out += ':';
  append_number(out, port);
}

std::string SocketAddress::to_string() const {
  std::string out;
  append_to(out);
  return out;
}

std::expected<Network, std::string> Network::parse(std::string_view text) {
  auto slash = text.find('/');
  auto ip = IpAddress::parse(text.substr(0, slash));
  if (!ip || text.starts_with('[')) {
    return std::unexpected(
        fmt::format("\"{}\" is not a network, expected one like 192.0.2.0/24, 2001:db8::/32 or a single address",
                    text.substr(0, 64)));
  }
  std::uint32_t bits = ip->is_v4() ? 32 : 128;
  if (slash == text.npos) return Network{*ip, static_cast<std::uint8_t>(bits)};
  auto prefix = parse_number(text.substr(slash + 1), bits);
  if (!prefix) {
    return std::unexpected(
        fmt::format("\"{}\": expected a prefix length between 0 and {} after the slash", text.substr(0, 64), bits));
  }
  Network network{*ip, static_cast<std::uint8_t>(*prefix)};
  auto bytes = ip->bytes();
  for (std::uint32_t bit = *prefix; bit < bits; ++bit) {
    bytes[bit / 8] = static_cast<std::uint8_t>(bytes[bit / 8] & ~(0x80u >> (bit % 8)));
  }
  if (bytes != ip->bytes()) {
    auto base = ip->is_v4() ? IpAddress::v4(static_cast<std::uint32_t>(bytes[0]) << 24 |
                                            static_cast<std::uint32_t>(bytes[1]) << 16 |
                                            static_cast<std::uint32_t>(bytes[2]) << 8 | bytes[3])
                            : IpAddress::v6(bytes);
    return std::unexpected(fmt::format("\"{}\" has bits set beyond its prefix, expected {}/{} or {}",
                                       text.substr(0, 64), base.to_string(), *prefix, ip->to_string()));
  }
  return network;
}

bool Network::contains(const IpAddress& address) const {
  if (address.is_v6() != ip.is_v6()) return false;
  std::size_t whole = prefix / 8u;
  if (!std::equal(ip.bytes().begin(), ip.bytes().begin() + static_cast<std::ptrdiff_t>(whole),
                  address.bytes().begin())) {
    return false;
  }
  unsigned rest = prefix % 8u;
  return rest == 0 || ((ip.bytes()[whole] ^ address.bytes()[whole]) >> (8 - rest)) == 0;
}

std::string Network::to_string() const {
  if (prefix == (ip.is_v4() ? 32 : 128)) return ip.to_string();
  return fmt::format("{}/{}", ip.to_string(), prefix);
}

std::uint64_t hash_of(const SocketAddress& address, std::uint64_t key) {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  std::memcpy(&high, address.ip.bytes().data(), 8);
  std::memcpy(&low, address.ip.bytes().data() + 8, 8);
  return SipHash({key, std::rotl(key, 32)})
      .add(high)
      .add(low)
      .add(static_cast<std::uint64_t>(address.port) << 1 | static_cast<std::uint64_t>(address.ip.is_v6()))
      .finish()
      .low;
}

}  // namespace lamplighter
