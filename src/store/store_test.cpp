// What every Store must do, the real one and the one in memory alike.

#include "store/store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <memory>
#include <ostream>

#include "store/memory_store.h"
#include "store/sqlite_store.h"
#include "store/store_test_support.h"

namespace lamplighter::store {

// What a failing history prints.
inline std::ostream& operator<<(std::ostream& out, const KeyChange& change) {
  out << change.aor << "/" << change.name << " v" << change.version;
  return change.key ? out << " " << name_of(change.key->light) : out << " cleared";
}

inline std::ostream& operator<<(std::ostream& out, const Change& change) {
  const auto ms = [](WallTime time) { return time.time_since_epoch().count(); };
  if (const auto* bindings = std::get_if<location::Change>(&change)) {
    out << bindings->aor;
    for (const auto& uri : bindings->remove) out << " remove " << uri;
    if (bindings->remove_if_expired_by != WallTime::max()) out << " if by " << ms(bindings->remove_if_expired_by);
    for (const auto& put : bindings->put) {
      out << " put " << put.uri << " of " << ms(put.registered) << " until " << ms(put.expires);
    }
  } else if (const auto* key = std::get_if<KeyChange>(&change)) {
    out << *key;
  } else if (const auto* keys = std::get_if<KeyChanges>(&change)) {
    for (const auto& one : keys->keys) out << one << ", ";
    if (keys->press) out << "press " << keys->press->id << " at " << ms(keys->press->at);
  } else {
    for (const auto& one : std::get<Confirmations>(change)) {
      out << one.aor << " " << one.contact << " of " << ms(one.registered) << " confirms " << one.name << " v"
          << one.version << " " << name_of(one.look.light) << ", ";
    }
  }
  return out << "\n";
}

namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Key;

std::unique_ptr<Store> sqlite_in(const TempFolder& folder) {
  SqliteSettings settings;
  settings.path = folder.file();
  auto store = SqliteStore::open(settings);
  EXPECT_TRUE(store) << store.error().what;
  return store ? std::move(*store) : nullptr;
}

template <typename Kind>
class AnyStore : public testing::Test {
 protected:
  AnyStore() {
    if constexpr (std::is_same_v<Kind, SqliteStore>) {
      store = sqlite_in(folder);
    } else {
      store = std::make_unique<MemoryStore>();
    }
  }
  void commit(Change change) {
    const auto result = store::commit(*store, std::move(change));
    ASSERT_TRUE(result) << result.error().what;
  }
  Contents contents() { return contents_of(*store); }
  /// The only key, a@h's "2".
  lamp::KeyState key() {
    const auto keys = contents().keys;
    EXPECT_THAT(keys, ElementsAre(Key(std::pair("a@h", "2"))));
    return keys.empty() ? lamp::KeyState{} : keys.begin()->second;
  }
  /// The only confirmation, of a@h's contact sip:1@h for the key "2".
  Contents::Confirmed confirmation() {
    const auto all = contents().confirmations;
    EXPECT_THAT(all, ElementsAre(Key(std::tuple("a@h", "sip:1@h", "2"))));
    return all.empty() ? Contents::Confirmed{} : all.begin()->second;
  }

  TempFolder folder;
  std::unique_ptr<Store> store;
};

using Kinds = testing::Types<SqliteStore, MemoryStore>;
struct KindName {
  template <typename Kind>
  static std::string GetName(int) {
    return std::is_same_v<Kind, SqliteStore> ? "Sqlite" : "Memory";
  }
};
TYPED_TEST_SUITE(AnyStore, Kinds, KindName);

TYPED_TEST(AnyStore, AClearedKeyStaysOnRecordAsCleared) {
  this->commit(light("a@h", "2", 1, lamp::Light::kOn));
  this->commit(cleared("a@h", "2", 2));
  EXPECT_EQ(this->key(), (lamp::KeyState{"2", std::nullopt, 2}));
}

TYPED_TEST(AnyStore, AnOlderStateThatIsCommittedLaterDoesNotComeBack) {
  this->commit(cleared("a@h", "2", 2));
  this->commit(light("a@h", "2", 1, lamp::Light::kOn));
  EXPECT_EQ(this->key(), (lamp::KeyState{"2", std::nullopt, 2})) << "not over a cleared one";
  this->commit(light("a@h", "2", 4, lamp::Light::kHold));
  this->commit(cleared("a@h", "2", 3));
  EXPECT_EQ(this->key(), (lamp::KeyState{"2", lamp::Key{.light = lamp::Light::kHold}, 4})) << "nor clears a newer one";
  this->commit(light("a@h", "2", 3, lamp::Light::kOn));
  this->commit(light("a@h", "2", 4, lamp::Light::kOn));
  EXPECT_EQ(this->key(), (lamp::KeyState{"2", lamp::Key{.light = lamp::Light::kHold}, 4})) << "nor replaces it";
}

TYPED_TEST(AnyStore, AClearedKeyCanBeSetAgain) {
  this->commit(cleared("a@h", "2", 1));
  const lamp::Key key{lamp::Light::kOn, lamp::Color::kRed, "Night", "432", lamp::Press::kToggle};
  this->commit(KeyChange{"a@h", "2", key, 2});
  EXPECT_EQ(this->key(), (lamp::KeyState{"2", key, 2}));
}

TYPED_TEST(AnyStore, OfKeysChangedTogetherEachIsJudgedByItsOwnVersion) {
  this->commit(light("a@h", "2", 9, lamp::Light::kPark));
  this->commit(KeyChanges{
      .keys = {light("a@h", "1", 7, lamp::Light::kOn), light("a@h", "2", 8, lamp::Light::kOn), cleared("b@h", "1", 1)},
      .press = {}});
  const decltype(Contents::keys) want{{{"a@h", "1"}, {"1", lamp::Key{.light = lamp::Light::kOn}, 7}},
                                      {{"a@h", "2"}, {"2", lamp::Key{.light = lamp::Light::kPark}, 9}},
                                      {{"b@h", "1"}, {"1", std::nullopt, 1}}};
  EXPECT_EQ(this->contents().keys, want);
}

TYPED_TEST(AnyStore, TheNewestConfirmationStaysInWhateverOrderTheyCome) {
  this->commit(put("a@h", "sip:1@h"));
  const lamp::Look on{lamp::Light::kOn, lamp::Color::kGreen}, dark{};
  this->commit(Confirmations{confirmed("a@h", "sip:1@h", "2", 5, on)});
  this->commit(Confirmations{confirmed("a@h", "sip:1@h", "2", 4, dark)});
  EXPECT_EQ(this->confirmation(), (Contents::Confirmed{sample_binding("").registered, 5, on}));
  this->commit(Confirmations{confirmed("a@h", "sip:1@h", "2", 6, dark), confirmed("a@h", "sip:1@h", "2", 5, on)});
  EXPECT_EQ(this->confirmation(), (Contents::Confirmed{sample_binding("").registered, 6, dark}));
}

TYPED_TEST(AnyStore, ARefreshKeepsWhatWasConfirmed) {
  this->commit(put("a@h", "sip:1@h"));
  this->commit(Confirmations{confirmed("a@h", "sip:1@h", "2", 5)});
  auto refresh = put("a@h", "sip:1@h");
  refresh.put[0].cseq += 1;
  refresh.put[0].refreshed += 30min;
  refresh.put[0].expires += 30min;
  refresh.put[0].flow.remote = address("192.0.2.99:4444");
  refresh.put[0].q = 1;
  this->commit(refresh);
  EXPECT_EQ(this->contents().bindings.begin()->second, refresh.put[0]);
  EXPECT_EQ(this->confirmation().version, 5u);
}

location::Change refreshed(location::Change change, int times) {
  auto& binding = change.put[0];
  binding.cseq += static_cast<std::uint32_t>(times);
  binding.refreshed += times * 30min;
  binding.expires += times * 30min;
  change.refresh = true;
  return change;
}

TYPED_TEST(AnyStore, OfManyRefreshesTheLastIsTold) {
  this->commit(put("a@h", "sip:1@h"));
  this->commit(put("a@h", "sip:2@h"));
  this->commit(put("b@h", "sip:1@h"));
  this->commit(Confirmations{confirmed("a@h", "sip:1@h", "2", 5)});
  for (int i = 1; i <= 3; ++i) this->commit(refreshed(put("a@h", "sip:1@h"), i));
  for (int round = 0; round < 2; ++round) {
    const auto bindings = this->contents().bindings;
    EXPECT_EQ(bindings.at({"a@h", "sip:1@h"}), refreshed(put("a@h", "sip:1@h"), 3).put[0]);
    EXPECT_EQ(bindings.at({"a@h", "sip:2@h"}), put("a@h", "sip:2@h").put[0]);
    EXPECT_EQ(bindings.at({"b@h", "sip:1@h"}), put("b@h", "sip:1@h").put[0]);
  }
  EXPECT_EQ(this->confirmation().version, 5u);
  this->commit(refreshed(put("a@h", "sip:1@h"), 4));
  EXPECT_EQ(this->contents().bindings.at({"a@h", "sip:1@h"}).cseq, put("a@h", "sip:1@h").put[0].cseq + 4);
}

TYPED_TEST(AnyStore, WhatComesAfterARefreshStands) {
  this->commit(put("a@h", "sip:1@h"));
  this->commit(refreshed(put("a@h", "sip:1@h"), 1));
  auto elsewhere = refreshed(put("a@h", "sip:1@h"), 2);
  elsewhere.refresh = false;
  elsewhere.put[0].flow.remote = address("192.0.2.99:4444");
  this->commit(elsewhere);
  EXPECT_EQ(this->contents().bindings.begin()->second, elsewhere.put[0]) << "a contact that moved";

  this->commit(refreshed(put("a@h", "sip:1@h"), 3));
  auto reborn = put("a@h", "sip:1@h");
  reborn.put[0].registered += 1ms;
  this->commit(reborn);
  EXPECT_EQ(this->contents().bindings.begin()->second, reborn.put[0]) << "another life, which counts from 1";

  auto refresh = refreshed(reborn, 1);
  this->commit(refresh);
  this->commit(location::Change{.aor = "a@h", .put = {}, .remove = {"sip:1@h"}});
  EXPECT_THAT(this->contents().bindings, IsEmpty());
}

//  phone                 store
//    | 200 to a MESSAGE     |
//    | boots, registers     | put, another life
//    |                      | confirmed … in the life before      (the 200 took its time)
TYPED_TEST(AnyStore, AnotherLifeOfTheContactHasConfirmedNothing) {
  this->commit(put("a@h", "sip:1@h"));
  this->commit(Confirmations{confirmed("a@h", "sip:1@h", "2", 5)});
  auto reborn = put("a@h", "sip:1@h");
  reborn.put[0].registered += 1ms;
  this->commit(reborn);
  EXPECT_THAT(this->contents().confirmations, IsEmpty());
  EXPECT_EQ(this->contents().bindings.begin()->second, reborn.put[0]);

  this->commit(Confirmations{confirmed("a@h", "sip:1@h", "2", 6)});
  EXPECT_THAT(this->contents().confirmations, IsEmpty()) << "too late";

  auto now = confirmed("a@h", "sip:1@h", "2", 1);
  now.registered = reborn.put[0].registered;
  this->commit(Confirmations{now});
  EXPECT_EQ(this->confirmation().version, 1u) << "older than what the life before confirmed, but it counts";
  this->commit(Confirmations{confirmed("a@h", "sip:1@h", "2", 7)});
  EXPECT_EQ(this->confirmation().version, 1u);

  this->commit(put("a@h", "sip:1@h"));
  EXPECT_THAT(this->contents().confirmations, IsEmpty()) << "nor does an earlier life come back with what it had";
}

TYPED_TEST(AnyStore, WhatAContactConfirmedEndsWithItsBinding) {
  this->commit(put("a@h", "sip:1@h"));
  this->commit(put("a@h", "sip:1@h2"));
  this->commit(put("b@h", "sip:1@h"));
  for (const auto* name : {"1", "2"}) {
    this->commit(Confirmations{confirmed("a@h", "sip:1@h", name, 1), confirmed("a@h", "sip:1@h2", name, 1),
                               confirmed("b@h", "sip:1@h", name, 1), confirmed("nobody@h", "sip:1@h", name, 1)});
  }
  EXPECT_EQ(this->contents().confirmations.size(), 6u);
  this->commit(location::Change{.aor = "a@h", .put = {}, .remove = {"sip:1@h", "sip:unknown@h"}});
  const auto left = this->contents().confirmations;
  EXPECT_EQ(left.size(), 4u);
  EXPECT_FALSE(left.contains({"a@h", "sip:1@h", "1"}));
  this->commit(put("a@h", "sip:1@h"));
  EXPECT_EQ(this->contents().confirmations, left) << "not even the same life comes back with them";
}

TYPED_TEST(AnyStore, ExpiryTakesWhatWasConfirmedOnlyIfTheBindingReallyWent) {
  this->commit(put("a@h", "sip:1@h"));
  this->commit(Confirmations{confirmed("a@h", "sip:1@h", "2", 5)});
  const auto expires = sample_binding("").expires;
  location::Change sweep{.aor = "a@h", .put = {}, .remove = {"sip:1@h"}, .remove_if_expired_by = expires - 1ms};
  this->commit(sweep);
  EXPECT_EQ(this->contents().bindings.size(), 1u) << "refreshed while the sweep was on its way";
  EXPECT_EQ(this->confirmation().version, 5u);
  sweep.remove_if_expired_by = expires;
  this->commit(sweep);
  EXPECT_EQ(this->contents(), Contents{});
}

TYPED_TEST(AnyStore, PressesOfTheLastMinutesAreTold) {
  const WallTime now{1'700'000'000'000ms};
  const auto press = [&](std::uint64_t id, WallTime at) {
    this->commit(KeyChanges{.keys = {}, .press = Press{.id = id, .at = at}});
  };
  press(1, now);
  press(0xffff'ffff'ffff'ffff, now + 1s);
  press(1, now - 1s);  // told twice: the later time counts
  EXPECT_EQ(this->contents().presses, (std::vector<Press>{{1, now}, {0xffff'ffff'ffff'ffff, now + 1s}}));
  press(2, now + kPressesKept);
  press(3, now + kPressesKept + 500ms);
  EXPECT_EQ(this->contents().presses,
            (std::vector<Press>{
                {2, now + kPressesKept}, {3, now + kPressesKept + 500ms}, {0xffff'ffff'ffff'ffff, now + 1s}}));
  press(4, now - 1h);
  EXPECT_EQ(this->contents().presses.size(), 3u) << "older than that already, and takes nothing along";
}

// Random changes, few names, so that they meet.
rc::Gen<WallTime> any_time() {
  return rc::gen::map(rc::gen::element(0, 1, 2, 400, 401, 800),
                      [](int s) { return WallTime{1'700'000'000s} + std::chrono::seconds(s); });
}
rc::Gen<std::string> any_aor() { return rc::gen::element<std::string>("a@h", "b@h"); }
rc::Gen<std::string> any_uri() { return rc::gen::element<std::string>("sip:1@h", "sip:2@h"); }
rc::Gen<std::string> any_name() { return rc::gen::element<std::string>("1", "2"); }
rc::Gen<std::uint64_t> any_version() { return rc::gen::inRange<std::uint64_t>(0, 6); }
rc::Gen<lamp::Light> any_light() { return rc::gen::element(lamp::Light::kOff, lamp::Light::kOn, lamp::Light::kRecord); }

rc::Gen<location::Binding> any_binding() {
  return rc::gen::apply(
      [](std::string uri, WallTime registered, WallTime expires, std::uint32_t cseq) {
        auto binding = sample_binding(uri);
        binding.registered = registered;
        binding.expires = expires;
        binding.cseq = cseq;
        return binding;
      },
      any_uri(), any_time(), any_time(), rc::gen::arbitrary<std::uint32_t>());
}

rc::Gen<KeyChange> any_key_change() {
  return rc::gen::apply(
      [](std::string aor, std::string name, std::uint64_t version, bool clear, lamp::Light shown) {
        return clear ? cleared(aor, name, version) : light(aor, name, version, shown);
      },
      any_aor(), any_name(), any_version(), rc::gen::arbitrary<bool>(), any_light());
}

rc::Gen<lamp::Confirmation> any_confirmation() {
  return rc::gen::apply(
      [](std::string aor, std::string uri, WallTime registered, std::string name, std::uint64_t version,
         lamp::Light shown) {
        return lamp::Confirmation{aor, uri, registered, name, version, {.light = shown, .color = {}}};
      },
      any_aor(), any_uri(), any_time(), any_name(), any_version(), any_light());
}

rc::Gen<Change> any_change() {
  const auto bindings = rc::gen::apply(
      [](std::string aor, std::vector<location::Binding> put, std::vector<std::string> remove, bool expiry,
         WallTime by) -> Change {
        return location::Change{.aor = std::move(aor),
                                .put = std::move(put),
                                .remove = std::move(remove),
                                .remove_if_expired_by = expiry ? by : WallTime::max()};
      },
      any_aor(), rc::gen::resize(2, rc::gen::container<std::vector<location::Binding>>(any_binding())),
      rc::gen::resize(1, rc::gen::container<std::vector<std::string>>(any_uri())), rc::gen::arbitrary<bool>(),
      any_time());
  const auto keys = rc::gen::apply(
      [](std::vector<KeyChange> all, bool pressed, std::uint64_t id, WallTime at) -> Change {
        return KeyChanges{.keys = std::move(all), .press = pressed ? std::optional(Press{id, at}) : std::nullopt};
      },
      rc::gen::resize(3, rc::gen::container<std::vector<KeyChange>>(any_key_change())), rc::gen::arbitrary<bool>(),
      any_version(), any_time());
  const auto confirmations = rc::gen::map(rc::gen::resize(4, rc::gen::container<Confirmations>(any_confirmation())),
                                          [](Confirmations all) -> Change { return all; });
  const auto key = rc::gen::map(any_key_change(), [](KeyChange change) -> Change { return change; });
  return rc::gen::oneOf(bindings, keys, confirmations, confirmations, key);
}

// Simulations rest on this: what is proved with the store in memory holds with the real one.
RC_GTEST_PROP(StoreProperty, TheStoreInMemoryHoldsWhatTheRealOneHolds, ()) {
  const auto history = *rc::gen::container<std::vector<Change>>(any_change());
  const TempFolder folder;
  const auto real = sqlite_in(folder);
  MemoryStore memory;
  for (const auto& change : history) {
    RC_ASSERT(commit(*real, change).has_value());
    RC_ASSERT(commit(memory, change).has_value());
    const auto want = contents_of(*real);
    RC_ASSERT(want.skipped.empty());
    RC_ASSERT(contents_of(memory) == want);
  }
}

}  // namespace
}  // namespace lamplighter::store
