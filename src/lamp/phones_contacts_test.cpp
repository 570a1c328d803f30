#include "lamp/phones_test.h"

namespace lamplighter::lamp {
namespace {

using namespace std::chrono_literals;
using What = Step::What;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const Key kOn{.light = Light::kOn};

// --- Registered contacts

TEST(PhonesContacts, OnlyPhonesWithKeysAreKept) {
  Desk desk;
  EXPECT_THAT(desk.phones.bound(kAor, desk.info()), IsEmpty());
  EXPECT_THAT(desk.phones.gone(kAor, kUri), IsEmpty());
  EXPECT_THAT(desk.sync({desk.info()}), IsEmpty());
  EXPECT_EQ(desk.phones.phones(), 0u);
  bool read = false;
  desk.phones.sync(kAor, /*make_phone=*/false, [&] {
    read = true;
    return std::vector<ContactInfo>{};
  });
  EXPECT_FALSE(read);
}

TEST(PhonesContacts, APhoneThatRegistersIsToldEveryKeyNewestFirst) {
  Desk desk;
  for (const auto* name : {"1", "2", "3"}) desk.put(name, Light::kOn);
  desk.put("1", Light::kHold);
  const auto wakes = desk.phones.bound(kAor, desk.info(kUri, flow("192.0.2.7:5060", 3)));
  ASSERT_THAT(wakes, SizeIs(1));
  EXPECT_EQ(wakes[0].worker, 3);
  EXPECT_EQ(wakes[0].aor, kAor);
  EXPECT_NE(wakes[0].contact, 0u);
  EXPECT_EQ(desk.deliver(wakes[0]), "1=hold 3=on 2=on");
}

TEST(PhonesContacts, ARefreshSendsNothingThatIsConfirmed) {
  Desk desk;
  auto info = desk.info();
  desk.put("2", Light::kOn);
  desk.deliver(desk.phones.bound(kAor, info).at(0));
  info.expires += 1h;
  EXPECT_THAT(desk.phones.bound(kAor, info), IsEmpty());
  EXPECT_THAT(desk.sync({info}), IsEmpty());
  EXPECT_EQ(desk.seen(), "2=on confirmed");
}

//  phone            server
//    |--- REGISTER -->|
//    |<-- MESSAGE 2=on|
//    |---- 200 ------>|
//   (boots)           |
//    |--- REGISTER -->|     new Call-ID: another `registered`
//    |<-- MESSAGE 2=on|     but 3, which it confirmed dark, is dark still
TEST(PhonesContacts, APhoneThatBootedIsToldAgain) {
  Desk desk;
  desk.put("2", Light::kOn);
  desk.put("3", Light::kOn);
  desk.clear("3");
  auto info = desk.info();
  EXPECT_EQ(desk.deliver(desk.sync({info}).at(0)), "3=off 2=on");
  const auto number = desk.number();

  const std::vector<std::pair<const char*, void (*)(ContactInfo&)>> lives{
      {"Call-ID", [](ContactInfo& it) { it.registered += 1s; }},
      {"firmware", [](ContactInfo& it) { it.user_agent = "snom370/8.7.5.44"; }},
      {"instance", [](ContactInfo& it) { it.instance = "urn:uuid:1"; }}};
  for (const auto& [what, another] : lives) {
    another(info);
    info.expires += 1s;
    const auto wakes = desk.sync({info});
    ASSERT_THAT(wakes, SizeIs(1)) << what;
    EXPECT_EQ(wakes[0].contact, number) << what;
    EXPECT_EQ(desk.deliver(wakes[0]), "2=on") << what;
  }
}

TEST(PhonesContacts, AnotherModelAfterABootHasAnotherLimit) {
  Desk desk;
  desk.light("1", Light::kOn);
  auto info = desk.info();
  desk.sync({info});
  info.user_agent = "snom300/8.4.35";
  desk.sync({info});
  EXPECT_EQ(desk.error_of({.name = "7", .key = &kOn}), "key 7: a snom300 has keys 1 to 6");
  EXPECT_EQ(desk.phones.view(kAor)->contacts.at(0).model, "snom300");
}

TEST(PhonesContacts, NewsOfAnEarlierLifeIsIgnoredUnlessTheWholeLocationSaysSo) {
  Desk desk;
  desk.put("2", Light::kOn);
  const auto known = desk.info();
  desk.deliver(desk.phones.bound(kAor, known).at(0));
  auto old = known;
  old.registered -= 1min;
  EXPECT_THAT(desk.phones.bound(kAor, old), IsEmpty());
  EXPECT_EQ(desk.seen(), "2=on confirmed");
  // Whoever reads all contacts is not late: the wall clock was set back, and the phone has booted.
  EXPECT_EQ(desk.deliver(desk.sync({old}).at(0)), "2=on");
}

TEST(PhonesContacts, EachContactOfAPhoneGoesItsOwnWay) {
  Desk desk;
  desk.put("2", Light::kOn);
  const auto a = desk.info("sip:a@192.0.2.1", flow("192.0.2.1:5060", 1));
  const auto b = desk.info("sip:b@192.0.2.2", flow("192.0.2.2:5060", 2));
  const auto wakes = desk.sync({a, b});
  ASSERT_THAT(wakes, SizeIs(2));
  EXPECT_NE(wakes[0].contact, wakes[1].contact);
  EXPECT_EQ(desk.deliver(wakes[0], 415), "2=on");
  EXPECT_EQ(desk.deliver(wakes[1], 200), "2=on");
  EXPECT_EQ(desk.seen(0), "2=on refused(415)");
  EXPECT_EQ(desk.seen(1), "2=on confirmed");

  // b boots: a is left alone.
  auto booted = b;
  booted.registered += 1s;
  booted.expires += 1s;
  EXPECT_THAT(contacts_of(desk.sync({a, booted})), ElementsAre(wakes[1].contact));
  EXPECT_THAT(contacts_of(desk.put("2", Light::kOff)), ElementsAre(wakes[0].contact, wakes[1].contact));
}

TEST(PhonesContacts, AContactThatIsGoneIsForgottenAndItsRequestGivenUp) {
  Desk desk;
  desk.put("2", Light::kOn);
  const auto wake = desk.sync({desk.info()}).at(0);
  const auto attempt = desk.next(wake).order.attempt;
  const auto wakes = desk.sync({});
  ASSERT_THAT(contacts_of(wakes), ElementsAre(wake.contact));
  EXPECT_EQ(desk.next(wakes[0]).what, What::kGone);
  EXPECT_FALSE(desk.answer(wake, attempt, 200).counted);
  EXPECT_EQ(desk.events("2"), "change abandoned");
  EXPECT_THAT(desk.phones.view(kAor)->contacts, IsEmpty());
  EXPECT_THAT(desk.phones.gone(kAor, kUri), IsEmpty()) << "already";

  // Back within the same moment: a copy of the old request may still be on its way to it.
  const auto back = desk.phones.bound(kAor, desk.info()).at(0);
  const auto step = desk.next(back);
  ASSERT_EQ(step.what, What::kWait);
  EXPECT_EQ(step.at, desk.clock.now() + desk.settings.timing.linger);
  desk.clock.advance(desk.settings.timing.linger);
  EXPECT_EQ(desk.deliver(back), "2=on");
}

TEST(PhonesContacts, GoneWithNothingUnderWayWakesNobody) {
  Desk desk;
  desk.put("2", Light::kOn);
  const auto wake = desk.phones.bound(kAor, desk.info()).at(0);
  EXPECT_THAT(desk.phones.gone(kAor, kUri), IsEmpty());
  EXPECT_EQ(desk.next(wake).what, What::kGone);
}

// --- Moving

TEST(PhonesMoves, TheSameLifeAtAnotherAddressKeepsWhatIsConfirmed) {
  Desk desk;
  desk.put("1", Light::kOn);
  auto info = desk.info();
  const auto wake = desk.sync({info}).at(0);
  desk.deliver(wake);
  desk.put("2", Light::kOn);
  const auto old = desk.next(wake);
  ASSERT_EQ(old.what, What::kSend);

  info.flow = flow("192.0.2.7:40000");  // the NAT forgot the phone; refreshed within the same clock tick
  const auto wakes = desk.sync({info});
  ASSERT_THAT(contacts_of(wakes), ElementsAre(wake.contact));
  const auto step = desk.next(wake);
  ASSERT_EQ(step.what, What::kSend) << "nothing was sent to the new address yet";
  EXPECT_EQ(Desk::text_of(step.order), "2=on") << "1 is confirmed";
  EXPECT_EQ(step.order.flow, info.flow);
  EXPECT_NE(step.attempt, old.attempt) << "so the worker gives the old one up";
  EXPECT_EQ(step.attempt, step.order.attempt);
  EXPECT_FALSE(desk.answer(wake, old.attempt, 200).counted);
  EXPECT_TRUE(desk.answer(wake, step.attempt, 200).counted);
  EXPECT_EQ(desk.events("2"), "change abandoned confirmed(200)");
}

TEST(PhonesMoves, AnotherWorkerTakesOverOnceTheOldOneHasGivenUp) {
  Desk desk;
  desk.put("2", Light::kOn);
  auto info = desk.info(kUri, flow("192.0.2.7:5060", 1));
  const auto wake = desk.sync({info}).at(0);
  ASSERT_EQ(desk.next(wake).what, What::kSend);
  info.flow = flow("192.0.2.8:5060", 2);
  const auto wakes = desk.sync({info});
  ASSERT_THAT(wakes, SizeIs(1));
  EXPECT_EQ(wakes[0].worker, 1) << "the old one first";
  const auto handed = desk.next(wakes[0]);
  EXPECT_EQ(handed.what, What::kElsewhere);
  EXPECT_EQ(handed.worker, 2);
  EXPECT_EQ(handed.attempt, 0u);
  EXPECT_EQ(desk.deliver({2, wake.contact, wake.aor}), "2=on");
  EXPECT_EQ(desk.next(wake).what, What::kElsewhere) << "and the new one's request is none of the old one's business";
}

TEST(PhonesMoves, AnotherWorkerAtTheSameAddressWaitsForCopiesOfTheOldRequest) {
  Desk desk;
  desk.put("2", Light::kOn);
  auto info = desk.info(kUri, flow("192.0.2.7:5060", 1));
  ASSERT_EQ(desk.next(desk.sync({info}).at(0)).what, What::kSend);
  info.flow.worker = 2;
  const auto wakes = desk.sync({info});
  ASSERT_THAT(wakes, SizeIs(1));
  const Wake wake{2, wakes[0].contact, wakes[0].aor};
  EXPECT_EQ(desk.next(wake).what, What::kWait);
  desk.clock.advance(desk.settings.timing.linger);
  EXPECT_EQ(desk.deliver(wake), "2=on");
}

TEST(PhonesMoves, ThereAndBackWaitsForCopiesOfWhatWasSentThereBefore) {
  Desk desk;
  desk.put("2", Light::kOn);
  auto info = desk.info();
  const auto wake = desk.sync({info}).at(0);
  ASSERT_EQ(desk.next(wake).what, What::kSend);
  info.flow = flow("192.0.2.8:5060");
  desk.sync({info});
  desk.put("2", Light::kOff);
  desk.clock.advance(1s);
  info.flow = flow();
  desk.sync({info});
  const auto step = desk.next(wake);
  ASSERT_EQ(step.what, What::kWait);
  EXPECT_EQ(step.at, desk.clock.now() - 1s + desk.settings.timing.linger);
}

TEST(PhonesMoves, APhoneThatBootedAtAnotherAddressIsKnownByItsInstance) {
  for (const bool all : {false, true}) {
    Desk desk;
    desk.put("2", Light::kOn);
    auto info = desk.info();
    info.instance = "urn:uuid:7";
    const auto wake = desk.sync({info}).at(0);
    desk.deliver(wake);
    info.uri = "sip:101@192.0.2.9:5060;line=xyz";
    info.flow = flow("192.0.2.9:5060");
    info.registered += 1s;
    info.expires += 1s;
    const auto wakes = all ? desk.sync({info}) : desk.phones.bound(kAor, info);
    ASSERT_THAT(contacts_of(wakes), ElementsAre(wake.contact));
    const auto step = desk.next(wake);
    ASSERT_EQ(step.what, What::kSend);
    EXPECT_EQ(step.order.uri, info.uri);
    EXPECT_EQ(step.order.flow, info.flow);
    EXPECT_THAT(desk.phones.view(kAor)->contacts, SizeIs(1));
  }
}

TEST(PhonesMoves, OfTwoContactsOfOneInstanceTheOlderIsDropped) {
  Desk desk;
  desk.put("2", Light::kOn);
  auto old = desk.info("sip:old@192.0.2.7");
  auto other = desk.info("sip:new@192.0.2.8", flow("192.0.2.8:5060"));
  desk.sync({old, other});
  other.instance = old.instance = "urn:uuid:7";
  desk.sync({old, other});
  EXPECT_THAT(desk.phones.view(kAor)->contacts, SizeIs(2)) << "two flows of one phone (RFC 5626)";
  other.registered += 1s;
  desk.phones.bound(kAor, other);
  const auto view = desk.phones.view(kAor);
  ASSERT_THAT(view->contacts, SizeIs(1));
  EXPECT_EQ(view->contacts[0].uri, other.uri);
  EXPECT_THAT(desk.phones.bound(kAor, old), IsEmpty()) << "late news of the old one";
  EXPECT_EQ(desk.phones.view(kAor)->contacts.at(0).uri, other.uri);
}

TEST(PhonesMoves, TwoFlowsOfOneInstanceAreNotTakenForAMove) {
  Desk desk;
  desk.put("2", Light::kOn);
  auto first = desk.info("sip:101@192.0.2.7;ob=1", flow("192.0.2.7:5060"));
  auto second = desk.info("sip:101@192.0.2.7;ob=2", flow("192.0.2.7:5070"));
  first.instance = second.instance = "urn:uuid:7";
  for (const auto& wake : desk.sync({first, second})) desk.deliver(wake);
  second.expires += 1s;
  EXPECT_THAT(desk.sync({first, second}), IsEmpty());
  EXPECT_EQ(desk.seen(0), "2=on confirmed");
  EXPECT_EQ(desk.seen(1), "2=on confirmed");
}

// --- Being heard

TEST(PhonesHeard, ARefreshWhileARequestIsUnderWayHurriesItOnce) {
  Desk desk;
  desk.put("2", Light::kOn);
  auto info = desk.info();
  const auto wake = desk.sync({info}).at(0);
  const auto sent = desk.next(wake);
  EXPECT_THAT(desk.sync({info}), IsEmpty()) << "no news";
  info.expires += 1s;
  const auto wakes = desk.sync({info});
  ASSERT_THAT(contacts_of(wakes), ElementsAre(wake.contact));
  const auto step = desk.next(wake);
  EXPECT_EQ(step.what, What::kNothing);
  EXPECT_TRUE(step.hurry);
  EXPECT_EQ(step.attempt, sent.attempt);
  EXPECT_FALSE(desk.next(wake).hurry) << "once";
}

TEST(PhonesHeard, ARefreshEndsThePauseOfThatContactOnly) {
  Desk desk;
  desk.put("2", Light::kOn);
  auto a = desk.info("sip:a@192.0.2.1", flow("192.0.2.1:5060"));
  auto b = desk.info("sip:b@192.0.2.2", flow("192.0.2.2:5060"));
  const auto wakes = desk.sync({a, b});
  for (const auto& wake : wakes) desk.deliver(wake, 503);
  EXPECT_EQ(desk.next(wakes[0]).what, What::kWait);
  a.expires += 1s;
  EXPECT_THAT(contacts_of(desk.sync({a, b})), ElementsAre(wakes[0].contact));
  EXPECT_EQ(desk.next(wakes[0]).what, What::kSend);
  EXPECT_EQ(desk.next(wakes[1]).what, What::kWait) << "b was not heard";
}

TEST(PhonesHeard, ABootWhileARequestIsUnderWayMakesItsAnswerWorthless) {
  Desk desk;
  desk.put("2", Light::kOn);
  auto info = desk.info();
  const auto wake = desk.sync({info}).at(0);
  const auto sent = desk.next(wake);
  info.registered += 1s;
  info.expires += 1s;
  EXPECT_THAT(contacts_of(desk.sync({info})), ElementsAre(wake.contact));
  EXPECT_TRUE(desk.next(wake).hurry);
  const auto ended = desk.answer(wake, sent.attempt, 200);
  EXPECT_FALSE(ended.counted);
  EXPECT_THAT(ended.confirmed, IsEmpty());
  EXPECT_EQ(desk.events("2"), "change abandoned(200)");
  EXPECT_EQ(desk.deliver(wake), "2=on");
}

// --- Callers

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
  EXPECT_THAT(ended.confirmed, IsEmpty()) << "only registered contacts are on record";
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
  const Wake wake{0, registered, std::string(kAor)};
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
