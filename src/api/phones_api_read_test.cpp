#include <boost/json/serialize.hpp>

#include "api/phones_api_test.h"

// What the control API shows.
namespace lamplighter::api {
namespace {

using namespace test;
using testing::ElementsAre;
using testing::HasSubstr;

const std::string kAor = "101@example.com";
const std::string kDesk = "sip:101@192.0.2.7:5060;line=x";

using PhonesApiRead = PhonesApiTest;

boost::json::object read(const HttpReply& reply) { return boost::json::parse(reply.body).as_object(); }

TEST_F(PhonesApiRead, APhoneIsItsContactsAndItsKeysDesiredAndConfirmed) {
  bind(kAor, kDesk);
  set(kAor, "10", {.light = lamp::Light::kOn, .color = lamp::Color::kRed, .label = "Türe", .number = "432"});
  set(kAor, "2", {.light = lamp::Light::kOff, .press = lamp::Press::kToggle});
  ASSERT_EQ(deliver(kAor, kDesk, 200), 2u);
  set(kAor, "2", {.light = lamp::Light::kHold});
  EXPECT_EQ(get("/v1/phones/101").body,
            R"({"phone":"101@example.com","registered":true,"confirmed":false,)"
            R"("contacts":[{"contact":"sip:101@192.0.2.7:5060;line=x","model":"snom370","user_agent":"snom370/8.4.35",)"
            R"("address":"192.0.2.7:5060","transport":"UDP","registered_at":"2023-11-14T22:13:20.000Z",)"
            R"("expires_in":3600,"delivering":true,"in_flight":false}],)"
            R"("keys":[{"key":"2","version":1700000000002,"desired":{"light":"hold","action":"invite"},)"
            R"("state":"pending","contacts":[{"contact":"sip:101@192.0.2.7:5060;line=x","state":"pending",)"
            R"("shows":{"light":"off"}}]},)"
            R"({"key":"10","version":1700000000000,"desired":{"light":"on","color":"red","label":"Türe",)"
            R"("number":"432","action":"invite"},"state":"confirmed","contacts":[{"contact":)"
            R"("sip:101@192.0.2.7:5060;line=x","state":"confirmed","shows":{"light":"on","color":"red"}}]}]})");
}

TEST_F(PhonesApiRead, AKeyIsAsBadAsItsWorstContact) {
  bind(kAor, "sip:a@192.0.2.7");
  bind(kAor, "sip:b@192.0.2.7");
  set(kAor, "2", {.light = lamp::Light::kOn});
  ASSERT_EQ(deliver(kAor, "sip:a@192.0.2.7", 200), 1u);
  ASSERT_EQ(deliver(kAor, "sip:b@192.0.2.7", 415), 1u);
  auto key = get("/v1/phones/101/keys/2");
  EXPECT_EQ(
      key.body,
      R"({"phone":"101@example.com","key":"2","version":1700000000000,"desired":{"light":"on","action":"invite"},)"
      R"("state":"refused","contacts":[)"
      R"({"contact":"sip:a@192.0.2.7","state":"confirmed","shows":{"light":"on"}},)"
      R"({"contact":"sip:b@192.0.2.7","state":"refused","status":415,"shows":null}]})");
  EXPECT_EQ(read(get("/v1/phones/101"))["confirmed"], false);
}

TEST_F(PhonesApiRead, APhoneThatWaitsSaysUntilWhen) {
  bind(kAor, kDesk);
  set(kAor, "2", {.light = lamp::Light::kOn});
  ASSERT_EQ(deliver(kAor, kDesk, 0), 1u);
  auto phone = read(get("/v1/phones/101"));
  EXPECT_THAT(std::string(phone["contacts"].at(0).at("next_try").as_string()),
              testing::StartsWith("2023-11-14T22:13:2"));
  EXPECT_EQ(phone["keys"].at(0).at("state"), "unreachable");
}

TEST_F(PhonesApiRead, KeysOfAPhoneThatIsNotThereHaveNoPhone) {
  set(kAor, "2", {.light = lamp::Light::kOn});
  auto phone = read(get("/v1/phones/101@example.com"));
  EXPECT_EQ(phone["registered"], false);
  EXPECT_EQ(phone["confirmed"], false);
  EXPECT_EQ(boost::json::serialize(phone["contacts"]), "[]");
  EXPECT_EQ(phone["keys"].at(0).at("state"), "no phone");
}

TEST_F(PhonesApiRead, APhoneIsKnownByRegistrationKeysOrPassword) {
  bind("102@example.com", "sip:102@192.0.2.7", "Yealink SIP-T46S 66.84.0.15");
  set("103@example.com", "1", {});
  auto registered = read(get("/v1/phones/102"));
  EXPECT_EQ(registered["contacts"].at(0).at("model"), "generic");
  EXPECT_EQ(registered["confirmed"], true);
  EXPECT_EQ(get("/v1/phones/103").status, 200u);
  EXPECT_EQ(get("/v1/phones/105").body,
            R"({"phone":"105@example.com","registered":false,"confirmed":true,"contacts":[],"keys":[]})");
  for (auto unknown : {"104", "106", "101@elsewhere.example", "@example.com", "%20"}) {
    for (auto below : {"", "/keys/2", "/keys/2/history"}) {
      auto reply = get(std::string("/v1/phones/") + unknown + below);
      EXPECT_EQ(reply.status, 404u) << unknown;
      EXPECT_EQ(read(reply)["field"], "phone");
    }
  }
}

TEST_F(PhonesApiRead, AKeyThatWasClearedAndIsDarkSaysSo) {
  bind(kAor, kDesk);
  put("/v1/phones/101/keys/2", R"({"light":"on"})");
  ASSERT_TRUE(deliver_soon(kAor, kDesk, 200));
  ask("DELETE", "/v1/phones/101/keys/2");
  ASSERT_TRUE(deliver_soon(kAor, kDesk, 200));
  EXPECT_EQ(boost::json::serialize(read(get("/v1/phones/101"))["keys"]), "[]");
  EXPECT_THAT(get("/v1/phones/101/keys/2").body,
              HasSubstr(R"("desired":null,"state":"confirmed","contacts":[{"contact":)"
                        R"("sip:101@192.0.2.7:5060;line=x","state":"confirmed","shows":{"light":"off"}}])"));
  auto never = get("/v1/phones/101/keys/3");
  EXPECT_EQ(never.status, 404u);
  EXPECT_EQ(read(never)["detail"], "key 3 of 101@example.com was never set");
  EXPECT_EQ(get("/v1/phones/101/keys/3/history").status, 404u);
}

TEST_F(PhonesApiRead, TheHistoryTellsEachChangeAndEachAttempt) {
  bind(kAor, kDesk);
  set(kAor, "2", {.light = lamp::Light::kOn, .color = lamp::Color::kGreen});
  ASSERT_EQ(deliver(kAor, kDesk, 503), 1u);
  ASSERT_EQ(ask("DELETE", "/v1/phones/101/keys/2").status, 200u);
  auto history = read(get("/v1/phones/101/keys/2/history"));
  EXPECT_EQ(history["phone"], "101@example.com");
  EXPECT_EQ(history["key"], "2");
  auto& entries = history["entries"].as_array();
  ASSERT_EQ(entries.size(), 3u);
  EXPECT_EQ(boost::json::serialize(entries[0]),
            R"({"time":"2023-11-14T22:13:20.000Z","event":"change","version":1700000000000,"origin":"dial",)"
            R"("detail":"431 dialled","light":"on","color":"green"})");
  EXPECT_THAT(get("/v1/phones/101/keys/2/history").body,
              HasSubstr(R"({"time":"2023-11-14T22:13:20.000Z","event":"retrying","version":1700000000000,)"
                        R"("contact":"sip:101@192.0.2.7:5060;line=x","call_id":"call","status":503,"latency_ms":0})"));
  EXPECT_EQ(entries[2].at("origin"), "api");
  EXPECT_EQ(entries[2].at("cleared"), true);
  EXPECT_THAT(std::string(entries[2].at("detail").as_string()), testing::StartsWith("DELETE from 127.0.0.1:"));
}

TEST_F(PhonesApiRead, TheListIsPagedByAddress) {
  for (int i = 9; i >= 0; --i) {
    const auto aor = "20" + std::to_string(i) + "@example.com";
    if (i % 2 == 0) bind(aor, "sip:x@192.0.2.7");
    if (i % 3 == 0) set(aor, "2", {.light = lamp::Light::kOn});
  }
  bind("200@example.com", "sip:y@192.0.2.7");
  // 200: both, 202 204 208: registered, 203 209: keys, 206: both
  std::vector<std::string> seen;
  std::string target = "/v1/phones?limit=3";
  for (int pages = 0; pages < 5; ++pages) {
    auto page = read(get(target));
    for (auto& row : page["phones"].as_array()) seen.emplace_back(row.at("phone").as_string());
    if (!page.contains("next")) break;
    target = "/v1/phones?limit=3&after=" + encode_segment(std::string(page["next"].as_string()));
  }
  EXPECT_THAT(seen, ElementsAre("200@example.com", "202@example.com", "203@example.com", "204@example.com",
                                "206@example.com", "208@example.com", "209@example.com"));
  EXPECT_EQ(get("/v1/phones?limit=1").body,
            R"({"phones":[{"phone":"200@example.com","registered":true,"contacts":2,"keys":1,"unconfirmed":2}],)"
            R"("next":"200@example.com"})");
  EXPECT_EQ(get("/v1/phones?after=208@example.com").body,
            R"({"phones":[{"phone":"209@example.com","registered":false,"contacts":0,"keys":1,"unconfirmed":0}]})");
  EXPECT_EQ(get("/v1/phones?limit=7&after=").body.find("next"), std::string::npos);
  EXPECT_EQ(get("/v1/phones?after=x").body, R"({"phones":[]})");
}

TEST_F(PhonesApiRead, TheListOfUnconfirmedPhonesIsPagedToo) {
  // 0, 3, 6, 9: confirmed; 1, 4, 7: not yet, 4 by its second phone only; 2, 5, 8: keys, nobody registered
  for (int i = 0; i < 10; ++i) {
    const auto aor = "20" + std::to_string(i) + "@example.com";
    if (i % 3 != 2) bind(aor, kDesk);
    set(aor, "2", {.light = lamp::Light::kOn});
    if (i % 3 == 0) {
      ASSERT_EQ(deliver(aor, kDesk, 200), 1u);
    }
  }
  ASSERT_EQ(deliver("204@example.com", kDesk, 200), 1u);
  bind("204@example.com", "sip:second@192.0.2.7");
  EXPECT_EQ(get("/v1/phones?unconfirmed=true&limit=2").body,
            R"({"phones":[{"phone":"201@example.com","registered":true,"contacts":1,"keys":1,"unconfirmed":1},)"
            R"({"phone":"204@example.com","registered":true,"contacts":2,"keys":1,"unconfirmed":1}],)"
            R"("next":"204@example.com"})");
  EXPECT_EQ(get("/v1/phones?unconfirmed=true&limit=2&after=204@example.com").body,
            R"({"phones":[{"phone":"207@example.com","registered":true,"contacts":1,"keys":1,"unconfirmed":1}]})");
  EXPECT_EQ(read(get("/v1/phones?unconfirmed=false"))["phones"].as_array().size(), 10u);
}

TEST_F(PhonesApiRead, ARefusedLampIsNotConfirmed) {
  bind(kAor, kDesk);
  set(kAor, "2", {.light = lamp::Light::kOn});
  ASSERT_EQ(deliver(kAor, kDesk, 415), 1u);
  EXPECT_EQ(read(get("/v1/phones?unconfirmed=true"))["phones"].as_array().size(), 1u);
}

}  // namespace
}  // namespace lamplighter::api
