#include "lamp/phones_test.h"

namespace lamplighter::lamp {
namespace {

using namespace std::chrono_literals;
using What = Step::What;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const Key kOn{.light = Light::kOn};

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
  EXPECT_EQ(desk.phones.aor_of(wakes[0].contact), kAor);
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
  EXPECT_EQ(desk.deliver({2, wake.contact}), "2=on");
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
  const Wake wake{2, wakes[0].contact};
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
  EXPECT_FALSE(ended.to_record);
  EXPECT_THAT(desk.confirmations(wake), IsEmpty());
  EXPECT_EQ(desk.events("2"), "change abandoned(200)");
  EXPECT_EQ(desk.deliver(wake), "2=on");
}

}  // namespace
}  // namespace lamplighter::lamp
