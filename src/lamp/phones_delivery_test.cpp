#include "lamp/phones_test.h"

namespace lamplighter::lamp {
namespace {

using namespace std::chrono_literals;
using What = Step::What;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const Key kOn{.light = Light::kOn};

// --- next() and ended()

TEST(PhonesDelivery, AnOrderSaysEverythingThatIsSent) {
  Desk desk;
  const Key key{.light = Light::kOn, .color = Color::kRed, .label = "Night", .number = "432"};
  auto info = desk.info();
  info.path = "<sip:proxy@192.0.2.1;lr>";
  desk.sync({info}, /*make=*/true);
  const auto wake = desk.settle(desk.set("2", key)).at(0);
  const auto step = desk.next(wake);
  ASSERT_EQ(step.what, What::kSend);
  EXPECT_EQ(step.order.uri, kUri);
  EXPECT_EQ(step.order.path, info.path);
  EXPECT_EQ(step.order.flow, info.flow);
  EXPECT_THAT(step.order.blocks, ElementsAre(KeyBlock{"2", key, {}}));
  EXPECT_FALSE(step.order.hint);
  EXPECT_EQ(step.attempt, step.order.attempt);
  EXPECT_NE(step.attempt, 0u);
}

TEST(PhonesDelivery, ABurstOfChangesEndsInTheNewestState) {
  Desk desk;
  desk.sync({desk.info()}, /*make=*/true);
  const auto wake = desk.put("2", Light::kOn).at(0);
  const auto first = desk.next(wake);
  for (const auto light : {Light::kOff, Light::kHold, Light::kPark, Light::kRecord}) {
    EXPECT_THAT(desk.put("2", light), IsEmpty()) << "one request at a time";
    const auto step = desk.next(wake);
    EXPECT_EQ(step.what, What::kNothing);
    EXPECT_EQ(step.attempt, first.attempt) << "it is still waited for";
    EXPECT_FALSE(step.hurry);
  }
  EXPECT_TRUE(desk.answer(wake, first.attempt, 200).to_record);
  const auto confirmed = desk.confirmations(wake);
  ASSERT_THAT(confirmed, SizeIs(1));
  EXPECT_EQ(confirmed[0].look, (Look{Light::kOn})) << "what was confirmed is what was sent";
  EXPECT_EQ(desk.seen(), "2=record pending");
  EXPECT_EQ(desk.deliver(wake), "2=record");
}

TEST(PhonesDelivery, WhatIsConfirmedIsForTheStore) {
  Desk desk;
  const auto info = desk.info();
  desk.sync({info}, /*make=*/true);
  const auto change = desk.set("2", Key{.light = Light::kOn, .color = Color::kGreen});
  const auto wake = desk.settle(change).at(0);
  const auto ended = desk.answer(wake, desk.next(wake).attempt, 200);
  EXPECT_TRUE(ended.counted);
  EXPECT_EQ(ended.state, DeliveryState::kConfirmed);
  EXPECT_TRUE(ended.to_record);
  const auto all = desk.confirmations(wake);
  ASSERT_THAT(all, SizeIs(1));
  const auto& confirmed = all[0];
  EXPECT_EQ(confirmed.aor, kAor);
  EXPECT_EQ(confirmed.contact, kUri);
  EXPECT_EQ(confirmed.registered, info.registered);
  EXPECT_EQ(confirmed.name, "2");
  EXPECT_EQ(confirmed.version, change.version);
  EXPECT_EQ(confirmed.look, (Look{Light::kOn, Color::kGreen}));
  EXPECT_THAT(desk.confirmations(wake), IsEmpty()) << "told already";
}

TEST(PhonesDelivery, OfSeveralConfirmationsOfAKeyTheLatestIsForTheStore) {
  Desk desk;
  desk.sync({desk.info()}, /*make=*/true);
  const auto wake = desk.put("2", Light::kOn).at(0);
  EXPECT_TRUE(desk.answer(wake, desk.next(wake).attempt, 200).to_record);
  desk.put("2", Light::kHold);
  desk.put("3", Light::kPark);
  EXPECT_FALSE(desk.answer(wake, desk.next(wake).attempt, 200).to_record) << "it is to be asked already";
  EXPECT_FALSE(desk.answer(wake, desk.next(wake).attempt, 200).to_record);
  const auto confirmed = desk.confirmations(wake);
  ASSERT_THAT(confirmed, SizeIs(2));
  EXPECT_EQ(confirmed[0].name, "2");
  EXPECT_EQ(confirmed[0].look, (Look{Light::kHold}));
  EXPECT_EQ(confirmed[1].name, "3");
  desk.clear("3");
  EXPECT_TRUE(desk.answer(wake, desk.next(wake).attempt, 200).to_record);
  EXPECT_THAT(desk.confirmations(wake), SizeIs(1));
}

TEST(PhonesDelivery, AContactThatHasGoneOrBootedHasNothingForTheStore) {
  Desk desk;
  auto info = desk.info();
  desk.sync({info}, /*make=*/true);
  const auto wake = desk.put("2", Light::kOn).at(0);
  EXPECT_TRUE(desk.answer(wake, desk.next(wake).attempt, 200).to_record);
  info.registered += 1s;
  desk.sync({info});
  EXPECT_THAT(desk.confirmations(wake), IsEmpty()) << "booted";
  EXPECT_TRUE(desk.answer(wake, desk.next(wake).attempt, 200).to_record);
  desk.sync({});
  EXPECT_THAT(desk.confirmations(wake), IsEmpty()) << "gone";
  EXPECT_EQ(desk.phones.aor_of(wake.contact), "");
}

TEST(PhonesDelivery, OutcomesAreNamedCountedAndKeptInTheHistory) {
  Desk desk;
  desk.sync({desk.info()}, /*make=*/true);
  const auto change = desk.light("2", Light::kOn);
  const auto wake = desk.settle(change).at(0);
  const auto go = [&](int status) {
    const auto step = desk.next(wake);
    EXPECT_EQ(step.what, What::kSend);
    desk.clock.advance(1500us);
    const auto ended = desk.answer(wake, step.attempt, status);
    EXPECT_TRUE(ended.counted);
    desk.clock.advance(10min);
    return ended.state;
  };
  EXPECT_EQ(go(0), DeliveryState::kUnreachable);
  EXPECT_EQ(desk.seen(), "2=on unreachable");
  EXPECT_EQ(go(503), DeliveryState::kRetrying);
  EXPECT_EQ(desk.seen(), "2=on retrying(503)");
  EXPECT_EQ(go(415), DeliveryState::kRefused);
  EXPECT_EQ(desk.seen(), "2=on refused(415)");
  EXPECT_EQ(desk.next(wake).what, What::kNothing) << "it has said what it thinks of this";
  EXPECT_EQ(desk.events("2"), "change unreachable retrying(503) refused(415)");
  const auto last = desk.phones.history(kAor, "2").back();
  EXPECT_EQ(last.version, change.version);
  EXPECT_EQ(last.latency, 1500us);
  EXPECT_EQ(last.contact, kUri);
  EXPECT_EQ(last.call_id, "call-1");
  EXPECT_EQ(last.look, (Look{Light::kOn}));
  EXPECT_EQ(last.at, desk.clock.wall() - 10min);
}

TEST(PhonesDelivery, OutcomesOfNobodyAreNotCounted) {
  Desk desk;
  desk.sync({desk.info()}, /*make=*/true);
  const auto wake = desk.put("2", Light::kOn).at(0);
  const auto attempt = desk.next(wake).attempt;
  EXPECT_FALSE(desk.answer(wake, attempt, 100).counted) << "provisional";
  EXPECT_FALSE(desk.answer(wake, attempt + 1, 200).counted);
  EXPECT_FALSE(desk.answer({0, wake.contact + 1}, attempt, 200).counted);
  EXPECT_TRUE(desk.answer(wake, attempt, 200).counted);
  EXPECT_FALSE(desk.answer(wake, attempt, 200).counted) << "twice";
  EXPECT_EQ(desk.events("2"), "change confirmed(200)");
  EXPECT_EQ(desk.phones.next(1, 0).what, What::kGone);
  EXPECT_EQ(desk.next({0, wake.contact + 1}).what, What::kGone);
}

TEST(PhonesDelivery, AfterAFailureItWaitsAndSaysUntilWhen) {
  PhonesSettings settings;
  settings.timing.jitter = 0;
  Desk desk(settings);
  desk.sync({desk.info()}, /*make=*/true);
  const auto wake = desk.put("2", Light::kOn).at(0);
  EXPECT_FALSE(desk.phones.view(kAor)->contacts.at(0).next_try);
  desk.answer(wake, desk.next(wake).attempt, 503);
  const auto step = desk.next(wake);
  ASSERT_EQ(step.what, What::kWait);
  EXPECT_EQ(step.attempt, 0u);
  EXPECT_EQ(step.at, desk.clock.now() + settings.timing.retry_first);
  EXPECT_EQ(desk.phones.view(kAor)->contacts.at(0).next_try, desk.clock.wall() + 5s);
  desk.clock.advance(5s);
  EXPECT_EQ(desk.deliver(wake), "2=on");
  EXPECT_FALSE(desk.phones.view(kAor)->contacts.at(0).next_try);
}

TEST(PhonesDelivery, RetryAfterIsHeard) {
  Desk desk;
  desk.sync({desk.info()}, /*make=*/true);
  const auto wake = desk.put("2", Light::kOn).at(0);
  const Outcome busy{.status = 480, .retry_after = 90s, .call_id = "c"};
  EXPECT_TRUE(desk.phones.ended(wake.contact, desk.next(wake).attempt, busy).counted);
  EXPECT_EQ(desk.next(wake).at, desk.clock.now() + 90s);
}

// --- Models

TEST(PhonesModels, ASettingPutsSeveralKeysIntoOneDocument) {
  PhonesSettings settings;
  settings.paces = {{"SNOM370", {.gap = 100ms, .batch = 3}}};
  Desk desk(settings);
  for (int i = 1; i <= 4; ++i) desk.put(std::to_string(i), Light::kOn);
  desk.clear("4");
  const auto wake = desk.sync({desk.info()}).at(0);
  const auto step = desk.next(wake);
  EXPECT_EQ(Desk::text_of(step.order), "4=off+3=on+2=on");
  desk.answer(wake, step.attempt, 200);
  EXPECT_THAT(desk.confirmations(wake), SizeIs(3));
  const auto pause = desk.next(wake);
  ASSERT_EQ(pause.what, What::kWait);
  EXPECT_EQ(pause.at, desk.clock.now() + 100ms);
  desk.clock.advance(100ms);
  EXPECT_EQ(desk.deliver(wake), "1=on");
  EXPECT_EQ(desk.events("3"), "change confirmed(200)");
}

TEST(PhonesModels, OtherModelsHaveTheCommonPace) {
  PhonesSettings settings;
  settings.pace.gap = 50ms;
  settings.paces = {{"snom300", {.gap = 100ms, .batch = 3}}};
  Desk desk(settings);
  desk.put("1", Light::kOn);
  desk.put("2", Light::kOn);
  const auto wake = desk.sync({desk.info()}).at(0);
  EXPECT_EQ(desk.deliver(wake), "2=on") << "one key at a time";
  EXPECT_EQ(desk.next(wake).at, desk.clock.now() + 50ms);
}

TEST(PhonesModels, UnknownModelsAreSentLampsUnlessTheSettingSaysNo) {
  for (const bool sent : {true, false}) {
    PhonesSettings settings;
    settings.unknown_models = sent;
    Desk desk(settings);
    desk.put("2", Light::kOn);
    const auto wakes = desk.sync({desk.info(kUri, flow(), "Yealink SIP-T46S")});
    EXPECT_THAT(wakes, SizeIs(sent ? 1 : 0));
    EXPECT_EQ(desk.next(desk.wake_of()).what, sent ? What::kSend : What::kNothing);
    const auto view = desk.phones.view(kAor);
    EXPECT_EQ(view->contacts.at(0).deliver, sent);
    EXPECT_EQ(view->contacts.at(0).model, "generic");
    EXPECT_THAT(desk.clear("2"), IsEmpty());
    EXPECT_THAT(desk.phones.view(kAor)->keys, SizeIs(sent ? 1 : 0)) << "who is not sent lamps has nothing to confirm";
  }
}

// --- What people see

TEST(PhonesView, KeysAreSortedAsPeopleCountAndContactsSayHowFarTheyAre) {
  Desk desk;
  for (const auto* name : {"10", "2", "door", "1"}) desk.put(name, Light::kOn);
  desk.put("3", Light::kOn);
  desk.clear("3");
  const auto info = desk.info();
  const auto wake = desk.sync({info}).at(0);
  EXPECT_EQ(desk.seen(), "1=on pending 2=on pending 3=cleared pending 10=on pending door=on pending");
  EXPECT_EQ(desk.deliver(wake), "3=off 1=on door=on 2=on 10=on");
  EXPECT_EQ(desk.seen(), "1=on confirmed 2=on confirmed 10=on confirmed door=on confirmed");

  const auto version = desk.phones.find(kAor, "2")->version;
  desk.put("2", Light::kHold);
  ASSERT_EQ(desk.next(wake).what, What::kSend);
  const auto view = desk.phones.view(kAor);
  ASSERT_THAT(view->contacts, SizeIs(1));
  const auto& contact = view->contacts[0];
  EXPECT_EQ(contact.uri, kUri);
  EXPECT_EQ(contact.model, "snom370");
  EXPECT_EQ(contact.user_agent, kSnom);
  EXPECT_EQ(contact.flow, info.flow);
  EXPECT_EQ(contact.registered, info.registered);
  EXPECT_TRUE(contact.is_registered && contact.deliver && contact.in_flight);
  EXPECT_EQ(contact.keys.at(1).confirmed, version) << "what it shows until it says otherwise";
  EXPECT_EQ(contact.keys.at(1).look, (Look{Light::kOn}));
  EXPECT_EQ(contact.keys.at(1).state, DeliveryState::kPending);
  EXPECT_FALSE(desk.phones.view("nobody@example.com"));
}

TEST(PhonesView, EveryPhoneIsCountedWithItsKeysAndWhatIsNotConfirmed) {
  Desk desk;
  desk.put("1", Light::kOn);
  desk.put("2", Light::kOn);
  desk.put("3", Light::kOn);
  desk.clear("3");
  desk.phones.restore("102@example.com", {"1", kOn, 5});
  const auto wakes = desk.sync(
      {desk.info("sip:a@192.0.2.1", flow("192.0.2.1:5060")), desk.info("sip:b@192.0.2.2", flow("192.0.2.2:5060"))});
  desk.deliver(wakes.at(0));
  std::vector<std::string> seen;
  desk.phones.for_each([&](std::string_view aor, std::size_t keys, std::size_t unconfirmed) {
    seen.push_back(std::string(aor) + " " + std::to_string(keys) + " " + std::to_string(unconfirmed));
  });
  EXPECT_THAT(seen, ::testing::UnorderedElementsAre("101@example.com 2 3", "102@example.com 1 0"));
}

// --- At start

TEST(PhonesRestore, OnlyWhatIsNotConfirmedIsSentAfterARestart) {
  Desk desk;
  const auto info = desk.info();
  desk.phones.restore(kAor, {"1", kOn, 11});
  desk.phones.restore(kAor, {"2", kOn, 12});
  desk.phones.restore(kAor, {"3", std::nullopt, 13});
  desk.sync({info});
  const auto confirmed = [&](const KeyName& name, std::uint64_t version) {
    return desk.phones.restore(
        Confirmation{std::string(kAor), std::string(kUri), info.registered, name, version, Look{Light::kOn}});
  };
  EXPECT_TRUE(confirmed("1", 11));
  EXPECT_TRUE(confirmed("2", 9)) << "an older state";
  std::vector<std::pair<std::uint32_t, std::size_t>> behind;
  desk.phones.for_each_behind([&](const Wake& wake, std::size_t keys) { behind.emplace_back(wake.contact, keys); });
  EXPECT_THAT(behind, ElementsAre(std::pair{desk.number(), std::size_t{2}}));
  EXPECT_EQ(desk.seen(), "1=on confirmed 2=on pending 3=cleared pending");
  EXPECT_EQ(desk.deliver(desk.wake_of()), "3=off 2=on");
  behind.clear();
  desk.phones.for_each_behind([&](const Wake& wake, std::size_t keys) { behind.emplace_back(wake.contact, keys); });
  EXPECT_THAT(behind, IsEmpty());
}

TEST(PhonesRestore, ConfirmationsOfAnotherLifeOrAnotherContactAreIgnoredButTheirVersionsAreNotGivenAgain) {
  Desk desk;
  const auto info = desk.info();
  desk.phones.restore(kAor, {"1", kOn, 11});
  desk.sync({info});
  const std::string aor(kAor), uri(kUri);
  const std::uint64_t ahead = 1'800'000'000'000;
  const Look on{Light::kOn};
  EXPECT_FALSE(desk.phones.restore(Confirmation{aor, uri, info.registered - 1s, "1", 11, on}));
  EXPECT_FALSE(desk.phones.restore(Confirmation{aor, "sip:other@192.0.2.9", info.registered, "1", 11, on}));
  EXPECT_FALSE(desk.phones.restore(Confirmation{aor, uri, info.registered, "9", ahead, on}));
  EXPECT_FALSE(desk.phones.restore(Confirmation{"nobody@example.com", uri, info.registered, "1", 11, on}));
  EXPECT_EQ(desk.seen(), "1=on pending");
  EXPECT_EQ(desk.light("1", Light::kOff).version, ahead + 1);
}

TEST(PhonesRestore, AnOlderStoredStateDoesNotComeBack) {
  Desk desk;
  desk.phones.restore(kAor, {"1", std::nullopt, 12});
  desk.phones.restore(kAor, {"1", kOn, 11});
  EXPECT_EQ(desk.phones.find(kAor, "1"), (KeyState{"1", std::nullopt, 12}));
}

TEST(PhonesRestore, ContactsThatAreNotSentLampsAreNotBehind) {
  PhonesSettings settings;
  settings.unknown_models = false;
  Desk desk(settings);
  desk.phones.restore(kAor, {"1", kOn, 11});
  desk.sync({desk.info(kUri, flow(), "generic")});
  desk.phones.for_each_behind([](const Wake&, std::size_t) { ADD_FAILURE(); });
}

}  // namespace
}  // namespace lamplighter::lamp
