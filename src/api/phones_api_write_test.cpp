#include "api/phones_api_test.h"

// Changes of keys by the control API: when they are answered, and with what.
namespace lamplighter::api {
namespace {

using namespace test;
using namespace std::chrono_literals;
using testing::HasSubstr;

constexpr auto kKey2 = "/v1/phones/101/keys/2";
const std::string kAor = "101@example.com";
const std::string kDesk = "sip:101@192.0.2.7:5060";
const std::string kHome = "sip:101@192.0.2.8:5060";

using PhonesApiWrite = PhonesApiTest;

bool ready(const std::future<HttpReply>& reply) { return reply.wait_for(0s) == std::future_status::ready; }

//  client          server           store
//    | PUT            |               |
//    |--------------->|    commit     |
//    |                |-------------->|
//    |      200       |    durable    |
//    |<---------------|<--------------|
TEST_F(PhonesApiWrite, AnswersOnceTheChangeIsDurable) {
  hold_store_ = true;
  bind(kAor, kDesk);
  auto reply = start("PUT", kKey2, R"({"light":"on","color":"red","label":"Night","number":"432","action":"toggle"})");
  ASSERT_TRUE(eventually([&] { return held() == 1; }));
  EXPECT_FALSE(ready(reply));
  auto key = phones_.find(kAor, "2")->key;
  EXPECT_EQ(key, (lamp::Key{lamp::Light::kOn, lamp::Color::kRed, "Night", "432", lamp::Press::kToggle}));
  settle_store();
  auto answer = reply.get();
  EXPECT_EQ(answer.status, 200u);
  EXPECT_EQ(answer.body,
            R"({"phone":"101@example.com","key":"2","version":1700000000000,"changed":true,"confirmed":false,)"
            R"("contacts":[{"contact":"sip:101@192.0.2.7:5060","state":"pending"}]})");
}

TEST_F(PhonesApiWrite, TheSameAgainChangesNothing) {
  bind(kAor, kDesk);
  put(kKey2, R"({"light":"on"})");
  ASSERT_TRUE(deliver_soon(kAor, kDesk, 200));
  auto again = put(kKey2, R"({"light":"on"})");
  EXPECT_EQ(again.body,
            R"({"phone":"101@example.com","key":"2","version":1700000000000,"changed":false,"confirmed":true,)"
            R"("contacts":[{"contact":"sip:101@192.0.2.7:5060","state":"confirmed"}]})");
  // Nothing is left to wait for.
  EXPECT_THAT(put("/v1/phones/101/keys/2?wait=1m", R"({"light":"on"})").body, HasSubstr(R"("confirmed":true)"));
}

TEST_F(PhonesApiWrite, AFailedStoreIs503ThatSaysWhatBecameOfTheChange) {
  hold_store_ = true;
  bind(kAor, kDesk);
  auto reply = start("PUT", "/v1/phones/101/keys/2?wait=1m", R"({"light":"on"})");
  ASSERT_TRUE(eventually([&] { return held() == 1; }));
  settle_store(std::unexpected<std::string>("no space left on /var/lib/lamplighter"));
  auto answer = reply.get();
  EXPECT_EQ(answer.status, 503u);
  EXPECT_EQ(answer.content_type, "application/problem+json");
  EXPECT_THAT(answer.body, HasSubstr("the change is in force but could not be stored: no space left on "
                                     "/var/lib/lamplighter. It will be stored as soon as possible; a restart before "
                                     "that loses it"));
  EXPECT_THAT(get(kKey2).body, HasSubstr(R"("desired":{"light":"on","action":"invite"})"));
}

//  client          server           phone
//    | PUT ?wait      |               |
//    |--------------->|    MESSAGE    |
//    |                |-------------->|
//    |      200       |      200      |
//    |<---------------|<--------------|
TEST_F(PhonesApiWrite, WaitAnswersWhenThePhoneHasConfirmed) {
  bind(kAor, kDesk);
  auto reply = start("PUT", "/v1/phones/101/keys/2?wait=1m", R"({"light":"on"})");
  ASSERT_TRUE(deliver_soon(kAor, kDesk, 200));
  EXPECT_THAT(reply.get().body, HasSubstr(R"("confirmed":true,"contacts":[{"contact":"sip:101@192.0.2.7:5060",)"
                                          R"("state":"confirmed"}])"));
}

TEST_F(PhonesApiWrite, WaitNeedsTheStoreToo) {
  hold_store_ = true;
  bind(kAor, kDesk);
  auto reply = start("PUT", "/v1/phones/101/keys/2?wait=1ms", R"({"light":"on"})");
  ASSERT_TRUE(eventually([&] { return held() == 1; }));
  // A later request is answered although the first one's time is long over.
  auto second = start("PUT", "/v1/phones/101/keys/3?wait=50ms", R"({"light":"on"})");
  ASSERT_TRUE(eventually([&] { return held() == 2; }));
  EXPECT_FALSE(ready(reply));
  settle_store();
  EXPECT_EQ(reply.get().status, 200u);
  EXPECT_EQ(second.get().status, 200u);
}

TEST_F(PhonesApiWrite, WaitIsOverWhenEveryContactHasConfirmedOrRefused) {
  bind(kAor, kDesk);
  bind(kAor, kHome);
  auto reply = start("PUT", "/v1/phones/101/keys/2?wait=1m", R"({"light":"on"})");
  ASSERT_TRUE(deliver_soon(kAor, kDesk, 200));
  EXPECT_FALSE(ready(reply));
  ASSERT_TRUE(deliver_soon(kAor, kHome, 415));
  auto body = reply.get().body;
  EXPECT_THAT(body, HasSubstr(R"("confirmed":false)"));
  EXPECT_THAT(body, HasSubstr(R"({"contact":"sip:101@192.0.2.7:5060","state":"confirmed"})"));
  EXPECT_THAT(body, HasSubstr(R"({"contact":"sip:101@192.0.2.8:5060","state":"refused","status":415})"));
}

TEST_F(PhonesApiWrite, WaitEndsWithTheStateOfThePhoneThatIsSilent) {
  bind(kAor, kDesk);
  EXPECT_THAT(put("/v1/phones/101/keys/2?wait=10ms", R"({"light":"on"})").body,
              HasSubstr(R"("confirmed":false,"contacts":[{"contact":"sip:101@192.0.2.7:5060","state":"pending"}])"));
  deliver(kAor, kDesk, 503);
  EXPECT_THAT(put("/v1/phones/101/keys/2?wait=10ms", R"({"light":"on"})").body,
              HasSubstr(R"("state":"retrying","status":503)"));
}

TEST_F(PhonesApiWrite, WaitIsOverWhenTheContactLeaves) {
  bind(kAor, kDesk);
  auto reply = start("PUT", "/v1/phones/101/keys/2?wait=1m", R"({"light":"on"})");
  ASSERT_TRUE(eventually([&] { return phones_.find(kAor, "2").has_value(); }));
  unbind(kAor, kDesk);
  EXPECT_THAT(reply.get().body, HasSubstr(R"("confirmed":false,"contacts":[])"));
}

TEST_F(PhonesApiWrite, WithNoPhoneThereIsNothingToWaitFor) {
  EXPECT_THAT(put("/v1/phones/101/keys/2?wait=1m&create=yes", R"({"light":"on"})").body,
              HasSubstr(R"("changed":true,"confirmed":false,"contacts":[])"));
}

TEST_F(PhonesApiWrite, ANewerStateThatWasConfirmedCountsForTheOlder) {
  bind(kAor, kDesk);
  auto on = start("PUT", "/v1/phones/101/keys/2?wait=1m", R"({"light":"on"})");
  ASSERT_TRUE(eventually([&] { return phones_.find(kAor, "2").has_value(); }));
  auto hold = start("PUT", "/v1/phones/101/keys/2?wait=1m", R"({"light":"hold"})");
  ASSERT_TRUE(eventually([&] { return phones_.find(kAor, "2")->key->light == lamp::Light::kHold; }));
  ASSERT_TRUE(deliver_soon(kAor, kDesk, 200));
  EXPECT_EQ(deliver(kAor, kDesk, 200), 0u) << "the older state is not sent";
  EXPECT_THAT(on.get().body, AllOf(HasSubstr(R"("version":1700000000000)"), HasSubstr(R"("confirmed":true)")));
  EXPECT_THAT(hold.get().body, AllOf(HasSubstr(R"("version":1700000000001)"), HasSubstr(R"("confirmed":true)")));
}

TEST_F(PhonesApiWrite, DeleteClearsAndWaitsForTheLampToBeDark) {
  bind(kAor, kDesk);
  put(kKey2, R"({"light":"on"})");
  ASSERT_TRUE(deliver_soon(kAor, kDesk, 200));
  auto reply = start("DELETE", "/v1/phones/101/keys/2?wait=1m");
  ASSERT_TRUE(eventually([&] { return !phones_.find(kAor, "2")->key; }));
  EXPECT_THAT(get(kKey2).body, HasSubstr(R"("desired":null,"state":"pending","contacts":[{"contact":)"
                                         R"("sip:101@192.0.2.7:5060","state":"pending","shows":{"light":"on"}}])"));
  ASSERT_TRUE(deliver_soon(kAor, kDesk, 200));
  EXPECT_EQ(reply.get().body,
            R"({"phone":"101@example.com","key":"2","version":1700000000001,"changed":true,"confirmed":true,)"
            R"("contacts":[{"contact":"sip:101@192.0.2.7:5060","state":"confirmed"}]})");
  EXPECT_THAT(ask("DELETE", kKey2).body, HasSubstr(R"("changed":false)"));
}

TEST_F(PhonesApiWrite, AWholeKeyboardClearsWhatItDoesNotName) {
  bind(kAor, kDesk);
  for (auto name : {"2", "10", "11"}) put(std::string("/v1/phones/101/keys/") + name, R"({"light":"on"})");
  ASSERT_TRUE(deliver_soon(kAor, kDesk, 200));
  auto reply = start("PUT", "/v1/phones/101/keys?wait=1m",
                     R"({"keys":{"10":{"light":"on"},"2":{"light":"hold","color":"green"},"3":{"light":"off"}}})");
  ASSERT_TRUE(eventually([&] { return phones_.find(kAor, "3").has_value(); }));
  ASSERT_TRUE(deliver_soon(kAor, kDesk, 200, 3)) << "2, 3 and 11";
  auto body = reply.get().body;
  EXPECT_THAT(body, HasSubstr(R"("changed":true,"confirmed":true)"));
  EXPECT_THAT(body, testing::StartsWith(R"({"phone":"101@example.com","keys":["2","3","10","11"],)"));
  EXPECT_EQ(phones_.find(kAor, "11")->key, std::nullopt);
  EXPECT_EQ(phones_.find(kAor, "2")->key->light, lamp::Light::kHold);

  EXPECT_EQ(put("/v1/phones/101/keys", R"({"keys":{}})").status, 200u);
  EXPECT_EQ(phones_.find(kAor, "10")->key, std::nullopt);
}

TEST_F(PhonesApiWrite, TheKeyboardIsAsBadAsItsWorstKey) {
  bind(kAor, kDesk);
  put("/v1/phones/101/keys", R"({"keys":{"1":{"light":"on"},"2":{"light":"on"}}})");
  ASSERT_TRUE(deliver_soon(kAor, kDesk, 200));
  put(kKey2, R"({"light":"park"})");
  ASSERT_TRUE(deliver_soon(kAor, kDesk, 488));
  EXPECT_THAT(put("/v1/phones/101/keys?wait=1m", R"({"keys":{"1":{"light":"on"},"2":{"light":"park"}}})").body,
              HasSubstr(R"("changed":false,"confirmed":false,"contacts":[{"contact":"sip:101@192.0.2.7:5060",)"
                        R"("state":"refused","status":488}])"));
}

TEST_F(PhonesApiWrite, APhoneIsNamedByUserOrAddressAndMayHaveASlash) {
  EXPECT_THAT(put("/v1/phones/a%2Fb/keys/2?create=yes", R"({"light":"on"})").body,
              HasSubstr(R"("phone":"a/b@example.com")"));
  EXPECT_TRUE(phones_.find("a/b@example.com", "2"));
  EXPECT_EQ(get("/v1/phones/a%2Fb%40example.com").status, 200u);
  EXPECT_EQ(get("/v1/phones/a/b").status, 404u);
  EXPECT_EQ(put("/v1/phones/+4930%2B1/keys/2?create=yes", R"({"light":"on"})").status, 200u);
  EXPECT_TRUE(phones_.find("+4930+1@example.com", "2"));
}

TEST_F(PhonesApiWrite, AClientThatLeavesLeavesNothingBehind) {
  max_waits_ = 1;
  bind(kAor, kDesk);
  Client client(server());
  client.send(
      "PUT /v1/phones/101/keys/2?wait=100ms HTTP/1.1\r\nHost: localhost\r\nContent-Length: 14\r\n\r\n"
      R"({"light":"on"})");
  ASSERT_TRUE(eventually([&] { return phones_.find(kAor, "2").has_value(); }));
  client.close();
  EXPECT_TRUE(eventually([&] { return put("/v1/phones/101/keys/3?wait=1ms", R"({"light":"on"})").status == 200; }));
  EXPECT_TRUE(eventually([&] { return server_->connections() == 0; }));
}

TEST_F(PhonesApiWrite, TooManyWaitsAre503AndOthersGoOn) {
  max_waits_ = 2;
  bind(kAor, kDesk);
  std::vector<std::future<HttpReply>> waiting;
  for (auto key : {"1", "2"}) {
    waiting.push_back(start("PUT", std::string("/v1/phones/101/keys/") + key + "?wait=1m", R"({"light":"on"})"));
    ASSERT_TRUE(eventually([&] { return phones_.find(kAor, key).has_value(); }));
  }
  auto third = put("/v1/phones/101/keys/3?wait=1m", R"({"light":"on"})");
  EXPECT_EQ(third.status, 503u);
  EXPECT_THAT(third.body, AllOf(HasSubstr("2 requests wait for phones already"), HasSubstr(R"("field":"wait")")));
  EXPECT_FALSE(phones_.find(kAor, "3"));
  EXPECT_EQ(put("/v1/phones/101/keys/3", R"({"light":"on"})").status, 200u);
  EXPECT_EQ(deliver(kAor, kDesk, 200), 3u);
  for (auto& reply : waiting) EXPECT_EQ(reply.get().status, 200u);
}

TEST_F(PhonesApiWrite, TheServerMayStopWhileClientsWait) {
  hold_store_ = true;
  bind(kAor, kDesk);
  Client client(server());
  client.send(
      "PUT /v1/phones/101/keys/2?wait=1m HTTP/1.1\r\nHost: localhost\r\nContent-Length: 14\r\n\r\n"
      R"({"light":"on"})");
  ASSERT_TRUE(eventually([&] { return held() == 1; }));
  server_.reset();
  EXPECT_EQ(client.rest(), "");
  settle_store();
  EXPECT_EQ(deliver(kAor, kDesk, 200), 1u);
  desk_.progressed(kAor);
}

TEST_F(PhonesApiWrite, PipelinedChangesAreAnsweredInOrder) {
  bind(kAor, kDesk);
  Client client(server());
  std::string all;
  for (auto key : {"1", "2", "3"}) {
    all += "PUT /v1/phones/101/keys/" + std::string(key) +
           "?wait=1ms HTTP/1.1\r\nHost: localhost\r\nContent-Length: 14\r\n\r\n" + R"({"light":"on"})";
  }
  client.send(all);
  for (auto key : {"1", "2", "3"}) EXPECT_EQ(document(client.response())["key"], key);
}

}  // namespace
}  // namespace lamplighter::api
