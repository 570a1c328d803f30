#include "load/kernel.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace lamplighter::load {
namespace {

using namespace std::chrono_literals;

TEST(Kernel, ReadsTicksBehindAnyProgramName) {
  EXPECT_EQ(ticks_of_stat("12 (sh) S 1 2 3 4 5 6 7 8 9 10 250 31 0 0 20 0"), 281U);
  EXPECT_EQ(ticks_of_stat("12 (a ) b (c) R 1 2 3 4 5 6 7 8 9 10 7 8 0 0 20 0"), 15U);
  EXPECT_EQ(ticks_of_stat("12 (sh) S 1 2"), std::nullopt);
  EXPECT_EQ(ticks_of_stat(""), std::nullopt);
}

TEST(Kernel, CpuTimeOfThisProcessGrows) {
  const auto before = cpu_of(getpid());
  ASSERT_TRUE(before);
  auto after = before;
  while (*after < *before + 10ms) after = cpu_of(getpid());  // burns what it waits for
  EXPECT_GT(*after, *before);
  EXPECT_EQ(cpu_of(-1), std::nullopt);
}

TEST(Kernel, ReadsHowMuchMemoryAProcessHas) {
  const auto memory =
      memory_in("55d0-7ffe ---p 00000000 00:00 0    [rollup]\nRss:    1428 kB\nPss:     177 kB\nPss_Dirty:  84 kB\n");
  ASSERT_TRUE(memory);
  EXPECT_EQ(memory->rss, 1428U * 1024);
  EXPECT_EQ(memory->pss, 177U * 1024);
  EXPECT_FALSE(memory_in("Rss:    1428 kB\n"));
  EXPECT_FALSE(memory_in(""));

  const auto own = memory_of(getpid());
  ASSERT_TRUE(own);
  EXPECT_GE(own->rss, own->pss);
  EXPECT_GT(own->pss, 100'000U);
  EXPECT_FALSE(memory_of(-1));
}

TEST(Kernel, FindsTheOwnerOfAUdpPort) {
  const int descriptor = socket(AF_INET, SOCK_DGRAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(bind(descriptor, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  socklen_t length = sizeof address;
  getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &length);
  const SocketAddress bound{IpAddress::v4(INADDR_LOOPBACK), ntohs(address.sin_port)};
  EXPECT_EQ(owner_of_udp(bound), getpid());
  close(descriptor);
  EXPECT_EQ(owner_of_udp(bound), std::nullopt);
}

TEST(Kernel, FindsTheColumnOfDroppedDatagrams) {
  EXPECT_EQ(receive_buffer_errors_in("Tcp: A B\nTcp: 1 2\n"
                                     "Udp: InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors\n"
                                     "Udp: 10 20 30 40 57 60\nUdpLite: X\nUdpLite: 0\n"),
            57U);
  EXPECT_EQ(receive_buffer_errors_in("nothing of use"), 0U);
}

}  // namespace
}  // namespace lamplighter::load
