#include <gmock/gmock.h>

#include "server/core_test_support.h"

namespace lamplighter::server {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;
using testing::StartsWith;

constexpr const char* kAor = "101@localhost";
constexpr const char* kPhone = "127.0.0.1:40001";
constexpr const char* kOther = "127.0.0.1:40002";

class LampDelivery : public CoreTest {
 protected:
  struct Registration {
    std::string call_id = "reg-1";
    int cseq = 1;
    std::string address = kPhone;
    std::string expires = "3600";
    std::string extra_header = {};
    std::string user_agent = "snom370/8.7.5.35";
    std::uint8_t worker = 0;
  };
  /// What the server sends because of it, without the 200.
  std::vector<Wire> register_as(const Registration& it) {
    std::vector<std::string> lines = {"REGISTER sip:127.0.0.1 SIP/2.0",
                                      fmt::format("Via: SIP/2.0/UDP {};rport;branch=z9hG4bKr{}", it.address, ++branch_),
                                      "From: <sip:101@127.0.0.1>;tag=r",
                                      "To: <sip:101@127.0.0.1>",
                                      "Call-ID: " + it.call_id,
                                      fmt::format("CSeq: {} REGISTER", it.cseq),
                                      fmt::format("Contact: <sip:101@{};line=x7>", it.address),
                                      "User-Agent: " + it.user_agent,
                                      "Expires: " + it.expires};
    if (!it.extra_header.empty()) lines.push_back(it.extra_header);
    auto out = receive(it.address, message(lines), it.worker);
    EXPECT_FALSE(out.empty());
    if (out.empty()) return out;
    EXPECT_EQ(out[0].status(), 200) << out[0].bytes;
    out.erase(out.begin());
    return out;
  }
  /// An order by the API.
  std::vector<Wire> set(const std::string& key, lamp::Light light, const std::string& label = {}) {
    lamp::Key wanted{.light = light};
    wanted.label = label;
    return act([&] {
      const lamp::Edit edit{.name = key, .kind = lamp::Edit::Kind::kSet, .key = &wanted, .off = nullptr};
      const auto changed = desk().change(kAor, {&edit, 1}, {}, false, [this](auto stored) { stored_ = stored; });
      EXPECT_TRUE(changed) << changed.error().what;
    });
  }
  std::vector<Wire> clear(const std::string& key) {
    return act([&] {
      const lamp::Edit edit{.name = key, .kind = lamp::Edit::Kind::kClear, .key = nullptr, .off = nullptr};
      EXPECT_TRUE(desk().change(kAor, {&edit, 1}, {}, false, [](auto) {}));
    });
  }
  std::vector<Wire> ok(const Wire& request) { return say(request, 200, "OK"); }
  std::vector<Wire> say(const Wire& request, int status, const std::string& reason, const std::string& extra = {}) {
    auto text = answer(request, status, reason, "phone");
    if (!extra.empty()) text.insert(text.find("Content-Length"), extra + "\r\n");
    return receive(request.to.to_string(), text, request.worker);
  }
  lamp::ContactKeyView seen(std::size_t contact = 0, std::size_t key = 0) {
    const auto view = phones().view(kAor);
    if (!view || view->contacts.size() <= contact || view->contacts[contact].keys.size() <= key) {
      ADD_FAILURE() << "no such contact or key";
      return {};
    }
    return view->contacts[contact].keys[key];
  }

  std::expected<void, std::string> stored_;
  int branch_ = 0;
};

//  API              server            phone
//    | key 2 := on    |                 |
//    |--------------->| MESSAGE         |
//    |                |---------------->|  on the flow it registered on
TEST_F(LampDelivery, AChangeReachesTheRegisteredContactOverItsFlow) {
  start();
  EXPECT_TRUE(register_as({}).empty()) << "nothing to show";
  const auto out = set("2", lamp::Light::kOn, "Night");
  ASSERT_EQ(out.size(), 1u);
  EXPECT_TRUE(stored_);
  EXPECT_EQ(out[0].to, at(kPhone));
  EXPECT_EQ(out[0].start_line(), "MESSAGE sip:101@127.0.0.1:40001;line=x7 SIP/2.0");
  EXPECT_EQ(out[0].header("To"), "<sip:101@127.0.0.1>");
  EXPECT_THAT(out[0].header("From"), StartsWith("<sip:server@127.0.0.1>;tag="));
  EXPECT_EQ(out[0].body(), "k=2\r\nc=on\r\nl=Night");
  EXPECT_EQ(seen().state, lamp::DeliveryState::kPending);
  EXPECT_TRUE(ok(out[0]).empty());
  EXPECT_EQ(seen().state, lamp::DeliveryState::kConfirmed);
  EXPECT_TRUE(pass(seconds{120}).empty()) << "nothing is sent for a lamp that is confirmed";
  EXPECT_TRUE(core().idle());
}

TEST_F(LampDelivery, APhoneThatHasBootedIsToldEverythingAndARefreshNothing) {
  start();
  register_as({});
  ok(set("1", lamp::Light::kOn).at(0));
  ok(set("2", lamp::Light::kHold).at(0));
  EXPECT_TRUE(register_as({.call_id = "reg-1", .cseq = 2}).empty()) << "a refresh";

  auto first = register_as({.call_id = "reg-after-boot", .cseq = 1});
  ASSERT_EQ(first.size(), 1u);
  EXPECT_EQ(seen(0, 0).state, lamp::DeliveryState::kPending);
  auto second = ok(first[0]);
  ASSERT_EQ(second.size(), 1u) << "one at a time";
  EXPECT_TRUE(ok(second[0]).empty());
  EXPECT_THAT((std::vector{first[0].body(), second[0].body()}),
              testing::UnorderedElementsAre(HasSubstr("k=1\r\nc=on"), HasSubstr("k=2\r\nc=hold")));
}

TEST_F(LampDelivery, EachContactOfAnAddressIsBroughtThereOnItsOwn) {
  start(2);
  register_as({});
  register_as({.call_id = "reg-2", .address = kOther, .worker = 1});
  const auto out = set("2", lamp::Light::kOn);
  ASSERT_EQ(out.size(), 2u);
  EXPECT_THAT((std::vector{out[0].to, out[1].to}), testing::UnorderedElementsAre(at(kPhone), at(kOther)));
  EXPECT_NE(out[0].worker, out[1].worker) << "each sent by the worker that owns the flow";
  ok(out[0]);
  EXPECT_TRUE(say(out[1], 415, "Unsupported Media Type").empty());
  const auto view = phones().view(kAor);
  ASSERT_TRUE(view);
  for (const auto& contact : view->contacts) {
    const bool first = contact.flow.remote == out[0].to;
    EXPECT_EQ(contact.keys.at(0).state, first ? lamp::DeliveryState::kConfirmed : lamp::DeliveryState::kRefused);
    EXPECT_EQ(contact.keys.at(0).status, first ? 0 : 415);
  }
}

TEST_F(LampDelivery, AWholeBurstCostsOneRequestForWhatIsInFlightAndOneForTheNewest) {
  start();
  register_as({});
  const auto first = set("2", lamp::Light::kOn);
  ASSERT_EQ(first.size(), 1u);
  for (const auto light : {lamp::Light::kHold, lamp::Light::kPark, lamp::Light::kError}) {
    EXPECT_TRUE(set("2", light).empty());
  }
  const auto last = ok(first[0]);
  ASSERT_EQ(last.size(), 1u);
  EXPECT_THAT(last[0].body(), HasSubstr("c=error"));
  EXPECT_TRUE(ok(last[0]).empty());
}

TEST_F(LampDelivery, AClearedKeyIsToldToBeDark) {
  start();
  register_as({});
  ok(set("2", lamp::Light::kOn, "Night").at(0));
  const auto out = clear("2");
  ASSERT_EQ(out.size(), 1u);
  EXPECT_EQ(out[0].body(), "k=2\r\nc=off");
  ok(out[0]);
  EXPECT_TRUE(phones().view(kAor)->keys.empty());
}

//  server                          phone
//    | MESSAGE (lost for 32 s)     X |
//    |      … pause …                |
//    | MESSAGE                       |   another attempt, without being asked
//    |------------------------------>|
TEST_F(LampDelivery, AnUnansweredLampIsTriedAgainAndAgainUntilThePhoneAnswers) {
  start();
  register_as({});
  const auto first = set("2", lamp::Light::kOn);
  ASSERT_EQ(first.size(), 1u);
  const auto resent = pass(seconds{33});
  EXPECT_GT(resent.size(), 8u);
  for (const auto& wire : resent) EXPECT_EQ(wire.bytes, first[0].bytes) << "retransmissions";
  EXPECT_EQ(seen().state, lamp::DeliveryState::kUnreachable);
  EXPECT_TRUE(phones().view(kAor)->contacts.at(0).next_try);

  const auto again = pass(seconds{10});
  ASSERT_FALSE(again.empty());
  EXPECT_NE(again[0].header("Call-ID"), first[0].header("Call-ID"));
  EXPECT_TRUE(ok(again[0]).empty());
  EXPECT_EQ(seen().state, lamp::DeliveryState::kConfirmed);
  EXPECT_EQ(core().lamp_counters().unreachable.value(), 1u);
}

TEST_F(LampDelivery, APhoneThatIsBackIsTriedAtOnce) {
  settings.lamps.restore_rate = 1000;
  lamp_settings.timing.retry_first = lamp_settings.timing.retry_max = seconds{3600};
  start();
  register_as({});
  set("2", lamp::Light::kOn);
  pass(seconds{60});
  EXPECT_TRUE(pass(seconds{600}).empty()) << "an hour's pause";
  const auto out = register_as({.call_id = "reg-1", .cseq = 2});
  ASSERT_EQ(out.size(), 1u) << "a refresh is a sign of life";
  ok(out[0]);
  EXPECT_EQ(seen().state, lamp::DeliveryState::kConfirmed);
}

TEST_F(LampDelivery, ARequestUnderWayIsSentAgainWhenThePhoneComesBackInBetween) {
  start();
  register_as({});
  const auto first = set("2", lamp::Light::kOn);
  pass(seconds{5});
  const auto out = register_as({.call_id = "booted", .cseq = 1});
  ASSERT_EQ(out.size(), 1u);
  EXPECT_EQ(out[0].bytes, first[0].bytes) << "the same one: there is never a second request to one phone";
  const auto next = ok(out[0]);
  ASSERT_EQ(next.size(), 1u) << "who knows whether it answered before it booted: it is told again";
  EXPECT_NE(next[0].bytes, first[0].bytes);
  ok(next[0]);
  EXPECT_EQ(seen().state, lamp::DeliveryState::kConfirmed);
}

TEST_F(LampDelivery, ARefusalIsShownAndNotRepeatedUntilSomethingChanges) {
  start();
  register_as({});
  say(set("2", lamp::Light::kOn).at(0), 415, "Unsupported Media Type");
  EXPECT_EQ(seen().state, lamp::DeliveryState::kRefused);
  EXPECT_EQ(seen().status, 415);
  EXPECT_TRUE(pass(seconds{600}).empty());
  EXPECT_EQ(set("2", lamp::Light::kOff).size(), 1u);
  EXPECT_EQ(core().lamp_counters().refused.value(), 1u);
}

TEST_F(LampDelivery, ABusyPhoneIsLeftAloneAsLongAsItAsks) {
  start();
  register_as({});
  say(set("2", lamp::Light::kOn).at(0), 503, "Service Unavailable", "Retry-After: 40 (rebooting);duration=3");
  EXPECT_EQ(seen().state, lamp::DeliveryState::kRetrying);
  EXPECT_EQ(seen().status, 503);
  EXPECT_TRUE(pass(seconds{39}).empty());
  EXPECT_FALSE(pass(seconds{15}).empty());
}

TEST_F(LampDelivery, AnAnswerToAnotherCSeqIsNoAnswer) {
  start();
  register_as({});
  const auto out = set("2", lamp::Light::kOn);
  auto text = answer(out.at(0), 200, "OK", "phone");
  text.replace(text.find("CSeq: 1 "), 8, "CSeq: 7 ");
  EXPECT_TRUE(receive(kPhone, text).empty());
  EXPECT_EQ(seen().state, lamp::DeliveryState::kUnreachable);
  const auto again = pass(seconds{10});
  ASSERT_FALSE(again.empty());
  ok(again[0]);
  EXPECT_EQ(seen().state, lamp::DeliveryState::kConfirmed);
}

TEST_F(LampDelivery, APhoneThatLeavesIsNoLongerSentTo) {
  start();
  register_as({});
  set("2", lamp::Light::kOn);
  EXPECT_TRUE(register_as({.call_id = "reg-1", .cseq = 2, .expires = "0"}).empty());
  EXPECT_TRUE(pass(seconds{40}).empty()) << "not even a retransmission";
  EXPECT_TRUE(core().idle());
  EXPECT_EQ(core().lamp_counters().abandoned.value(), 1u);
}

TEST_F(LampDelivery, APhoneThatMovesToAnotherWorkerInTheMiddleIsToldThere) {
  start(2);
  const std::string instance = ";+sip.instance=\"<urn:uuid:1>\"";
  auto contact = [&](const std::string& address) {
    return fmt::format("m: <sip:101@{};line=x7>{}", address, instance);
  };
  // Two Contact headers of one phone: only the one with the instance is looked at here.
  auto reg = [&](const std::string& address, std::uint8_t worker, int cseq) {
    return receive(
        address,
        message({"REGISTER sip:127.0.0.1 SIP/2.0",
                 fmt::format("Via: SIP/2.0/UDP {};rport;branch=z9hG4bKm{}", address, cseq),
                 "From: <sip:101@127.0.0.1>;tag=r", "To: <sip:101@127.0.0.1>", "Call-ID: moving",
                 fmt::format("CSeq: {} REGISTER", cseq), contact(address), "User-Agent: snom370/8", "Expires: 3600"}),
        worker);
  };
  ASSERT_EQ(reg(kPhone, 0, 1).size(), 1u);
  const auto first = set("2", lamp::Light::kOn);
  ASSERT_EQ(first.size(), 1u);
  const auto moved = reg(kOther, 1, 2);
  ASSERT_EQ(moved.size(), 2u);
  EXPECT_EQ(moved[1].to, at(kOther));
  EXPECT_EQ(moved[1].worker, 1);
  for (const auto& wire : pass(seconds{3})) EXPECT_EQ(wire.to, at(kOther)) << "nothing goes to the old address";
  ok(moved[1]);
  EXPECT_EQ(seen().state, lamp::DeliveryState::kConfirmed);
  EXPECT_TRUE(pass(seconds{40}).empty());
  EXPECT_TRUE(core(0).idle());
  EXPECT_TRUE(core(1).idle());
}

TEST_F(LampDelivery, TheRouteToThePhoneIsThePathItRegisteredWith) {
  start();
  register_as({.extra_header = "Path: <sip:edge.example.com;lr>"});
  EXPECT_EQ(set("2", lamp::Light::kOn).at(0).header("Route"), "<sip:edge.example.com;lr>");
}

TEST_F(LampDelivery, ModelsThatTakeBatchesGetSeveralKeysInOneDocument) {
  lamp_settings.paces = {{"snom370", {.gap = seconds{0}, .batch = 8}}};
  start();
  ok(register_as({}).empty() ? set("1", lamp::Light::kOn).at(0) : Wire{});
  for (const auto* key : {"2", "3"}) {
    for (const auto& wire : set(key, lamp::Light::kOn)) ok(wire);
  }
  const auto out = register_as({.call_id = "booted"});
  ASSERT_EQ(out.size(), 1u);
  EXPECT_THAT(out[0].body(), testing::AllOf(HasSubstr("k=1"), HasSubstr("\r\n\r\nk=2"), HasSubstr("k=3")));
  EXPECT_TRUE(ok(out[0]).empty());
}

TEST_F(LampDelivery, AModelMayBeGivenTimeBetweenTwoKeys) {
  lamp_settings.paces = {{"snom370", {.gap = milliseconds{200}, .batch = 1}}};
  start();
  register_as({});
  const auto first = set("1", lamp::Light::kOn);
  EXPECT_TRUE(set("2", lamp::Light::kOn).empty());
  EXPECT_TRUE(ok(first.at(0)).empty()) << "not yet";
  EXPECT_TRUE(pass(milliseconds{190}).empty());
  EXPECT_EQ(pass(milliseconds{20}).size(), 1u);
}

TEST_F(LampDelivery, WhenTheStoreFailsTheLampFollowsAllTheSameAndIsStoredLater) {
  start();
  register_as({});
  ok(set("2", lamp::Light::kOff).at(0));
  store.fail_with(store::StoreError{store::StoreError::Kind::kFull, "disk full"});
  const auto out = set("2", lamp::Light::kOn);
  ASSERT_EQ(out.size(), 1u);
  ok(out[0]);
  ASSERT_FALSE(stored_);
  EXPECT_EQ(stored_.error(), "disk full");
  EXPECT_EQ(desk().unstored(), 1u);
  pass(seconds{60});
  EXPECT_EQ(desk().unstored(), 1u);

  store.fail_with(std::nullopt);
  EXPECT_TRUE(pass(seconds{2}).empty());
  EXPECT_EQ(desk().unstored(), 0u);
  std::optional<lamp::KeyState> kept;
  ASSERT_TRUE(store.load({.binding = {},
                          .key = [&](const std::string&, lamp::KeyState state) { kept = std::move(state); },
                          .confirmation = {},
                          .press = {},
                          .skipped = {}}));
  ASSERT_TRUE(kept && kept->key);
  EXPECT_EQ(kept->key->light, lamp::Light::kOn);
}

TEST_F(LampDelivery, ExpiredContactsAreNoLongerSentTo) {
  start();
  register_as({.expires = "60"});
  pass(seconds{100});
  EXPECT_TRUE(set("2", lamp::Light::kOn).empty());
  EXPECT_TRUE(phones().view(kAor)->contacts.empty());
}

}  // namespace
}  // namespace lamplighter::server
