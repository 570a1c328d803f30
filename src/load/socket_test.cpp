#include "load/socket.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "load/test_responder.h"

namespace lamplighter::load {
namespace {

/// What lies in a socket's receive buffer.
std::vector<std::string> received(int descriptor) {
  std::vector<std::string> out;
  char buffer[4096];
  for (ssize_t size = 0; (size = recv(descriptor, buffer, sizeof buffer, MSG_DONTWAIT)) >= 0;) {
    out.emplace_back(buffer, static_cast<std::size_t>(size));
  }
  return out;
}

TEST(Socket, SendsEachTextAsADatagramLaneByLane) {
  SocketAddress address;
  const int server = bound_socket(SOCK_DGRAM, 0, address);
  auto socket = Socket::connect(address).value();
  std::vector<std::string> requests;
  for (int i = 0; i < 150; ++i) {  // of one length: they leave in three pieces; and some of another length between them
    requests.push_back("request " + std::to_string(1000 + i) + (i % 70 == 69 ? " and more" : ""));
    socket.write(Lane::kRequest) = requests.back();
  }
  socket.write(Lane::kAnswer) = "200";
  socket.write(Lane::kProvisional) = "180";
  socket.write(Lane::kAck) = "ACK";
  EXPECT_TRUE(socket.dirty());
  bool refused = false;
  EXPECT_EQ(socket.flush(refused), 153U);
  EXPECT_FALSE(socket.dirty());

  auto expected = requests;
  expected.insert(expected.begin(), {"ACK", "180", "200"});
  EXPECT_EQ(received(server), expected);
  EXPECT_EQ(socket.flush(refused), 0U);
  EXPECT_FALSE(refused);
  close(server);
}

TEST(Socket, SaysThatNobodyListens) {
  SocketAddress address;
  close(bound_socket(SOCK_DGRAM, 0, address));
  auto socket = Socket::connect(address).value();
  bool refused = false;
  for (int i = 0; i < 3 && !refused; ++i) {  // the kernel tells with the datagram after the one that was refused
    for (int k = 0; k < 5; ++k) socket.write(Lane::kRequest) = "nobody";
    socket.flush(refused);
  }
  EXPECT_TRUE(refused);
}

TEST(Socket, HasThePortThatWasAskedForOrSaysThatItCannot) {
  SocketAddress address, taken;
  const int server = bound_socket(SOCK_DGRAM, 0, address);
  const int other = bound_socket(SOCK_DGRAM, 0, taken);
  const auto refused = Socket::connect(address, taken.port);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().find(taken.to_string()), std::string::npos) << refused.error();
  close(other);
  const auto socket = Socket::connect(address, taken.port);
  ASSERT_TRUE(socket) << socket.error();
  EXPECT_EQ(socket->local(), taken.to_string());
  close(server);
}

}  // namespace
}  // namespace lamplighter::load
