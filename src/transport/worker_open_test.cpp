#include <gmock/gmock.h>

#include <cerrno>

#include "transport/udp_socket.h"
#include "transport/worker_test.h"

namespace lamplighter::transport {
namespace {

using testing::HasSubstr;

std::string open_error(WorkerSettings settings) {
  SystemClock clock;
  Worker worker(std::move(settings), clock);
  auto opened = worker.open();
  return opened ? "no error" : opened.error();
}

TEST(WorkerOpen, APortInUseIsAnErrorEvenThoughWorkersShareTheirs) {
  Running server("udp:127.0.0.1:0");
  auto taken = "udp:" + server.address().to_string();
  auto settings = Running::settings_for(taken);
  EXPECT_EQ(open_error(settings), taken +
                                      ": address already in use; another program has this port, `ss -lunp 'sport = :" +
                                      std::to_string(server.address().port) + "'` shows which");
  settings.index = 1;  // a second worker of the same server may
  EXPECT_EQ(open_error(settings), "no error");
  settings.reuse_port = false;
  EXPECT_THAT(open_error(settings), HasSubstr("address already in use"));
}

TEST(WorkerOpen, AnAddressOfNoInterfaceIsSaidSo) {
  EXPECT_EQ(open_error(Running::settings_for("udp:203.0.113.77:5060")),
            "udp:203.0.113.77:5060: cannot assign requested address; no interface of this machine has the address "
            "203.0.113.77, `ip address` lists what there is");
}

TEST(WorkerOpen, TheSameListenerTwiceIsRefused) {
  auto settings = Running::settings_for("udp:127.0.0.1:45677");
  settings.listen.push_back(settings.listen[0]);
  EXPECT_EQ(open_error(settings), "udp:127.0.0.1:45677: listed twice");
}

TEST(WorkerOpen, AfterAnErrorNothingStaysBound) {
  Running server("udp:127.0.0.1:0");
  std::string free_port;
  {
    Phone phone;
    free_port = "udp:" + phone.address().to_string();
  }
  auto settings = Running::settings_for(free_port);
  settings.exclusive_probe = false;
  settings.listen.push_back(listen_on("udp:203.0.113.77:5060"));
  SystemClock clock;
  Worker worker(settings, clock);
  EXPECT_FALSE(worker.open());
  EXPECT_EQ(open_error(Running::settings_for(free_port)), "no error");
}

TEST(WorkerOpen, ASmallerBufferThanAskedIsWarnedAbout) {
  auto settings = Running::settings_for("udp:127.0.0.1:0");
  settings.receive_buffer = std::size_t{1} << 40;  // no kernel gives this
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  EXPECT_EQ(open_error(settings), "no error");
  auto log = testing::internal::GetCapturedStdout() + testing::internal::GetCapturedStderr();
  EXPECT_THAT(log, HasSubstr("receive buffer"));
  EXPECT_THAT(log, HasSubstr("sysctl -w net.core.rmem_max="));
  EXPECT_THAT(log, testing::Not(HasSubstr("wmem_max")));
}

TEST(UdpSocket, ReportsWhatItWasGiven) {
  auto socket = UdpSocket::open(at("127.0.0.1:0"), {.receive_buffer = 100'000, .send_buffer = 50'000});
  ASSERT_TRUE(socket);
  EXPECT_EQ((*socket)->receive_buffer(), 100'000u);
  EXPECT_EQ((*socket)->send_buffer(), 50'000u);
  EXPECT_NE((*socket)->bound().port, 0);
  EXPECT_EQ((*socket)->receive(), 0u);
  EXPECT_EQ(UdpSocket::probe((*socket)->bound()), EADDRINUSE);
}

}  // namespace
}  // namespace lamplighter::transport
