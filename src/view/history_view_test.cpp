#include "view/history_view.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lamplighter::view {
namespace {

using testing::HasSubstr;

std::string entry(int version) {
  return fmt::format(
      R"({{"time":"2026-11-23T22:00:00.{:03}Z","event":"change","version":{},"origin":"api","light":"on"}})", version,
      version);
}
std::string document(int first, int last) {
  std::string entries;
  for (int i = first; i <= last; ++i) entries += (i == first ? "" : ",") + entry(i);
  return R"({"phone":"101@d","key":"2","entries":[)" + entries + "]}";
}
std::vector<int> versions(HistoryTail& tail, const std::string& text) {
  std::vector<int> all;
  const auto fresh = tail.fresh(text).value();
  for (const auto& each : fresh) all.push_back(static_cast<int>(each.at("version").as_int64()));
  return all;
}

TEST(HistoryView, OneLineAnEntry) {
  HistoryTail tail;
  const auto entries = tail.fresh(R"({"phone":"101@d","key":"2","entries":[
    {"time":"2026-11-23T22:00:00.123Z","event":"change","version":1,"origin":"dial",
     "detail":"431 dialled from 192.0.2.7:5060","light":"on","color":"red"},
    {"time":"2026-11-23T22:00:00.125Z","event":"confirmed","version":1,"contact":"sip:101@192.0.2.7:5060",
     "call_id":"8f2c","status":200,"latency_ms":1.234},
    {"time":"2026-11-23T22:00:09.000Z","event":"change","version":2,"origin":"api","detail":"","light":"off","cleared":true},
    {"time":"2026-11-23T22:00:41.001Z","event":"unreachable","version":2,"contact":"sip:101@192.0.2.7:5060",
     "call_id":"8f2d","latency_ms":32000},
    {"time":"2026-11-23T22:00:51.001Z","event":"refused","version":2,"contact":"sip:101@192.0.2.7:5060",
     "call_id":"8f2e","status":415,"latency_ms":2}]})");
  ASSERT_TRUE(entries) << entries.error();
  auto text = HistoryTable::header();
  for (const auto& each : *entries) text += HistoryTable(0).row(each);
  EXPECT_EQ(text, R"(time (UTC)               event                  latency  origin / contact, Call-ID
2026-11-23 22:00:00.123  set on red                      dial: 431 dialled from 192.0.2.7:5060
2026-11-23 22:00:00.125  confirmed               1.2 ms  sip:101@192.0.2.7:5060  8f2c
2026-11-23 22:00:09.000  cleared                         api
2026-11-23 22:00:41.001  unreachable         32000.0 ms  sip:101@192.0.2.7:5060  8f2d
2026-11-23 22:00:51.001  refused (415)           2.0 ms  sip:101@192.0.2.7:5060  8f2e
)");
}

TEST(HistoryView, OnANarrowTerminalACallIdGetsALineOfItsOwnAndStaysWhole) {
  const boost::json::object confirmed{{"time", "2026-11-23T22:00:00.125Z"},
                                      {"event", "confirmed"},
                                      {"contact", "sip:101@192.0.2.7:5060"},
                                      {"call_id", std::string(60, 'c')}};
  EXPECT_THAT(HistoryTable(80).row(confirmed),
              HasSubstr("sip:101@192.0.2.7:5060\n                         Call-ID " + std::string(60, 'c') + "\n"));
}

TEST(HistoryView, FollowingTellsOnlyWhatIsNew) {
  HistoryTail tail;
  EXPECT_THAT(versions(tail, document(1, 3)), testing::ElementsAre(1, 2, 3));
  EXPECT_THAT(versions(tail, document(1, 3)), testing::ElementsAre());
  EXPECT_THAT(versions(tail, document(2, 5)), testing::ElementsAre(4, 5));  // the ring has moved on
}

TEST(HistoryView, ARingThatRanPastOrAServerThatStartedAnewIsToldWhole) {
  HistoryTail tail;
  versions(tail, document(1, 3));
  EXPECT_THAT(versions(tail, document(7, 8)), testing::ElementsAre(7, 8));
  EXPECT_THAT(versions(tail, R"({"entries":[]})"), testing::ElementsAre());
  EXPECT_THAT(versions(tail, document(9, 9)), testing::ElementsAre(9));
}

TEST(HistoryView, WhatIsNoHistoryIsAnError) { EXPECT_THAT(HistoryTail().fresh("{}").error(), HasSubstr("entries")); }

}  // namespace
}  // namespace lamplighter::view
