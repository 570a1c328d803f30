#include "base/address.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <rapidcheck/gtest.h>
#include <sys/socket.h>

#include <cstring>
#include <set>

namespace lamplighter {
namespace {

using testing::HasSubstr;

IpAddress ip(std::string_view text) { return IpAddress::parse(text).value(); }
Network network(std::string_view text) { return Network::parse(text).value(); }

IpAddress any_ip() {
  if (*rc::gen::arbitrary<bool>()) return IpAddress::v4(*rc::gen::arbitrary<std::uint32_t>());
  std::array<std::uint8_t, 16> bytes;
  for (auto& byte : bytes) byte = *rc::gen::element<std::uint8_t>(0, 0, 0, 1, 0x20, 0xff, 0xfe, 0x80);
  return IpAddress::v6(bytes);
}

TEST(IpAddress, ReadsBothFamilies) {
  EXPECT_EQ(ip("192.0.2.1").to_string(), "192.0.2.1");
  EXPECT_TRUE(ip("192.0.2.1").is_v4());
  EXPECT_EQ(ip("192.0.2.1").bytes()[3], 1);
  EXPECT_EQ(ip("2001:DB8:0:0::1").to_string(), "2001:db8::1");
  EXPECT_TRUE(ip("2001:db8::1").is_v6());
  EXPECT_EQ(ip("[2001:db8::1]"), ip("2001:db8::1"));
  EXPECT_EQ(ip("2001:db8::1").to_host(), "[2001:db8::1]");
  EXPECT_EQ(ip("192.0.2.1").to_host(), "192.0.2.1");
  EXPECT_EQ(ip("192.0.2.1"), IpAddress::v4(0xc0000201));
}

TEST(IpAddress, RefusesWhatIsNoAddress) {
  using namespace std::string_view_literals;
  for (auto text :
       {""sv, "1.2.3"sv, "1.2.3.4.5"sv, "1.2.3.256"sv, "01.2.3.4"sv, " 1.2.3.4"sv, "1.2.3.4 "sv, "localhost"sv,
        "[1.2.3.4]"sv, "[::1"sv, "::1]"sv, "[]"sv, "fe80::1%eth0"sv, ":::"sv, "1.2.3.4\0"sv, "::1\0x"sv}) {
    auto parsed = IpAddress::parse(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_THAT(parsed.error(), HasSubstr("expected one like 192.0.2.1"));
  }
  EXPECT_FALSE(IpAddress::parse(std::string(100'000, '1')));
  EXPECT_LT(IpAddress::parse(std::string(100'000, '1')).error().size(), 200u);
}

TEST(IpAddress, Ipv4MappedIntoIpv6IsIpv4) {
  EXPECT_EQ(ip("::ffff:192.0.2.1"), ip("192.0.2.1"));
  EXPECT_EQ(ip("[::ffff:c000:201]").to_string(), "192.0.2.1");
  EXPECT_TRUE(ip("::fffe:192.0.2.1").is_v6());
  sockaddr_in6 raw{};
  raw.sin6_family = AF_INET6;
  raw.sin6_port = htons(5060);
  raw.sin6_addr.s6_addr[10] = raw.sin6_addr.s6_addr[11] = 0xff;
  raw.sin6_addr.s6_addr[12] = 127;
  raw.sin6_addr.s6_addr[15] = 1;
  sockaddr_storage storage{};
  std::memcpy(&storage, &raw, sizeof raw);
  EXPECT_EQ(SocketAddress::from(storage).to_string(), "127.0.0.1:5060");
}

TEST(IpAddress, KnowsAnyAndLoopback) {
  EXPECT_TRUE(IpAddress{}.is_any());
  EXPECT_TRUE(ip("0.0.0.0").is_any());
  EXPECT_TRUE(ip("::").is_any());
  EXPECT_FALSE(ip("::1").is_any());
  EXPECT_NE(ip("::"), ip("0.0.0.0"));
  EXPECT_TRUE(ip("127.0.0.1").is_loopback());
  EXPECT_TRUE(ip("127.255.0.9").is_loopback());
  EXPECT_TRUE(ip("::1").is_loopback());
  EXPECT_FALSE(ip("128.0.0.1").is_loopback());
  EXPECT_FALSE(ip("::2").is_loopback());
  EXPECT_FALSE(ip("1::1").is_loopback());
}

RC_GTEST_PROP(IpAddress, TextReadsBackToTheSameAddress, ()) {
  auto address = any_ip();
  RC_ASSERT(IpAddress::parse(address.to_string()).value() == address);
  SocketAddress socket{address, 5060};
  RC_ASSERT(SocketAddress::parse(socket.to_string()).value() == socket);
}

RC_GTEST_PROP(SocketAddress, TheSocketCallsFormReadsBack, (std::uint16_t port)) {
  SocketAddress address{any_ip(), port};
  sockaddr_storage storage{};
  RC_ASSERT(address.to(storage) == (address.ip.is_v4() ? sizeof(sockaddr_in) : sizeof(sockaddr_in6)));
  RC_ASSERT(SocketAddress::from(storage) == address);
}

TEST(SocketAddress, NeedsAPort) {
  EXPECT_EQ(SocketAddress::parse("192.0.2.1:5060")->port, 5060);
  EXPECT_EQ(SocketAddress::parse("[2001:db8::1]:0")->port, 0);
  for (auto text : {"", "192.0.2.1", "192.0.2.1:", "192.0.2.1:65536", "192.0.2.1:-1", "192.0.2.1:5060x", "192.0.2.1:+5",
                    "2001:db8::1:5060", "[2001:db8::1]", "[2001:db8::1]5060", ":5060", "host:5060"}) {
    auto parsed = SocketAddress::parse(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_THAT(parsed.error(), HasSubstr("192.0.2.1:5060 or [2001:db8::1]:5060"));
  }
}

TEST(Network, ContainsItsAddressesAndNoOthers) {
  EXPECT_TRUE(network("127.0.0.0/8").contains(ip("127.9.9.9")));
  EXPECT_FALSE(network("127.0.0.0/8").contains(ip("128.0.0.0")));
  EXPECT_TRUE(network("192.0.2.128/25").contains(ip("192.0.2.255")));
  EXPECT_FALSE(network("192.0.2.128/25").contains(ip("192.0.2.127")));
  EXPECT_TRUE(network("0.0.0.0/0").contains(ip("8.8.8.8")));
  EXPECT_FALSE(network("0.0.0.0/0").contains(ip("::1")));
  EXPECT_TRUE(network("192.0.2.7").contains(ip("192.0.2.7")));
  EXPECT_FALSE(network("192.0.2.7").contains(ip("192.0.2.6")));
  EXPECT_TRUE(network("2001:db8::/33").contains(ip("2001:db8:7fff::1")));
  EXPECT_FALSE(network("2001:db8::/33").contains(ip("2001:db8:8000::1")));
  EXPECT_TRUE(network("::/0").contains(ip("ff02::1")));
  // A phone behind a dual-stack socket is still the IPv4 phone the administrator meant.
  EXPECT_TRUE(network("192.0.2.0/24").contains(ip("::ffff:192.0.2.9")));
}

TEST(Network, SaysWhatIsWrong) {
  EXPECT_THAT(Network::parse("192.0.2.0/33").error(), HasSubstr("between 0 and 32"));
  EXPECT_THAT(Network::parse("2001:db8::/129").error(), HasSubstr("between 0 and 128"));
  EXPECT_THAT(Network::parse("192.0.2.0/").error(), HasSubstr("prefix length"));
  EXPECT_THAT(Network::parse("192.0.2.9/24").error(), HasSubstr("expected 192.0.2.0/24 or 192.0.2.9"));
  EXPECT_THAT(Network::parse("2001:db8::1/64").error(), HasSubstr("expected 2001:db8::/64 or 2001:db8::1"));
  EXPECT_THAT(Network::parse("office").error(), HasSubstr("is not a network"));
  EXPECT_THAT(Network::parse("").error(), HasSubstr("is not a network"));
}

RC_GTEST_PROP(Network, ContainsAgreesWithComparingBits, ()) {
  auto address = any_ip();
  auto other = any_ip();
  unsigned bits = address.is_v4() ? 32 : 128;
  auto prefix = *rc::gen::inRange(0u, bits + 1);
  auto bit = [](const IpAddress& of, unsigned i) { return of.bytes()[i / 8] >> (7 - i % 8) & 1; };
  bool same = address.is_v4() == other.is_v4();
  for (unsigned i = 0; same && i < prefix; ++i) same = bit(address, i) == bit(other, i);
  RC_ASSERT((Network{address, static_cast<std::uint8_t>(prefix)}.contains(other)) == same);
}

TEST(Network, PrintsAsWritten) {
  for (auto text : {"127.0.0.0/8", "192.0.2.7", "2001:db8::/32", "::1", "0.0.0.0/0"}) {
    EXPECT_EQ(network(text).to_string(), text);
  }
  EXPECT_EQ(network("192.0.2.7/32").to_string(), "192.0.2.7");
}

TEST(HashOf, DependsOnAddressPortAndKey) {
  std::set<std::uint64_t> seen;
  for (std::uint32_t host = 0; host < 100; ++host) {
    for (std::uint16_t port = 0; port < 100; ++port) {
      seen.insert(hash_of({IpAddress::v4(0x0a000000 + host), port}, 7));
    }
  }
  EXPECT_EQ(seen.size(), 10'000u);
  SocketAddress address{ip("192.0.2.1"), 5060};
  EXPECT_EQ(hash_of(address, 7), hash_of(address, 7));
  EXPECT_NE(hash_of(address, 7), hash_of(address, 8));
}

}  // namespace
}  // namespace lamplighter
