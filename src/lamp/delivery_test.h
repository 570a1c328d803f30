#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lamp/delivery.h"

// What the tests of Delivery share.
namespace lamplighter::lamp {

inline constexpr WallTime kWall{std::chrono::milliseconds{1'700'000'000'000}};

/// One phone with one contact, and a clock that stands still. Pauses are exact: jitter is off unless a test turns it
/// on.
struct OneContact {
  Keyboard desired = {};
  Delivery delivery = {};
  DeliveryPace pace = {};
  DeliveryTiming timing{.retry_first = std::chrono::seconds{10},
                        .retry_max = std::chrono::seconds{60},
                        .jitter = 0,
                        .linger = std::chrono::seconds{5}};
  Random random{1};
  TimePoint now{std::chrono::hours{1}};

  /// Changes a key without a word from the store.
  Delivery::Index change(std::string_view name, const std::optional<Key>& key) {
    const auto slot = desired.set(name, key, kWall);
    EXPECT_TRUE(slot) << "key " << name << " was so already";
    return *slot;
  }
  Delivery::Index light(std::string_view name, Light light) {
    const auto slot = change(name, Key{.light = light});
    desired.release(slot, desired.version(slot));
    return slot;
  }
  Delivery::Index clear(std::string_view name) {
    const auto slot = change(name, std::nullopt);
    desired.release(slot, desired.version(slot));
    return slot;
  }

  Delivery::Next next() const { return delivery.next(desired, pace, now); }
  std::uint32_t send() {
    const auto step = next();
    EXPECT_EQ(step.what, Delivery::Next::What::kSend);
    return delivery.sent(desired, step.keys, now);
  }
  std::vector<Delivery::Carried> answer(int status, std::optional<std::chrono::seconds> retry_after = std::nullopt) {
    return delivery.answered(delivery.attempt(), status, retry_after, timing, random, now);
  }
  void time_out() { delivery.timed_out(delivery.attempt(), timing, random, now); }
  void reborn(bool moved = false) { delivery.reborn(desired, moved, now); }

  DeliveryState state(Delivery::Index slot = 0) const { return delivery.state(desired, slot); }
  int status(Delivery::Index slot = 0) const { return delivery.status(desired, slot); }

  /// "sends 2 1", "waits 10s", "under way" or "settled".
  std::string plan() const {
    const auto step = next();
    switch (step.what) {
      case Delivery::Next::What::kNothing: return delivery.in_flight() ? "under way" : "settled";
      case Delivery::Next::What::kWait:
        return "waits " + std::to_string(std::chrono::ceil<std::chrono::seconds>(step.at - now).count()) + "s";
      case Delivery::Next::What::kSend: break;
    }
    std::string text = "sends";
    for (const auto slot : step.keys) text += " " + std::string(desired.name(slot));
    return text;
  }
};

}  // namespace lamplighter::lamp
