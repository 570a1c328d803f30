#include "load/hearing.h"

#include <gtest/gtest.h>

#include "load/test_responder.h"

namespace lamplighter::load {
namespace {

using namespace std::chrono_literals;

std::string lamp(int user, int number) {
  return "MESSAGE sip:" + std::to_string(user) + "@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK" +
         std::to_string(number) + "\r\nTo: <sip:x@y>\r\nCSeq: 1 MESSAGE\r\n\r\nk=2\r\nc=on\r\n";
}

Options options_for(const Responder& server) {
  Options options;
  options.server = server.address();
  options.phones = 4;
  options.sockets = 2;
  return options;
}

std::uint16_t port_of(const Generator& generator, std::uint32_t phone) {
  const auto uri = generator.contact_of(phone);
  const auto colon = uri.rfind(':');
  return static_cast<std::uint16_t>(std::stoi(uri.substr(colon + 1)));
}

//  server          phones
//    |-- MESSAGE --->|   1000 to 1003, one of them twice
//    |<---- 200 -----|
TEST(Hearing, EndsWhenEveryPhoneWasToldAndCountsARepeatOnce) {
  int confirmed = 0;
  Responder server([&](std::string_view message) -> std::vector<std::string> {
    confirmed += message.starts_with("SIP/2.0 200") ? 1 : 0;
    return {};
  });
  const auto generator = Generator::open(options_for(server)).value();
  for (int i = 0; i < 4; ++i) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    to.sin_port = htons(port_of(*generator, static_cast<std::uint32_t>(i)));
    server.send(to, lamp(1000 + i, i));
    if (i == 0) server.send(to, lamp(1000, 0));
  }
  int first = 0, all = 0;
  const auto result = Hearing(*generator, {.first = [&] { ++first; }, .all = [&] { ++all; }}).run(20s, 0ms);
  EXPECT_EQ(result.done, 4U);
  EXPECT_EQ(result.messages, 4U);
  EXPECT_EQ(result.repeats, 1U);
  EXPECT_EQ(result.lamp.count(), 4U);
  EXPECT_EQ(result.unfinished, 0U);
  EXPECT_EQ(first, 1);
  EXPECT_EQ(all, 1);
}

TEST(Hearing, GivesUpAndSaysHowManyHeardNothing) {
  const Responder server([](std::string_view) { return std::vector<std::string>{}; });
  const auto generator = Generator::open(options_for(server)).value();
  const auto result = Hearing(*generator, {}).run(1ms);
  EXPECT_EQ(result.done, 0U);
  EXPECT_EQ(result.unfinished, 4U);
}

}  // namespace
}  // namespace lamplighter::load
