#include <gmock/gmock.h>

#include <atomic>

#include "lamp_phone.h"

// Lamps on a whole server on a bad day: its disk fails, somebody sets its clock.
namespace lamplighter::tests {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::StartsWith;

const ServerFixture::Values kOneWorker = {{"sip.workers", "1"}, {"dial.lights.441", "toggle"}};

bool all_confirmed(ServerFixture& server) {
  return eventually([&] { return server.http("GET", "/v1/phones/101").body.contains(R"("confirmed":true)"); });
}

bool keys_not_stored(ServerFixture& server, int count) {
  const auto text = fmt::format(R"("keys_not_stored":{}}})", count);
  return eventually([&] { return server.http("GET", "/healthz").body.contains(text); });
}

//  phone              server                 API
//    |                  |   (no write succeeds)
//    |                  |<-- PUT key 1 hold -----|
//    |<-- MESSAGE hold -|--- 503 --------------->|
//    | INVITE 441       |
//    |----------------->|   the press counts, once
//    |<-- MESSAGE on ---|
//    |                  |   (heals: all is stored)
TEST(LampServer, ADiskThatFailsForAWhileKeepsNoLampFromFollowing) {
  TempFolder folder;
  std::optional<ServerFixture> server(std::in_place, kOneWorker, &folder);
  ASSERT_TRUE(server->running()) << server->error();
  LampPhone phone("101");
  ASSERT_EQ(phone.register_at(server->sip()), 200);
  for (const auto* key : {"1", "3"}) {
    ASSERT_EQ(server->http("PUT", fmt::format("/v1/phones/101/keys/{}?wait=5s", key), R"({"light":"on"})").status,
              200u);
  }
  ASSERT_THAT(server->http("GET", "/healthz").body, HasSubstr(R"("keys_not_stored":0)"));
  {
    SpoiltDisk read_only(0);
    auto refused = server->http("PUT", "/v1/phones/101/keys/1?wait=5s", R"({"light":"hold"})");
    EXPECT_EQ(refused.status, 503u);
    EXPECT_THAT(refused.content_type, StartsWith("application/problem+json"));
    EXPECT_TRUE(phone.comes_to_show("1", "hold"));
    EXPECT_EQ(server->http("DELETE", "/v1/phones/101/keys/3").status, 503u);
    EXPECT_TRUE(phone.comes_to_show("3", "off"));
    // A dialled code, and the same press told a second time.
    EXPECT_EQ(phone.dial(server->sip(), "441", "press"), 404);
    EXPECT_TRUE(phone.comes_to_show("2", "on"));
    EXPECT_EQ(phone.dial(server->sip(), "441", "press"), 404);
    // A whole keyboard of somebody who is not registered.
    EXPECT_EQ(server->http("PUT", "/v1/phones/102/keys?create=yes", R"({"keys":{"1":{"light":"on"}}})").status, 503u);

    EXPECT_TRUE(all_confirmed(*server));
    EXPECT_TRUE(keys_not_stored(*server, 4)) << server->http("GET", "/healthz").body;
    EXPECT_EQ(phone.shows("2"), "on");  // the second telling did not toggle
  }
  EXPECT_TRUE(keys_not_stored(*server, 0)) << server->http("GET", "/healthz").body;
  EXPECT_EQ(server->http("PUT", "/v1/phones/101/keys/4?wait=5s", R"({"light":"park"})").status, 200u);

  server.emplace(kOneWorker, &folder);
  ASSERT_TRUE(server->running()) << server->error();
  EXPECT_TRUE(all_confirmed(*server));
  for (const auto& [key, light] : {std::pair{"1", "hold"}, {"2", "on"}, {"4", "park"}}) {
    EXPECT_THAT(server->http("GET", fmt::format("/v1/phones/101/keys/{}", key)).body,
                HasSubstr(fmt::format(R"("desired":{{"light":"{}")", light)));
    EXPECT_EQ(phone.shows(key), light);
  }
  EXPECT_THAT(server->http("GET", "/v1/phones/101/keys/3").body, HasSubstr(R"("desired":null)"));
  EXPECT_EQ(phone.shows("3"), "off");
  EXPECT_THAT(server->http("GET", "/v1/phones/102/keys/1").body, HasSubstr(R"("desired":{"light":"on")"));
  // Carried out once before the restart, and known after it.
  EXPECT_EQ(phone.dial(server->sip(), "441", "press"), 404);
  EXPECT_EQ(server->http("PUT", "/v1/phones/101/keys/4?wait=5s", R"({"light":"on"})").status, 200u);
  EXPECT_EQ(phone.shows("2"), "on");
}

/// The machine's clock, whose wall time somebody sets.
class SetClock final : public Clock {
 public:
  TimePoint now() const override { return machine_.now(); }
  WallTime wall() const override { return machine_.wall() + ahead_.load(); }
  void set(std::chrono::milliseconds ahead) { ahead_ = ahead; }

 private:
  SystemClock machine_;
  std::atomic<std::chrono::milliseconds> ahead_{0ms};
};

TEST(LampServer, AWallClockThatJumpsEndsNoRegistrationAndKeepsNoLampFromFollowing) {
  SetClock clock;
  TempFolder folder;
  ServerFixture server(kOneWorker, &folder, &clock);
  ASSERT_TRUE(server.running()) << server.error();
  LampPhone phone("101");
  ASSERT_EQ(phone.register_at(server.sip()), 200);
  int press = 0;
  std::string lit = "off";
  for (const auto jump : {0h, 48h, -48h, 24h * 365, 0h}) {
    clock.set(jump);
    const auto before = phone.messages();
    EXPECT_TRUE(all_confirmed(server));
    EXPECT_THAT(server.http("GET", "/v1/phones/101").body, HasSubstr(R"("registered":true)"));
    EXPECT_THAT(server.http("GET", "/v1/phones/101").body, HasSubstr(R"("expires_in":35)"));
    lit = lit == "on" ? "off" : "on";
    EXPECT_EQ(phone.dial(server.sip(), "441", fmt::format("press-{}", ++press)), 404);
    EXPECT_TRUE(phone.comes_to_show("2", lit)) << jump.count();
    EXPECT_EQ(phone.dial(server.sip(), "441", fmt::format("press-{}", press)), 404);  // the same press
    const auto light = press % 2 == 0 ? "park" : "hold";
    EXPECT_EQ(server.http("PUT", "/v1/phones/101/keys/1?wait=5s", fmt::format(R"({{"light":"{}"}})", light)).status,
              200u);
    EXPECT_EQ(phone.shows("1"), light);
    EXPECT_EQ(phone.shows("2"), lit);
    EXPECT_EQ(phone.messages(), before + 2) << jump.count();  // two changes, nothing else
    EXPECT_EQ(phone.register_at(server.sip()), 200);          // a refresh: nothing is sent again
  }
}

TEST(LampServer, AStartWithTheClockSetBackLetsNewerStatesWin) {
  SetClock clock;
  TempFolder folder;
  std::optional<ServerFixture> server(std::in_place, kOneWorker, &folder, &clock);
  ASSERT_TRUE(server->running()) << server->error();
  LampPhone phone("101");
  ASSERT_EQ(phone.register_at(server->sip()), 200);
  ASSERT_EQ(server->http("PUT", "/v1/phones/101/keys/1?wait=5s", R"({"light":"on"})").status, 200u);
  for (const auto* light : {"hold", "park"}) {
    clock.set(light == std::string("hold") ? -20min : -40min);
    const auto before = phone.messages();
    server.emplace(kOneWorker, &folder, &clock);
    ASSERT_TRUE(server->running()) << server->error();
    EXPECT_TRUE(all_confirmed(*server));
    EXPECT_EQ(server->http("PUT", "/v1/phones/101/keys/1?wait=5s", fmt::format(R"({{"light":"{}"}})", light)).status,
              200u);
    EXPECT_EQ(phone.shows("1"), light);
    EXPECT_EQ(phone.messages(), before + 1);  // what was confirmed before the start is not sent again
  }
  server.emplace(kOneWorker, &folder, &clock);
  EXPECT_THAT(server->http("GET", "/v1/phones/101/keys/1").body, HasSubstr(R"("desired":{"light":"park")"));
}

}  // namespace
}  // namespace lamplighter::tests
