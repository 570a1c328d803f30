#include "view/change_view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "view/document.h"
#include "view/words.h"

namespace lamplighter::view {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

TEST(ChangeView, AConfirmedChangeIsOneLine) {
  const auto report = report_change(R"({"phone":"101@127.0.0.1","key":"2","version":7,"changed":true,"confirmed":true,
      "contacts":[{"contact":"sip:101@h","state":"confirmed"}]})",
                                    R"(on, red, "Night")", milliseconds{3});
  ASSERT_TRUE(report) << report.error();
  EXPECT_EQ(report->line, R"(101@127.0.0.1 key 2: on, red, "Night": confirmed by 1 of 1 phones (3 ms))");
  EXPECT_TRUE(report->confirmed);
  EXPECT_EQ(report->who_not, "");
}

TEST(ChangeView, WhoHasNotConfirmedIsNamedWithTheReason) {
  const auto report = report_change(R"({"phone":"101@d","keys":["1","2"],"changed":true,"confirmed":false,"contacts":[
      {"contact":"sip:a","state":"refused","status":415},{"contact":"sip:b","state":"confirmed"},
      {"contact":"sip:c","state":"unreachable"}]})",
                                    "2 keys", milliseconds{2004});
  ASSERT_TRUE(report) << report.error();
  EXPECT_EQ(report->line, "101@d: 2 keys: stored, confirmed by 1 of 3 phones (2004 ms)");
  EXPECT_FALSE(report->confirmed);
  EXPECT_EQ(report->who_not, "sip:a: refused (415); sip:c: unreachable");
}

TEST(ChangeView, WithoutWaitingTheCountIsOfNow) {
  const auto report = report_change(R"({"phone":"101@d","key":"2","changed":false,"confirmed":false,
      "contacts":[{"contact":"sip:a","state":"pending"}]})",
                                    "cleared", std::nullopt);
  ASSERT_TRUE(report) << report.error();
  EXPECT_EQ(report->line, "101@d key 2: cleared: as before, stored, confirmed by 0 of 1 phones so far");
}

TEST(ChangeView, NoPhoneIsNotAConfirmation) {
  const auto report = report_change(R"({"phone":"101@d","key":"2","changed":true,"confirmed":false,"contacts":[]})",
                                    "on", milliseconds{0});
  ASSERT_TRUE(report) << report.error();
  EXPECT_EQ(report->line, "101@d key 2: on: stored, no phone with lamps is registered");
  EXPECT_FALSE(report->confirmed);
}

TEST(ChangeView, WhatIsNoChangeIsAnError) {
  EXPECT_THAT(report_change(R"({"phone":7})", "on", std::nullopt).error(), HasSubstr("no text \"phone\""));
}

TEST(Problems, OneLineWhateverTheBody) {
  EXPECT_EQ(problem_line(400, R"({"type":"about:blank","title":"Bad Request","status":400,"detail":"no\nsuch light"})"),
            "no?such light");
  EXPECT_EQ(problem_line(503, R"({"title":"Service Unavailable"})"), "Service Unavailable (503)");
  EXPECT_EQ(problem_line(502, "<h1>Bad\x1b gateway</h1>\r\n<p>"), "the server answered 502: <h1>Bad? gateway</h1>");
  EXPECT_EQ(problem_line(500, ""), "the server answered 500");
}

TEST(Words, TimesAreReadAsTheApiWritesThem) {
  const auto time = parse_time("2026-11-23T22:00:00.123Z");
  ASSERT_TRUE(time);
  EXPECT_EQ(time->time_since_epoch(), milliseconds{1795471200123});
  for (const auto* wrong : {"", "2026-11-23T22:00:00Z", "2026-13-23T22:00:00.123Z", "2026-11-23 22:00:00.123Z",
                            "2026-11-23T22:0x:00.123Z", "-026-11-23T22:00:00.123Z"}) {
    EXPECT_FALSE(parse_time(wrong)) << wrong;
  }
}

TEST(Words, SpansAreRoundedUp) {
  EXPECT_EQ(span_text(milliseconds{0}), "1 s");
  EXPECT_EQ(span_text(milliseconds{11'200}), "12 s");
  EXPECT_EQ(span_text(std::chrono::seconds{3540}), "59 min");
  EXPECT_EQ(span_text(std::chrono::seconds{3 * 3600 - 1}), "3 h");
  EXPECT_EQ(span_text(std::chrono::hours{100}), "5 days");
}

TEST(Words, AKeyIsToldWithAllItShowsAndDoes) {
  EXPECT_EQ(key_text({{"light", "on"}}), "on");
  EXPECT_EQ(key_text({{"light", "on"}, {"color", "red"}, {"label", "Night"}, {"number", "432"}, {"action", "message"}}),
            R"(on, red, "Night", number 432, message)");
}

TEST(Words, AClockThatIsAheadDoesNotTellOfThePast) {
  const auto now = *parse_time("2026-11-23T22:00:00.000Z");
  EXPECT_EQ(state_text({{"state", "unreachable"}}, now - milliseconds{5}, now), "unreachable, next try now");
  EXPECT_EQ(state_text({{"state", "refused"}, {"status", 415}}, now + milliseconds{5}, now), "refused (415)");
  EXPECT_EQ(state_text({{"state", "retrying"}, {"status", 503}}, std::nullopt, now), "retrying (503)");
  EXPECT_EQ(state_text({{"state", "retrying"}, {"status", 503}}, now + milliseconds{5}, now),
            "answered 503, next try in 1 s");
}

}  // namespace
}  // namespace lamplighter::view
