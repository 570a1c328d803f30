#include "load/keyboards.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "load/test_lamp_server.h"

namespace lamplighter::load {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

KeyboardsReport change_all(LampServer& server, std::uint32_t phones, std::uint32_t changes,
                           std::chrono::milliseconds longest = 20s) {
  Options options;
  options.server = server.sip();
  options.http = server.http();
  options.phones = options.in_flight = phones;
  options.connections = 8;
  auto generator = Generator::open(options);
  EXPECT_TRUE(generator);
  EXPECT_EQ((*generator)->run(Mode::kRegister, {.duration = 20s, .count = phones}).done, phones);
  Keyboards keyboards(**generator, changes);
  return keyboards.run(longest, getpid(), memory_of(getpid()));
}

TEST(Keyboards, EveryLampIsOrderedCountedAndLookedAt) {
  LampServer server;
  const auto report = change_all(server, 30, 2);
  EXPECT_EQ(report.changes.done, 60U);
  EXPECT_EQ(report.minimum, 30U * 2 * 12);
  EXPECT_EQ(report.messages, report.minimum);
  EXPECT_EQ(report.least, 24U);
  EXPECT_EQ(report.most, 24U);
  EXPECT_EQ(report.lamps, 360U);
  EXPECT_EQ(report.wrong, 0U) << report.first_wrong;
  EXPECT_GT(report.confirmed, 0);
  EXPECT_TRUE(report.before && report.registered && report.after);
  EXPECT_THAT(describe(report), HasSubstr("720 MESSAGEs, 720 needed; 24 to 24 per phone; 0 sent again"));
  const auto json = boost::json::parse(to_json(report));
  EXPECT_EQ(json.at("messages").to_number<int>(), 720);
  EXPECT_EQ(json.at("wrong_lamps").to_number<int>(), 0);
  EXPECT_GT(json.at("memory").at("after").at("pss").to_number<double>(), 0);
}

TEST(Keyboards, RepeatedMessagesAreCountedApart) {
  LampServer server({.repeats_messages = true});
  const auto report = change_all(server, 5, 1);
  EXPECT_EQ(report.messages, 60U);
  EXPECT_GE(report.changes.repeats, 50U);  // the last ones may come after the end
}

TEST(Keyboards, ALampThatStaysDarkIsFoundThoughTheServerSaysConfirmed) {
  LampServer server({.lights_nothing = true});
  const auto report = change_all(server, 3, 1, 200ms);
  EXPECT_EQ(report.changes.done, 0U);
  EXPECT_EQ(report.wrong, 36U);
  EXPECT_THAT(report.first_wrong, HasSubstr("1000@127.0.0.1: key 1 shows nothing, ordered was"));
  EXPECT_THAT(describe(report), HasSubstr("36 looked at, 36 wrong, the first: 1000@127.0.0.1"));
}

}  // namespace
}  // namespace lamplighter::load
