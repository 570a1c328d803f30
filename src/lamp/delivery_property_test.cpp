#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "lamp/delivery_test.h"

namespace lamplighter::lamp {
namespace {

using namespace std::chrono_literals;
using State = DeliveryState;
using What = Delivery::Next::What;

/// A phone, a network and a store of random habits, and what each of them must be able to say about every key.
class World {
 public:
  explicit World(DeliveryPace pace) {
    contact_.pace = pace;
    contact_.timing.jitter = 0.25;
  }

  /// One letter an event; those that get on with it are the most frequent.
  static constexpr std::string_view kEvents = "ccccsswwwwwwaaaaaaaattttddxhblkr";
  void happen(char event, int a, int b) {
    constexpr std::array kAnswers = {200, 200, 200, 202, 180, 415, 503, 302};
    const auto name = kNames[static_cast<std::size_t>(a) % std::size(kNames)];
    switch (event) {
      case 'c': (void)contact_.desired.set(name, key(b), kWall); break;
      case 's': store(name); break;
      case 'w': work(); break;
      case 'a': outcome(kAnswers[static_cast<std::size_t>(b) % std::size(kAnswers)]); break;
      case 't': contact_.now += std::chrono::milliseconds{a * 97 + b * 1009}; break;
      case 'd': doubt(name); break;
      case 'x': silence(); break;
      case 'h': contact_.delivery.heard(contact_.now); break;
      case 'b': boot(b % 2 == 0); break;
      case 'l': late_outcome(b); break;
      case 'k': crash(); break;
      case 'r': reach_otherwise(b); break;
      default: RC_FAIL("no such event");
    }
    check();
  }

  /// The store takes everything, and the phone answers: exactly what is unconfirmed is sent, once, and soon.
  void heal() {
    for (const auto name : kNames) {
      store(name);
      if (refused_.contains(name)) doubt(name);
    }
    outcome(200);
    std::size_t unconfirmed = 0;
    for (Slot slot = 0; slot < contact_.desired.size(); ++slot) {
      unconfirmed += static_cast<std::size_t>(contact_.state(slot) != State::kConfirmed);
    }
    const auto started = contact_.now;
    std::size_t sent = 0;
    for (auto step = contact_.next(); step.what != What::kNothing; step = contact_.next()) {
      if (step.what == What::kWait) {
        RC_ASSERT(step.at > contact_.now);
        contact_.now = step.at;
        continue;
      }
      RC_ASSERT(++sent <= unconfirmed);
      work();
      outcome(200);
    }
    RC_ASSERT(sent == (unconfirmed + contact_.pace.batch - 1) / contact_.pace.batch);
    RC_ASSERT(contact_.now - started <= 75s + static_cast<int>(sent) * contact_.pace.gap);
    RC_ASSERT(contact_.delivery.all_confirmed(contact_.desired));
    for (Slot slot = 0; slot < contact_.desired.size(); ++slot) {
      RC_ASSERT(shows_[name(slot)] == std::set{contact_.desired.version(slot)});
    }
  }

 private:
  using Slot = Delivery::Index;
  using Versions = std::map<std::string_view, std::uint64_t>;
  static constexpr std::array<std::string_view, 3> kNames = {"1", "2", "10"};
  struct Flown {
    std::string_view name;
    std::uint64_t version;
    bool counts = true;  ///< its answer says something about the key
  };

  static std::optional<Key> key(int choice) {
    if (choice % 4 == 0) return std::nullopt;
    return Key{.light = lights()[static_cast<std::size_t>(choice) % lights().size()]};
  }

  std::string_view name(Slot slot) const { return *std::ranges::find(kNames, contact_.desired.name(slot)); }

  void store(std::string_view name) {
    const auto slot = contact_.desired.find(name);
    if (!slot) return;
    contact_.desired.release(*slot, contact_.desired.version(*slot));
    stored_[name] = contact_.desired.at(*slot);
  }

  void work() {
    const auto step = contact_.next();
    if (step.what != What::kSend) return;
    RC_ASSERT(flight_.empty());
    RC_ASSERT(!step.keys.empty());
    RC_ASSERT(step.keys.size() <= contact_.pace.batch);
    RC_ASSERT(std::set(step.keys.begin(), step.keys.end()).size() == step.keys.size());
    RC_ASSERT(contact_.now >= std::max(gap_until_, linger_until_));
    for (const auto slot : step.keys) {
      const auto version = contact_.desired.version(slot);
      RC_ASSERT(!confirmed_.contains(name(slot)) || confirmed_[name(slot)] != version);
      RC_ASSERT(!refused_.contains(name(slot)) || refused_[name(slot)] != version);
      flight_.push_back({name(slot), version});
      shows_[name(slot)].insert(version);  // from now on it may be there
    }
    attempts_.push_back(contact_.delivery.sent(contact_.desired, step.keys, contact_.now));
    check();
  }

  void outcome(int status) {
    if (flight_.empty()) return;
    const auto confirmed = contact_.answer(status);
    if (status < 200) {
      RC_ASSERT(confirmed.empty());
      return;
    }
    std::set<std::string_view> expected;
    for (const auto& [name, version, counts] : flight_) {
      if (status < 300) shows_[name] = {version};
      if (!counts) continue;
      if (status < 300) {
        confirmed_[name] = recorded_[name] = version;
        expected.insert(name);
      } else if (status != 503) {
        refused_[name] = version;
      }
    }
    flight_.clear();
    gap_until_ = contact_.now + contact_.pace.gap;
    std::set<std::string_view> told;
    for (const auto& key : confirmed) told.insert(name(key.slot));
    RC_ASSERT(told == expected);
  }

  void silence() {
    if (flight_.empty()) return;
    contact_.time_out();
    flight_.clear();
    gap_until_ = contact_.now + contact_.pace.gap;
    linger_until_ = contact_.now + contact_.timing.linger;
  }

  void late_outcome(int b) {
    if (attempts_.size() < 2) return;
    const auto old = attempts_[static_cast<std::size_t>(b) % (attempts_.size() - 1)];
    RC_ASSERT(
        contact_.delivery.answered(old, 200, std::nullopt, contact_.timing, contact_.random, contact_.now).empty());
    contact_.delivery.timed_out(old, contact_.timing, contact_.random, contact_.now);
  }

  void doubt(std::string_view name) {
    const auto slot = contact_.desired.find(name);
    if (!slot) return;
    contact_.delivery.doubt(*slot);
    confirmed_.erase(name);
    refused_.erase(name);
    for (auto& flown : flight_) flown.counts &= flown.name != name;
  }

  void boot(bool moved) {
    Versions dark;
    for (const auto& [name, version] : confirmed_) {
      const auto slot = *contact_.desired.find(name);
      if (!contact_.desired.key(slot) && version == contact_.desired.version(slot)) dark[name] = version;
    }
    shows_.clear();
    for (const auto& [name, version] : dark) shows_[name] = {version};
    confirmed_ = recorded_ = dark;
    refused_.clear();
    if (moved && !flight_.empty()) {
      flight_.clear();
      linger_until_ = {};
    }
    for (auto& flown : flight_) {
      flown.counts = false;
      shows_[flown.name].insert(flown.version);  // its last copy may find the phone booted
    }
    contact_.reborn(moved);
  }

  void reach_otherwise(int b) {
    const auto quiet_until = contact_.now + std::chrono::milliseconds{b * 100};
    contact_.delivery.abandon();
    contact_.delivery.keep_quiet(quiet_until);
    flight_.clear();
    linger_until_ = quiet_until;
  }

  // What was not stored is gone, and so is what was under way, refused or doubted.
  void crash() {
    OneContact restarted{.pace = contact_.pace, .timing = contact_.timing, .now = contact_.now};
    for (const auto& [name, state] : stored_) restarted.desired.restore(state);
    for (const auto& [name, version] : recorded_) {
      restarted.desired.pass(version);
      restarted.delivery.restore(*restarted.desired.find(name), version, {});
    }
    contact_ = std::move(restarted);
    confirmed_ = recorded_;
    refused_.clear();
    flight_.clear();
    attempts_.clear();
    gap_until_ = linger_until_ = {};
  }

  void check() {
    RC_ASSERT(contact_.delivery.in_flight() == !flight_.empty());
    for (Slot slot = 0; slot < contact_.desired.size(); ++slot) {
      const auto known = name(slot);
      RC_ASSERT(contact_.delivery.progress(slot).confirmed == (confirmed_.contains(known) ? confirmed_[known] : 0));
      // The lie of a crash at this moment: the store says that what is desired is confirmed, the phone shows another.
      if (recorded_.contains(known) && recorded_[known] == contact_.desired.released(slot)) {
        RC_ASSERT(shows_[known] == std::set{recorded_[known]});
      }
      if (!stored_.contains(known)) RC_ASSERT(shows_[known].empty());
    }
  }

  OneContact contact_;
  std::vector<Flown> flight_;
  std::vector<std::uint32_t> attempts_;
  TimePoint gap_until_{}, linger_until_{};
  Versions confirmed_;  ///< and not doubted
  Versions recorded_;   ///< what the store was told of this life
  Versions refused_;
  std::map<std::string_view, KeyState> stored_;
  std::map<std::string_view, std::set<std::uint64_t>> shows_;  ///< versions that the phone may be showing; none: dark
};

RC_GTEST_PROP(DeliveryProperty, WhateverHappensNothingIsSentInVainAndEverythingIsConfirmedInTheEnd, ()) {
  // Long histories: what goes wrong needs several events in a row on one key.
  using Events = std::vector<std::tuple<char, int, int>>;
  const auto events =
      *rc::gen::scale(3, rc::gen::container<Events>(rc::gen::tuple(rc::gen::elementOf(std::string(World::kEvents)),
                                                                   rc::gen::inRange(0, 40), rc::gen::inRange(0, 40))));
  World world({.gap = *rc::gen::element<Duration>(0s, 200ms), .batch = *rc::gen::inRange<std::size_t>(1, 4)});
  for (const auto& [event, a, b] : events) world.happen(event, a, b);
  world.heal();
}

}  // namespace
}  // namespace lamplighter::lamp
