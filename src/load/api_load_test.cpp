#include "load/api_load.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "load/test_lamp_server.h"

namespace lamplighter::load {
namespace {

using namespace std::chrono_literals;

class ApiLoadTest : public testing::Test {
 protected:
  Result run(LampServer& server, std::uint64_t count, const std::function<void(Options&)>& change = {}) {
    Options options;
    options.server = server.sip();
    options.http = server.http();
    options.phones = 4;
    options.sockets = 2;
    options.in_flight = 1;
    options.connections = 1;
    options.timeout = 5s;
    if (change) change(options);
    auto generator = Generator::open(options);
    EXPECT_TRUE(generator);
    const auto registered = (*generator)->run(Mode::kRegister, {.duration = 20s, .count = options.phones});
    EXPECT_EQ(registered.done, options.phones);
    ApiLoad api(**generator);
    auto result = (*generator)->run(api, Mode::kApi, {.duration = 20s, .count = count});
    complaint_ = api.complaint();
    return result;
  }
  std::string complaint_;
};

//  somebody        server          phone
//    | PUT on, ?wait |               |
//    |-------------->|-- MESSAGE --->|    the one time
//    |               |<---- 200 -----|
//    |<-- confirmed -|               |    the other
TEST_F(ApiLoadTest, TimesTheConfirmationAndTheMessage) {
  LampServer server;
  const auto result = run(server, 40);
  EXPECT_EQ(result.done, 40U);
  EXPECT_EQ(result.answer.count(), 40U);
  EXPECT_EQ(result.lamp.count(), 40U);
  EXPECT_EQ(result.messages, 40U);
  EXPECT_EQ(result.refused + result.timeouts + result.unfinished + result.unexpected, 0U);
  EXPECT_EQ(result.statuses, (std::map<int, std::uint64_t>{{200, 40}}));
  EXPECT_EQ(complaint_, "");
}

TEST_F(ApiLoadTest, ManyAtOnceLoseNothing) {
  LampServer server;
  const auto result = run(server, 300, [](Options& options) {
    options.phones = options.in_flight = 20;
    options.connections = 20;
  });
  EXPECT_EQ(result.done, 300U);
  EXPECT_EQ(result.lamp.count(), 300U);
}

TEST_F(ApiLoadTest, KeepsItsPace) {
  LampServer server;
  const auto result = run(server, 5, [](Options& options) { options.pace = 50ms; });
  EXPECT_EQ(result.done, 5U);
  EXPECT_GE(result.seconds, 0.2);
}

TEST_F(ApiLoadTest, AConfirmationWithoutALampIsNotDone) {
  LampServer server({.lights_nothing = true});
  const auto result = run(server, 4, [](Options& options) { options.timeout = 100ms; });
  EXPECT_EQ(result.done, 0U);
  EXPECT_EQ(result.timeouts, 4U);
}

TEST_F(ApiLoadTest, TellsWhatTheApiSaidWhenItRefuses) {
  LampServer server({.refuses_writes = true});
  const auto result = run(server, 3);
  EXPECT_EQ(result.refused, 3U);
  EXPECT_EQ(complaint_, R"(the API answered 503: {"title":"no"})");
}

TEST_F(ApiLoadTest, WritesAnAddressAsAPathSegment) {
  Options options;
  options.server = SocketAddress{IpAddress::v4(INADDR_LOOPBACK), 9};
  options.domain = "[::1]";
  const auto generator = Generator::open(options);
  EXPECT_EQ(target_of_phone(**generator, 3), "/v1/phones/1003@%5B::1%5D");
}

}  // namespace
}  // namespace lamplighter::load
