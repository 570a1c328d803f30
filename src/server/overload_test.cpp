#include <gmock/gmock.h>

#include "server/core_test_support.h"

namespace lamplighter::server {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

constexpr const char* kPhone = "127.0.0.1:40001";
constexpr const char* kStranger = "127.0.0.9:40009";

// What a worker does when the kernel's buffer fills with datagrams that it has no time for.
class Overload : public CoreTest {
 protected:
  static constexpr double kSome = 0.3, kMuch = 0.6;

  void SetUp() override {
    start();
    register_phone("101", kPhone);
    register_phone("102", "127.0.0.1:40002");
  }
  Request request(const std::string& method, const std::string& user, const std::string& from, int number) {
    Request out;
    out.method = method;
    out.uri = "sip:" + user + "@127.0.0.1";
    out.to_header = "<" + out.uri + ">";
    out.from = from;
    out.branch = "z9hG4bK-" + std::to_string(number);
    out.call_id = "call-" + std::to_string(number);
    out.extra = {"User-Agent: snom370/8.4.35"};
    return out;
  }
  /// The buffer has been as full as this for longer than a burst takes.
  void stay_behind(double filled) {
    core().on_backlog(filled);
    clock.advance(std::chrono::seconds{1});
    core().on_backlog(filled);
  }
  /// The status the server answers, first; 0: it did something else.
  int answer(const Request& request) {
    const auto out = receive(request.from, request.text());
    return out.empty() ? 0 : out[0].status();
  }
};

TEST_F(Overload, WithoutABacklogEverybodyIsServed) {
  EXPECT_EQ(answer(request("INVITE", "431", kStranger, 1)), 404);
  core().on_backlog(0.2);
  EXPECT_EQ(answer(request("INVITE", "431", kStranger, 2)), 404);
  EXPECT_EQ(core().counters().refused_busy.value(), 0u);
}

TEST_F(Overload, StrangersAreToldToComeBackLaterAndCostNoTransaction) {
  stay_behind(kSome);
  const auto out = receive(kStranger, request("INVITE", "431", kStranger, 1).text());
  ASSERT_EQ(out.size(), 1u) << "and no lamp";
  EXPECT_EQ(out[0].start_line(), "SIP/2.0 503 Service Unavailable");
  EXPECT_THAT(out[0].header("To"), HasSubstr(";tag="));
  const auto seconds = std::stoi(out[0].header("Retry-After"));
  EXPECT_GE(seconds, 5);
  EXPECT_LT(seconds, 10);
  EXPECT_EQ(core().counters().refused_busy.value(), 1u);

  auto ack = request("ACK", "431", kStranger, 1);
  ack.to_header = out[0].header("To");
  EXPECT_THAT(receive(kStranger, ack.text()), IsEmpty());
  pass(std::chrono::seconds{40});
  EXPECT_TRUE(core().idle()) << "nothing was kept for it";

  EXPECT_EQ(answer(request("OPTIONS", "101", kStranger, 2)), 503);
  EXPECT_EQ(answer(request("MESSAGE", "101", kStranger, 3)), 503);
  core().on_backlog(0);
  EXPECT_EQ(answer(request("INVITE", "431", kStranger, 4)), 404);
}

TEST_F(Overload, RegisteredPhonesAreServedLonger) {
  stay_behind(kSome);
  EXPECT_EQ(answer(request("INVITE", "431", kPhone, 1)), 404);
  EXPECT_EQ(answer(request("INVITE", "102", kPhone, 2)), 100) << "a call";
  auto elsewhere = request("INVITE", "431", "127.0.0.1:40007", 3);
  EXPECT_EQ(answer(elsewhere), 503) << "who says to be 101 and sends from elsewhere";
}

TEST_F(Overload, PressesOfRegisteredPhonesAreAlwaysCarriedOut) {
  stay_behind(kMuch);
  EXPECT_EQ(answer(request("INVITE", "102", kPhone, 1)), 503) << "a call";
  const auto out = receive(kPhone, request("INVITE", "431", kPhone, 2).text());
  ASSERT_EQ(out.size(), 2u);
  EXPECT_EQ(out[0].status(), 404);
  EXPECT_THAT(out[1].start_line(), HasSubstr("MESSAGE sip:101@"));
  auto press = request("MESSAGE", "key-2", kPhone, 3);
  press.body = "k=2\r\n";
  EXPECT_NE(answer(press), 503);
}

TEST_F(Overload, WhatIsUnderWayGoesOn) {
  const auto call = request("INVITE", "102", kPhone, 1);
  receive(kPhone, call.text());
  stay_behind(kMuch);
  EXPECT_EQ(answer(call), 100) << "sent again: absorbed";
  auto cancel = request("CANCEL", "102", kPhone, 1);
  EXPECT_EQ(answer(cancel), 200);
  auto bye = request("BYE", "102", kPhone, 2);
  bye.to_header = "<sip:102@127.0.0.1>;tag=callee";
  EXPECT_NE(answer(bye), 503) << "hanging up makes work less";
}

TEST_F(Overload, WhatIsRestoredWaitsUntilTheAnswersCanBeRead) {
  const std::string aor = "101@localhost";
  const lamp::Key key{.light = lamp::Light::kOn};
  const lamp::Edit edit{.name = "2", .key = &key};
  const auto made = phones().change(aor, {&edit, 1}, {});
  ASSERT_TRUE(made);
  const std::pair<lamp::KeyName, std::uint64_t> stored{"2", made->at(0).version};
  phones().settled(aor, {&stored, 1});
  desk().restore_contacts(aor);
  std::vector<std::pair<lamp::Wake, std::size_t>> behind;
  phones().for_each_behind([&](lamp::Wake wake, std::size_t keys) { behind.emplace_back(wake, keys); });
  ASSERT_EQ(behind.size(), 1u);

  core().on_backlog(0.1);
  core().restore_lamps(behind);
  EXPECT_THAT(pass(std::chrono::seconds{1}), IsEmpty());
  core().on_backlog(0);
  const auto out = pass(std::chrono::seconds{1});
  ASSERT_EQ(out.size(), 2u) << "and half a second later once more, as it is not answered";
  EXPECT_THAT(out[0].start_line(), HasSubstr("MESSAGE sip:101@"));
}

TEST_F(Overload, ABurstIsTakenAsItComes) {
  core().on_backlog(kMuch);
  EXPECT_EQ(answer(request("INVITE", "431", kStranger, 1)), 404);
  clock.advance(std::chrono::milliseconds{400});
  core().on_backlog(0.1);
  clock.advance(std::chrono::milliseconds{400});
  core().on_backlog(kMuch);
  EXPECT_EQ(answer(request("INVITE", "431", kStranger, 2)), 404) << "another burst";
}

class FullTable : public Overload {
 protected:
  FullTable() { settings.max_transactions = 3; }
};

TEST_F(FullTable, NewRequestsGet503) {
  EXPECT_EQ(answer(request("INVITE", "431", kPhone, 1)), 404);
  EXPECT_EQ(answer(request("INVITE", "431", kPhone, 2)), 503);
}

}  // namespace
}  // namespace lamplighter::server
