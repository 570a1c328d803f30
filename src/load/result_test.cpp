#include "load/result.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>

namespace lamplighter::load {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

Result some_presses() {
  Result result;
  result.phones = 10;
  result.sockets = 2;
  result.seconds = 2;
  result.done = 1000;
  result.statuses[404] = 1000;
  result.lamp.add(1500us);
  result.server = 77;
  result.server_cpu = 20ms;
  return result;
}

TEST(Result, TellsPeopleTheRateAndWhatAPressCosts) {
  const auto text = describe(some_presses());
  EXPECT_THAT(text, HasSubstr("press: 10 phones on 2 sockets, 2.00 s"));
  EXPECT_THAT(text, HasSubstr("1000   500.0 per second"));
  EXPECT_THAT(text, HasSubstr("20.0 us per press   1 % of a core   (process 77)"));
  EXPECT_THAT(text, HasSubstr("p50 1.5 ms"));
  EXPECT_THAT(text, Not(HasSubstr("NOT A CLEAN RUN")));
}

TEST(Result, MarksARunInWhichTheKernelDropped) {
  auto result = some_presses();
  result.kernel_drops = 3;
  EXPECT_THAT(describe(result), HasSubstr("NOT A CLEAN RUN"));
  EXPECT_EQ(boost::json::parse(to_json(result)).at("clean"), false);
}

TEST(Result, CallsTheAnswerToAWriteAConfirmation) {
  auto result = some_presses();
  result.mode = Mode::kApi;
  result.answer.add(2ms);
  EXPECT_THAT(describe(result), HasSubstr("confirmed         p50 2.0 ms"));
  EXPECT_THAT(describe(result), HasSubstr("20.0 us per write"));
}

TEST(Result, TellsProgramsTheSameInMicroseconds) {
  const auto json = boost::json::parse(to_json(some_presses()));
  EXPECT_EQ(json.at("mode"), "press");
  EXPECT_EQ(json.at("done").to_number<int>(), 1000);
  EXPECT_EQ(json.at("per_second").to_number<double>(), 500);
  EXPECT_EQ(json.at("lamp_us").at("max").to_number<double>(), 1500);
  EXPECT_EQ(json.at("server_cpu_us_each").to_number<double>(), 20);
  EXPECT_EQ(json.at("statuses").at("404").to_number<int>(), 1000);
}

}  // namespace
}  // namespace lamplighter::load
