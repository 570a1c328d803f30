#include "lamp/phones_test.h"

namespace lamplighter::lamp {
namespace {

using namespace std::chrono_literals;
using What = Step::What;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

struct Dialling : Desk {
  using Desk::Desk;
  Change dial(Light of, const Flow& from = flow(), std::string_view contact = kUri, std::string_view name = "2",
              std::string_view agent = kSnom) {
    const Key key{.light = of};
    const Edit edit{.name = name, .key = &key};
    std::vector<Wake> wakes;
    const auto change = phones.dialled(
        kAor, edit, {Origin::Kind::kDial, "431"},
        {from, contact, agent, {std::string(contact) + ";hint", "sip:101@to", "sip:server@from"}}, wakes);
    EXPECT_TRUE(change) << change.error().what;
    wake = wakes.empty() ? std::nullopt : std::optional(wakes.front());
    return change.value_or(Change{});
  }
  std::optional<Wake> wake;
};

//  caller (not registered)   server
//    |------ INVITE 431 ------>|
//    |<----- 404, MESSAGE -----|   where it called from
//    |---------- 200 --------->|   and that was all
TEST(PhonesCallers, ACallerThatIsNotRegisteredIsToldWhatItDialledAndForgotten) {
  Dialling desk;
  desk.put("7", Light::kOn);
  const auto from = flow("203.0.113.4:1024", 2);
  const auto change = desk.dial(Light::kOn, from);
  EXPECT_FALSE(desk.wake) << "the store comes first";
  const auto wakes = desk.settle(change);
  ASSERT_THAT(wakes, SizeIs(1));
  EXPECT_EQ(wakes[0].worker, 2);
  const auto view = desk.phones.view(kAor);
  ASSERT_THAT(view->contacts, SizeIs(1));
  EXPECT_FALSE(view->contacts[0].is_registered);

  const auto step = desk.next(wakes[0]);
  ASSERT_EQ(step.what, What::kSend);
  EXPECT_EQ(Desk::text_of(step.order), "2=on");
  EXPECT_EQ(step.order.flow, from);
  EXPECT_EQ(step.order.uri, kUri);
  ASSERT_TRUE(step.order.hint);
  EXPECT_EQ(step.order.hint->request_uri, std::string(kUri) + ";hint");
  EXPECT_EQ(step.order.hint->from_uri, "sip:server@from");
  const auto ended = desk.answer(wakes[0], step.attempt, 200);
  EXPECT_TRUE(ended.counted);
  EXPECT_EQ(ended.state, DeliveryState::kConfirmed);
  EXPECT_FALSE(ended.to_record) << "only registered contacts are on record";
  EXPECT_THAT(desk.confirmations(wakes[0]), IsEmpty());
  EXPECT_EQ(desk.next(wakes[0]).what, What::kGone);
  EXPECT_THAT(desk.phones.view(kAor)->contacts, IsEmpty());
}

TEST(PhonesCallers, OneThatDoesNotAnswerOrRefusesIsForgotten) {
  for (const int status : {0, 415, 503}) {
    Dialling desk;
    const auto wake = desk.settle(desk.dial(Light::kOn)).at(0);
    EXPECT_TRUE(desk.answer(wake, desk.next(wake).attempt, status).counted);
    EXPECT_EQ(desk.next(wake).what, What::kGone) << status;
  }
}

TEST(PhonesCallers, DiallingACodeAgainSendsAgain) {
  Dialling desk;
  const auto wake = desk.settle(desk.dial(Light::kOn)).at(0);
  EXPECT_EQ(desk.deliver(wake), "2=on");
  EXPECT_FALSE(desk.dial(Light::kOn).changed);
  ASSERT_TRUE(desk.wake) << "nothing to wait for";
  EXPECT_NE(desk.wake->contact, 0u);
  EXPECT_EQ(desk.deliver(*desk.wake), "2=on");
}

TEST(PhonesCallers, ARegisteredCallerIsToldAgainWithTheHintAndTheOthersAreNot) {
  Dialling desk;
  const auto a = desk.info("sip:a@192.0.2.1", flow("192.0.2.1:5060"));
  const auto b = desk.info("sip:b@192.0.2.2", flow("192.0.2.2:5060"));
  desk.put("1", Light::kOn);
  desk.put("2", Light::kOn);
  const auto wakes = desk.sync({a, b});
  for (const auto& wake : wakes) desk.deliver(wake);

  desk.dial(Light::kOn, a.flow, a.uri);
  ASSERT_TRUE(desk.wake);
  EXPECT_EQ(desk.wake->contact, wakes[0].contact);
  EXPECT_EQ(desk.seen(0), "1=on confirmed 2=on pending");
  const auto step = desk.next(*desk.wake);
  EXPECT_EQ(Desk::text_of(step.order), "2=on");
  EXPECT_TRUE(step.order.hint);
  desk.answer(*desk.wake, step.attempt, 200);
  EXPECT_EQ(desk.next(wakes[1]).what, What::kNothing);
  EXPECT_FALSE(desk.next(desk.settle(desk.light("1", Light::kOff)).at(0)).order.hint) << "used up";
}

TEST(PhonesCallers, DiallingTheStateThatIsUnderWayHurriesItInstead) {
  Dialling desk;
  desk.sync({desk.info()}, /*make=*/true);
  const auto wake = desk.settle(desk.dial(Light::kOn)).at(0);
  const auto sent = desk.next(wake);
  desk.dial(Light::kOn);
  ASSERT_TRUE(desk.wake);
  const auto step = desk.next(*desk.wake);
  EXPECT_EQ(step.attempt, sent.attempt);
  EXPECT_TRUE(step.hurry);
  desk.answer(wake, sent.attempt, 200);
  EXPECT_EQ(desk.next(wake).what, What::kNothing) << "decision 005: one MESSAGE";
  EXPECT_FALSE(desk.next(desk.settle(desk.light("5", Light::kOn)).at(0)).order.hint) << "none is left over";
}

TEST(PhonesCallers, DiallingAStateThatIsNotStoredYetWaitsForTheStore) {
  Dialling desk;
  desk.sync({desk.info()}, /*make=*/true);
  const auto change = desk.dial(Light::kOn);
  EXPECT_FALSE(desk.wake);
  EXPECT_FALSE(desk.dial(Light::kOn).changed);
  EXPECT_FALSE(desk.wake);
  EXPECT_EQ(desk.deliver(desk.settle(change).at(0)), "2=on");
}

TEST(PhonesCallers, ARegisteredPhoneIsKnownByItsAddressToo) {
  Dialling desk;
  desk.sync({desk.info()}, /*make=*/true);
  desk.settle(desk.dial(Light::kOn, flow(), "sip:101@10.0.0.7"));
  EXPECT_THAT(desk.phones.view(kAor)->contacts, SizeIs(1));
  EXPECT_EQ(desk.phones.view(kAor)->contacts[0].uri, kUri);
}

TEST(PhonesCallers, BehindAProxyTheUriSaysWhichPhoneItIs) {
  Dialling desk;
  auto a = desk.info("sip:a@10.0.0.1"), b = desk.info("sip:b@10.0.0.2");
  a.path = b.path = "<sip:proxy@192.0.2.7;lr>";
  desk.sync({a, b}, /*make=*/true);
  for (const auto& wake : desk.settle(desk.dial(Light::kOn, flow(), b.uri))) {
    const auto step = desk.next(wake);
    EXPECT_EQ(step.order.path, a.path);
    EXPECT_EQ(static_cast<bool>(step.order.hint), step.order.uri == b.uri);
  }
  desk.dial(Light::kOff, flow("203.0.113.4:1024"), b.uri);
  EXPECT_EQ(desk.phones.view(kAor)->contacts.at(1).flow, b.flow) << "the proxy knows the way";
}

// PROTOCOL §1: the MESSAGE goes to the source of the INVITE.
TEST(PhonesCallers, ARegisteredPhoneThatCallsFromAnotherAddressIsToldThere) {
  Dialling desk;
  auto info = desk.info();
  desk.sync({info}, /*make=*/true);
  const auto before = desk.settle(desk.dial(Light::kOn)).at(0);
  ASSERT_EQ(desk.next(before).what, What::kSend);

  const auto now_at = flow("192.0.2.7:40000", 1);
  const auto change = desk.dial(Light::kOff, now_at);
  ASSERT_TRUE(desk.wake) << "the request to the old address has to be given up";
  EXPECT_EQ(desk.wake->worker, 0);
  EXPECT_EQ(desk.next(*desk.wake).what, What::kElsewhere);
  const auto wake = desk.settle(change).at(0);
  const auto step = desk.next(wake);
  ASSERT_EQ(step.what, What::kSend);
  EXPECT_EQ(step.order.flow, now_at);

  desk.sync({info});
  EXPECT_EQ(desk.phones.view(kAor)->contacts.at(0).flow, now_at) << "nothing new was registered";
  info.expires += 1s;
  desk.sync({info});
  EXPECT_EQ(desk.phones.view(kAor)->contacts.at(0).flow, info.flow) << "now it was";
}

TEST(PhonesCallers, ACallerThatRegistersBecomesThatContact) {
  for (const bool same_uri : {true, false}) {
    Dialling desk;
    const auto wake = desk.settle(desk.dial(Light::kOn)).at(0);
    const auto sent = desk.next(wake);
    desk.put("3", Light::kOn);
    const auto wakes = desk.sync({desk.info(same_uri ? kUri : "sip:101@10.0.0.7")});
    ASSERT_THAT(contacts_of(wakes), ElementsAre(wake.contact));
    EXPECT_TRUE(desk.next(wake).hurry) << "one request at a time, also to this one";
    EXPECT_FALSE(desk.answer(wake, sent.attempt, 200).counted) << "who knows which life it answered in";
    EXPECT_EQ(desk.deliver(wake), "3=on 2=on");
    const auto view = desk.phones.view(kAor);
    ASSERT_THAT(view->contacts, SizeIs(1));
    EXPECT_TRUE(view->contacts[0].is_registered);
  }
}

TEST(PhonesCallers, ACallerAtTheNewAddressOfAPhoneThatMovesWasThatPhone) {
  Dialling desk;
  auto info = desk.info();
  info.instance = "urn:uuid:7";
  desk.sync({info}, /*make=*/true);
  const auto registered = desk.number();
  const auto to = flow("192.0.2.7:40000");
  const auto wakes = desk.settle(desk.dial(Light::kOn, to, "sip:101@192.0.2.7:40000"));
  ASSERT_THAT(wakes, SizeIs(2));
  const auto& caller = wakes[0].contact == registered ? wakes[1] : wakes[0];
  ASSERT_EQ(desk.next(caller).what, What::kSend);

  info.flow = to;
  info.expires += 1s;
  const auto moved = desk.sync({info});
  EXPECT_EQ(desk.next(caller).what, What::kGone) << "two requests under way to one phone would be one too many";
  EXPECT_THAT(contacts_of(moved), ::testing::UnorderedElementsAre(registered, caller.contact));
  const Wake wake{0, registered};
  EXPECT_EQ(desk.next(wake).what, What::kWait) << "for copies of that request";
  desk.clock.advance(desk.settings.timing.linger);
  EXPECT_EQ(desk.deliver(wake), "2=on");
}

TEST(PhonesCallers, NoMoreThanTenAreRemembered) {
  Dialling desk;
  const auto from = [](int i) { return flow("203.0.113." + std::to_string(i) + ":5060"); };
  const auto uri = [](int i) { return "sip:caller" + std::to_string(i) + "@203.0.113.1"; };
  for (int i = 1; i <= 11; ++i) desk.settle(desk.dial(i % 2 ? Light::kOn : Light::kOff, from(i), uri(i)));
  auto view = desk.phones.view(kAor);
  ASSERT_THAT(view->contacts, SizeIs(10));
  EXPECT_EQ(view->contacts.front().uri, uri(2)) << "the oldest idle one went";
  EXPECT_EQ(view->contacts.back().uri, uri(11));

  for (std::size_t i = 0; i < 10; ++i) EXPECT_EQ(desk.next(desk.wake_of(i)).what, What::kSend);
  const auto newest = desk.wake_of(9);
  desk.dial(Light::kHold, from(12), uri(12));
  view = desk.phones.view(kAor);
  ASSERT_THAT(view->contacts, SizeIs(10));
  EXPECT_EQ(view->contacts.front().uri, uri(2));
  EXPECT_EQ(view->contacts.back().uri, uri(12)) << "all are being told: the newest made way";
  ASSERT_TRUE(desk.wake);
  EXPECT_EQ(desk.wake->contact, newest.contact);
  EXPECT_EQ(desk.next(*desk.wake).what, What::kGone);
}

TEST(PhonesCallers, WhoCannotBeToldIsNotRemembered) {
  PhonesSettings settings;
  settings.unknown_models = false;
  Dialling desk(settings);
  EXPECT_THAT(desk.settle(desk.dial(Light::kOn, flow(), kUri, "2", "Yealink SIP-T46S")), IsEmpty());
  EXPECT_FALSE(desk.wake);
  EXPECT_THAT(desk.phones.view(kAor)->contacts, IsEmpty());
}

TEST(PhonesCallers, ClearingByDialTellsOnlyOfKeysThatWere) {
  Dialling desk;
  const Edit clear{.name = "2", .kind = Edit::Kind::kClear};
  const Caller caller{flow(), kUri, kSnom, {}};
  std::vector<Wake> wake;
  const auto nothing = desk.phones.dialled(kAor, clear, {}, caller, wake);
  ASSERT_TRUE(nothing);
  EXPECT_FALSE(nothing->changed);
  EXPECT_EQ(desk.phones.phones(), 0u);
  desk.put("2", Light::kOn);
  const auto cleared = desk.phones.dialled(kAor, clear, {}, caller, wake);
  ASSERT_TRUE(cleared && cleared->changed);
  EXPECT_EQ(desk.deliver(desk.settle(*cleared).at(0)), "2=off");
  const Edit toggle{.name = "2", .kind = Edit::Kind::kToggle};
  const auto refused = desk.phones.dialled(kAor, toggle, {}, caller, wake);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, KeyboardError::Kind::kNotSet);
}

}  // namespace
}  // namespace lamplighter::lamp
