#include "lamp/phones_test.h"

#include <thread>

namespace lamplighter::lamp {
namespace {

using Kind = KeyboardError::Kind;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const Key kOn{.light = Light::kOn};
const Key kOff{.light = Light::kOff};

Edit set(std::string_view name, const Key& key = kOn) { return {.name = name, .key = &key}; }
Edit clear(std::string_view name) { return {.name = name, .kind = Edit::Kind::kClear}; }
Edit toggle(std::string_view name, const Key* on = nullptr, const Key* off = nullptr) {
  return {.name = name, .kind = Edit::Kind::kToggle, .key = on, .off = off};
}

// --- What is desired

TEST(Phones, AKeyThatIsSetCanBeFoundAndAskingForItAgainChangesNothing) {
  Desk desk;
  const Key key{.light = Light::kOn, .color = Color::kRed, .label = "Night", .number = "432"};
  const auto first = desk.set("2", key);
  EXPECT_TRUE(first.changed);
  EXPECT_EQ(first.version, 1'700'000'000'000u);
  EXPECT_EQ(desk.phones.find(kAor, "2"), (KeyState{"2", key, first.version}));

  const auto again = desk.set("2", key);
  EXPECT_FALSE(again.changed);
  EXPECT_EQ(again.version, first.version);
  EXPECT_EQ(desk.phones.phones(), 1u);
  EXPECT_TRUE(desk.phones.has(kAor));
  EXPECT_FALSE(desk.phones.has("102@example.com"));
  EXPECT_FALSE(desk.phones.find(kAor, "3"));
  EXPECT_FALSE(desk.phones.find("102@example.com", "2"));
}

TEST(Phones, AClearedKeyIsRememberedAsCleared) {
  Desk desk;
  const auto on = desk.light("2", Light::kOn);
  const auto off = desk.set("2", std::nullopt);
  EXPECT_TRUE(off.changed);
  EXPECT_GT(off.version, on.version);
  EXPECT_EQ(desk.phones.find(kAor, "2"), (KeyState{"2", std::nullopt, off.version}));
  EXPECT_FALSE(desk.set("2", std::nullopt).changed);
}

TEST(Phones, ClearingWhatNeverWasLeavesNoTrace) {
  Desk desk;
  EXPECT_FALSE(desk.set("2", std::nullopt).changed);
  EXPECT_EQ(desk.phones.phones(), 0u);
  EXPECT_FALSE(desk.phones.has(kAor));
  desk.light("1", Light::kOn);
  EXPECT_FALSE(desk.set("2", std::nullopt).changed);
  EXPECT_FALSE(desk.phones.find(kAor, "2"));
  EXPECT_THAT(desk.phones.history(kAor, "2"), IsEmpty());
}

TEST(Phones, VersionsGrowThoughTheWallClockIsSetBack) {
  Desk desk;
  const auto first = desk.light("2", Light::kOn);
  desk.clock.set_wall(WallTime{std::chrono::seconds{1}});
  const auto second = desk.light("2", Light::kOff);
  const auto third = desk.light("3", Light::kOn);
  EXPECT_EQ(second.version, first.version + 1);
  EXPECT_EQ(third.version, first.version + 2);
}

TEST(Phones, SeveralEditsAreAllMadeInOrder) {
  Desk desk;
  desk.light("1", Light::kOn);
  const std::vector<Edit> edits{set("10"), set("1"), clear("7"), toggle("2", &kOn, &kOff)};
  const auto changes = desk.phones.change(kAor, edits, {});
  ASSERT_TRUE(changes);
  ASSERT_THAT(*changes, SizeIs(4));
  EXPECT_EQ(changes->at(0).name, "10");
  EXPECT_TRUE(changes->at(0).changed);
  EXPECT_FALSE(changes->at(1).changed) << "it was on";
  EXPECT_FALSE(changes->at(2).changed) << "it never was";
  EXPECT_TRUE(changes->at(3).changed);
  EXPECT_LT(changes->at(0).version, changes->at(3).version);
  for (const auto& change : *changes) EXPECT_EQ(change.aor, kAor);
}

TEST(Phones, AReplacedKeyboardClearsTheKeysThatAreNotNamed) {
  Desk desk;
  for (const auto* name : {"1", "2", "3"}) desk.light(name, Light::kOn);
  desk.set("3", std::nullopt);
  const std::vector<Edit> edits{set("2"), set("4")};
  const auto changes = desk.phones.change(kAor, edits, {}, /*replace=*/true);
  ASSERT_TRUE(changes);
  ASSERT_THAT(*changes, SizeIs(3)) << "3 was cleared already";
  EXPECT_FALSE(changes->at(0).changed);
  EXPECT_TRUE(changes->at(1).changed);
  EXPECT_EQ(changes->at(2).name, "1");
  EXPECT_FALSE(changes->at(2).key);
  EXPECT_TRUE(changes->at(2).changed);

  const auto none = desk.phones.change(kAor, {}, {}, /*replace=*/true);
  ASSERT_TRUE(none);
  EXPECT_THAT(*none, SizeIs(2));
  EXPECT_FALSE(desk.phones.find(kAor, "2")->key);
  EXPECT_FALSE(desk.phones.find(kAor, "4")->key);
}

// --- Toggle

TEST(Phones, ToggleTakesTheTemplateThatTheLightCallsFor) {
  Desk desk;
  const Key on{.light = Light::kPark, .label = "parked"}, off{.light = Light::kOff, .label = "free"};
  const auto flip = [&] { return desk.phones.change(kAor, std::vector{toggle("5", &on, &off)}, {})->at(0); };
  EXPECT_EQ(flip().key, on) << "a key that never was is dark";
  EXPECT_EQ(flip().key, off);
  EXPECT_EQ(flip().key, on);
  desk.set("5", std::nullopt);
  EXPECT_EQ(flip().key, on) << "a cleared key is dark";
}

TEST(Phones, ToggleWithoutTemplatesFlipsTheKeysOwnLight) {
  Desk desk;
  desk.set("5", Key{.light = Light::kHold, .label = "Door", .number = "9", .press = Press::kToggle});
  const auto flip = [&] { return desk.phones.change(kAor, std::vector{toggle("5")}, {})->at(0); };
  EXPECT_EQ(flip().key, (Key{.light = Light::kOff, .label = "Door", .number = "9", .press = Press::kToggle}));
  EXPECT_EQ(flip().key, (Key{.light = Light::kOn, .label = "Door", .number = "9", .press = Press::kToggle}));
}

TEST(Phones, ToggleOfAKeyThatIsNotSetSaysSo) {
  Desk desk;
  const std::vector edits{toggle("5")};
  auto changes = desk.phones.change(kAor, edits, {});
  ASSERT_FALSE(changes);
  EXPECT_EQ(changes.error().kind, Kind::kNotSet);
  EXPECT_EQ(changes.error().name, "5");
  EXPECT_EQ(changes.error().what, "key 5 of 101@example.com is not set: nothing to flip");
  desk.light("5", Light::kOn);
  desk.set("5", std::nullopt);
  EXPECT_EQ(desk.error_of(edits[0]), "key 5 of 101@example.com is not set: nothing to flip");
}

TEST(Phones, TheToggleBehindANumberIsFoundWhileItIsSet) {
  Desk desk;
  const Key door{.number = "900", .press = Press::kToggle};
  desk.set("10", door);
  desk.set("9", door);
  desk.set("1", Key{.number = "900"});  // dials it, but is no toggle
  EXPECT_EQ(desk.phones.toggle_that_dials(kAor, "900"), "9") << "of two the first by name";
  EXPECT_FALSE(desk.phones.toggle_that_dials(kAor, "901"));
  EXPECT_FALSE(desk.phones.toggle_that_dials("102@example.com", "900"));
  desk.set("9", std::nullopt);
  EXPECT_EQ(desk.phones.toggle_that_dials(kAor, "900"), "10");
}

// --- What is refused

TEST(Phones, ABadNameOrValueIsRefusedAndNothingIsChanged) {
  Desk desk;
  const Key bell{.label = "a\ab"};
  const Key number{.number = std::string(257, '1')};
  const auto refused = [&](const Edit& edit) {
    const std::vector<Edit> edits{set("1"), edit};
    auto changes = desk.phones.change(kAor, edits, {});
    EXPECT_FALSE(changes);
    EXPECT_EQ(desk.phones.phones(), 0u);
    return changes ? KeyboardError{} : changes.error();
  };
  EXPECT_EQ(refused(set("")).kind, Kind::kName);
  EXPECT_THAT(refused(set("")).what, HasSubstr("key name: expected"));
  EXPECT_EQ(refused(clear("a b")).kind, Kind::kName);
  EXPECT_EQ(refused(set("2", bell)).kind, Kind::kValue);
  EXPECT_THAT(refused(set("2", bell)).what, HasSubstr("key 2: label: "));
  EXPECT_THAT(refused(set("2", number)).what, HasSubstr("key 2: number: "));
  EXPECT_EQ(refused(toggle("2", &kOn, &bell)).kind, Kind::kValue) << "also what is not needed this time";
  EXPECT_EQ(refused(set("1")).kind, Kind::kName);
  EXPECT_EQ(refused(set("1")).what, "key 1: named twice, expected each key once");
}

TEST(Phones, AListedModelHasTheKeysOfItsTable) {
  Desk desk;
  desk.light("1", Light::kOn);
  desk.sync({desk.info()});
  EXPECT_EQ(desk.error_of(set("139")), "key 139: a snom370 has keys 1 to 138");
  EXPECT_EQ(desk.error_of(set("0")), "key 0: a snom370 has keys 1 to 138");
  EXPECT_EQ(desk.error_of(set("99999999999999999999999999999999")),
            "key 99999999999999999999999999999999: a snom370 has keys 1 to 138");
}

TEST(Phones, AModelsLastKeyAndKeysWithOtherNamesAreTaken) {
  Desk desk;
  desk.light("1", Light::kOn);
  desk.sync({desk.info()});
  EXPECT_EQ(desk.error_of(set("138")), "");
  EXPECT_EQ(desk.error_of(set("door")), "");
  EXPECT_EQ(desk.error_of(clear("139")), "") << "what cannot be is not there either";
}

TEST(Phones, OfSeveralModelsTheLargestCountsAndAnUnknownOneTakesAnyName) {
  Desk desk;
  desk.light("1", Light::kOn);
  desk.sync({desk.info("sip:a@192.0.2.1", flow("192.0.2.1:5060"), "snom300/8.4.35"),
             desk.info("sip:b@192.0.2.2", flow("192.0.2.2:5060"), "snom190/3.60")});
  EXPECT_EQ(desk.error_of(set("7")), "key 7: a snom300 has keys 1 to 6");
  desk.sync({desk.info("sip:a@192.0.2.1", flow("192.0.2.1:5060"), "snom300/8.4.35"),
             desk.info("sip:c@192.0.2.3", flow("192.0.2.3:5060"), "Yealink SIP-T46S 66.84")});
  EXPECT_EQ(desk.error_of(set("1000")), "");
}

TEST(Phones, NoMoreKeysThanTheModelOrTheSettingAllows) {
  PhonesSettings settings;
  settings.keys_per_phone = 3;
  Desk desk(settings);
  for (const auto* name : {"1", "2", "3"}) desk.light(name, Light::kOn);
  const std::vector edits{set("4")};
  const auto changes = desk.phones.change(kAor, edits, {});
  ASSERT_FALSE(changes);
  EXPECT_EQ(changes.error().kind, Kind::kTooManyKeys);
  EXPECT_EQ(changes.error().name, "4");
  EXPECT_EQ(changes.error().what, "key 4: the phone has 3 keys set already, expected at most 3 (lamp.keys_per_phone)");

  desk.sync({desk.info(kUri, flow(), "snom190/3.60")});
  EXPECT_EQ(desk.error_of(set("a")), "");
  EXPECT_EQ(desk.error_of(set("b")), "");
  EXPECT_EQ(desk.error_of(set("c")), "key c: the phone has 5 keys set already, expected at most 5 (a snom190)");
}

TEST(Phones, ARequestForTooManyKeysChangesNone) {
  PhonesSettings settings;
  settings.keys_per_phone = 3;
  Desk desk(settings);
  desk.light("1", Light::kOn);
  const std::vector<Edit> edits{set("1"), set("2"), set("3"), set("4")};
  const auto changes = desk.phones.change(kAor, edits, {});
  ASSERT_FALSE(changes);
  EXPECT_EQ(changes.error().what, "key 4: the phone would have 4 keys set, expected at most 3 (lamp.keys_per_phone)");
  EXPECT_FALSE(desk.phones.find(kAor, "2"));

  // What a request clears makes room for what it sets, whatever the order.
  const std::vector<Edit> swap{set("2"), set("3"), set("4"), clear("1")};
  EXPECT_TRUE(desk.phones.change(kAor, swap, {}));
  const std::vector<Edit> others{set("5"), set("6")};
  EXPECT_TRUE(desk.phones.change(kAor, others, {}, /*replace=*/true));
}

TEST(Phones, KeysBeyondALimitThatBecameLowerMayChangeButNotGrow) {
  Desk desk;
  for (int i = 1; i <= 6; ++i) desk.light(std::string("key") + std::to_string(i), Light::kOn);
  desk.sync({desk.info(kUri, flow(), "snom190/3.60")});
  EXPECT_EQ(desk.error_of(set("key1", kOff)), "");
  EXPECT_EQ(desk.error_of(clear("key2")), "");
  EXPECT_NE(desk.error_of(set("key7")), "");
}

TEST(Phones, NoMorePhonesThanTheSettingAllows) {
  PhonesSettings settings;
  settings.phones = 1;
  Desk desk(settings);
  desk.light("1", Light::kOn);
  const std::vector edits{set("1")};
  const auto changes = desk.phones.change("102@example.com", edits, {});
  ASSERT_FALSE(changes);
  EXPECT_EQ(changes.error().kind, Kind::kTooManyPhones);
  EXPECT_EQ(changes.error().what, "key 1: too many phones have keys, expected at most 1");
  std::vector<Wake> wake;
  const auto dialled = desk.phones.dialled("102@example.com", edits[0], {}, {flow(), kUri, kSnom, {}}, wake);
  EXPECT_FALSE(dialled);
  EXPECT_EQ(desk.phones.phones(), 1u);
  desk.phones.restore("103@example.com", {"1", kOn, 7});
  EXPECT_EQ(desk.phones.phones(), 2u) << "what was accepted once comes back";
}

TEST(Phones, APhoneMadeForAChangeThatIsRefusedIsForgotten) {
  Desk desk;
  EXPECT_THAT(desk.sync({desk.info()}, /*make=*/true), IsEmpty());
  EXPECT_EQ(desk.phones.phones(), 1u);
  EXPECT_FALSE(desk.phones.has(kAor)) << "no keys";
  EXPECT_FALSE(desk.phones.view(kAor));
  EXPECT_NE(desk.error_of(set("139")), "");
  EXPECT_EQ(desk.phones.phones(), 0u);
  desk.sync({desk.info()}, /*make=*/true);
  EXPECT_EQ(desk.error_of(clear("2")), "");
  EXPECT_EQ(desk.phones.phones(), 0u);
  desk.sync({}, /*make=*/true);
  EXPECT_EQ(desk.phones.phones(), 0u) << "nobody is registered";
}

// --- Slots of cleared keys

// One key is allowed, so there are two slots.
struct Narrow : Desk {
  static PhonesSettings narrow() {
    PhonesSettings settings;
    settings.keys_per_phone = 1;
    return settings;
  }
  Narrow() : Desk(narrow()) {
    put("a", Light::kOn);
    clear("a");
    put("b", Light::kOn);
    clear("b");
  }
};

TEST(PhonesSlots, ASlotThatEveryContactHasConfirmedDarkIsTakenForANewKey) {
  Narrow desk;
  const auto wakes = desk.sync({desk.info(kUri, flow(), "a generic phone")});
  ASSERT_THAT(wakes, SizeIs(1));
  EXPECT_EQ(
      desk.error_of(set("c")),
      "key c: the phone has 0 keys set and 2 cleared ones that it has not confirmed, expected at most 2 together");
  EXPECT_EQ(desk.deliver(wakes[0]), "b=off a=off");
  EXPECT_EQ(desk.events("a"), "change change confirmed(200)");

  desk.put("c", Light::kHold);
  EXPECT_FALSE(desk.phones.find(kAor, "a")) << "forgotten";
  EXPECT_THAT(desk.phones.history(kAor, "a"), IsEmpty());
  EXPECT_EQ(desk.events("c"), "change") << "not what happened to the slot before";
  EXPECT_EQ(desk.seen(), "c=hold pending");
  EXPECT_EQ(desk.deliver(wakes[0]), "c=hold");
}

TEST(PhonesSlots, WithNobodyThereToConfirmNoSlotIsTaken) {
  Narrow desk;
  EXPECT_NE(desk.error_of(set("c")), "") << "the phone that comes back must be told that a and b are dark";
  EXPECT_EQ(desk.error_of(set("b")), "") << "its own slot";
}

TEST(PhonesSlots, OneContactThatHasNotConfirmedIsEnoughToKeepIt) {
  Narrow desk;
  const auto wakes = desk.sync({desk.info("sip:a@192.0.2.1", flow("192.0.2.1:5060"), "generic"),
                                desk.info("sip:b@192.0.2.2", flow("192.0.2.2:5060"), "generic")});
  ASSERT_THAT(wakes, SizeIs(2));
  desk.deliver(wakes[0]);
  EXPECT_NE(desk.error_of(set("c")), "");
  desk.deliver(wakes[1]);
  EXPECT_EQ(desk.error_of(set("c")), "");
}

TEST(PhonesSlots, AClearingThatIsNotStoredKeepsItsSlot) {
  PhonesSettings settings;
  settings.keys_per_phone = 1;
  Desk desk(settings);
  desk.put("a", Light::kOn);
  desk.set("a", std::nullopt);
  desk.put("b", Light::kOn);
  desk.set("b", std::nullopt);
  const auto wakes = desk.sync({desk.info(kUri, flow(), "generic")});
  ASSERT_THAT(wakes, SizeIs(1));
  desk.deliver(wakes[0]);
  EXPECT_NE(desk.error_of(set("c")), "");
}

TEST(PhonesSlots, ASlotNamedInTheSameRequestIsNotTakenForAnother) {
  Narrow desk;
  desk.deliver(desk.sync({desk.info(kUri, flow(), "generic")}).at(0));
  const std::vector<Edit> edits{clear("a"), set("c")};
  ASSERT_TRUE(desk.phones.change(kAor, edits, {}));
  EXPECT_TRUE(desk.phones.find(kAor, "a"));
  EXPECT_FALSE(desk.phones.find(kAor, "b")) << "this one was";
}

// --- History

TEST(PhonesHistory, EachChangeIsThereWithItsOrigin) {
  Desk desk;
  const Edit edit = set("2");
  ASSERT_TRUE(desk.phones.change(kAor, std::span(&edit, 1), {Origin::Kind::kDial, "431 dialled"}));
  ASSERT_TRUE(desk.phones.change(kAor, std::span(&edit, 1), {Origin::Kind::kDial, "431 dialled"}));
  desk.clock.advance(std::chrono::seconds{2});
  const auto cleared = desk.set("2", std::nullopt);
  const auto entries = desk.phones.history(kAor, "2");
  ASSERT_THAT(entries, SizeIs(2)) << "what changed nothing is not a change";
  EXPECT_EQ(entries[0].origin, Origin::Kind::kDial);
  EXPECT_EQ(entries[0].detail, "431 dialled");
  EXPECT_EQ(entries[0].look, (Look{Light::kOn}));
  EXPECT_FALSE(entries[0].cleared);
  EXPECT_EQ(entries[1].origin, Origin::Kind::kApi);
  EXPECT_TRUE(entries[1].cleared);
  EXPECT_EQ(entries[1].version, cleared.version);
  EXPECT_EQ(entries[1].at, entries[0].at + std::chrono::seconds{2});
  EXPECT_THAT(desk.phones.history(kAor, "3"), IsEmpty());
  EXPECT_THAT(desk.phones.history("nobody@example.com", "2"), IsEmpty());
}

TEST(PhonesHistory, ItIsBoundedAndCanBeSwitchedOff) {
  PhonesSettings settings;
  settings.history = 64;  // one entry for each shard
  Desk one(settings);
  one.light("2", Light::kOn);
  one.light("2", Light::kHold);
  EXPECT_THAT(one.phones.history(kAor, "2"), SizeIs(1));

  settings.history = 0;
  Desk none(settings);
  none.sync({none.info()}, /*make=*/true);
  EXPECT_EQ(none.deliver(none.put("2", Light::kOn).at(0)), "2=on");
  EXPECT_THAT(none.phones.history(kAor, "2"), IsEmpty());
}

// --- The store's verdict

TEST(PhonesSettled, NothingIsSentBeforeTheStoreHasIt) {
  Desk desk;
  desk.sync({desk.info()}, /*make=*/true);
  const auto change = desk.light("2", Light::kOn);
  EXPECT_EQ(desk.next(desk.wake_of()).what, Step::What::kNothing);
  EXPECT_EQ(desk.seen(), "2=on pending");
  const auto wakes = desk.settle(change);
  ASSERT_THAT(wakes, SizeIs(1));
  EXPECT_EQ(desk.deliver(wakes[0]), "2=on");
  EXPECT_EQ(desk.seen(), "2=on confirmed");
}

TEST(PhonesSettled, VerdictsOutOfOrderSendTheNewestStateOnce) {
  Desk desk;
  desk.sync({desk.info()}, /*make=*/true);
  const auto on = desk.light("2", Light::kOn);
  const auto hold = desk.light("2", Light::kHold);
  const auto wakes = desk.settle(hold);
  ASSERT_THAT(wakes, SizeIs(1));
  EXPECT_EQ(desk.deliver(wakes[0]), "2=hold");
  EXPECT_THAT(desk.settle(on), IsEmpty()) << "overtaken";
}

TEST(PhonesSettled, AClearingOvertakesAnOlderStateAndAPhoneThatWasAwayIsToldSo) {
  Desk desk;
  desk.sync({desk.info()}, /*make=*/true);
  desk.deliver(desk.put("2", Light::kOn).at(0));
  desk.put("3", Light::kOn);
  desk.clear("3");
  desk.clear("2");
  EXPECT_EQ(desk.seen(), "2=cleared pending 3=cleared pending");
  EXPECT_EQ(desk.deliver(desk.wake_of()), "2=off 3=off");
  EXPECT_EQ(desk.seen(), "") << "all of it is dark, and known to be";
}

TEST(PhonesSettled, UnknownPhonesAndKeysAreNobodysBusiness) {
  Desk desk;
  desk.light("2", Light::kOn);
  EXPECT_THAT(desk.settle({"nobody@example.com", "2", {}, 1, true}), IsEmpty());
  EXPECT_THAT(desk.settle({std::string(kAor), "9", {}, 1, true}), IsEmpty());
}

// --- All at once: for ThreadSanitizer, and that nothing is lost

TEST(PhonesThreads, ChangesRegistrationsAndDeliveriesAtTheSameTimeEndConfirmed) {
  const SystemClock clock;
  Phones phones({}, clock);
  const std::vector<std::string> aors{"101@a", "102@a", "103@a"};
  const auto work = [&](const Wake& wake) {
    for (auto step = phones.next(wake.contact, wake.worker); step.what == Step::What::kSend;
         step = phones.next(wake.contact, wake.worker)) {
      phones.ended(wake.contact, step.order.attempt, {.status = 200, .retry_after = {}, .call_id = "c"});
    }
  };
  const auto bind = [&](const std::string& aor) {
    return phones.bound(aor, {.uri = kUri,
                              .path = "",
                              .user_agent = kSnom,
                              .instance = "",
                              .registered = WallTime{std::chrono::seconds{5}},
                              .flow = flow(),
                              .expires = {}});
  };
  for (const auto& aor : aors) {
    phones.restore(aor, {"1", kOn, 1});
    bind(aor);
  }
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&, thread] {
      for (int i = 0; i < 200; ++i) {
        const auto& aor = aors[static_cast<std::size_t>(i) % aors.size()];
        const auto name = std::to_string(1 + i % 4);
        const Key key{.light = lights()[static_cast<std::size_t>(i + thread) % lights().size()]};
        const Edit edit = set(name, key);
        const auto changes = phones.change(aor, std::span(&edit, 1), {});
        ASSERT_TRUE(changes);
        const std::pair<KeyName, std::uint64_t> version{name, changes->at(0).version};
        for (const auto& wake : phones.settled(aor, std::span(&version, 1))) work(wake);
        for (const auto& wake : bind(aor)) work(wake);
        phones.for_each([](std::string_view, std::size_t, std::size_t) {});
        ASSERT_TRUE(phones.view(aor));
      }
    });
  }
  for (auto& thread : threads) thread.join();
  std::vector<Wake> behind;
  phones.for_each_behind([&](Wake wake, std::size_t) { behind.push_back(std::move(wake)); });
  for (const auto& wake : behind) work(wake);
  phones.for_each([](std::string_view aor, std::size_t keys, std::size_t unconfirmed) {
    EXPECT_EQ(keys, 4u) << aor;
    EXPECT_EQ(unconfirmed, 0u) << aor;
  });
}

}  // namespace
}  // namespace lamplighter::lamp
