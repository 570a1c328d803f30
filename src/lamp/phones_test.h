#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "lamp/phones.h"

namespace lamplighter::lamp {

inline constexpr std::string_view kAor = "101@example.com";
inline constexpr std::string_view kUri = "sip:101@192.0.2.7:5060;line=abc";
inline constexpr std::string_view kSnom = "snom370/8.7.5.35";

inline Flow flow(const std::string& remote = "192.0.2.7:5060", std::uint8_t worker = 0) {
  Flow flow;
  flow.remote = SocketAddress::parse(remote).value();
  flow.local = SocketAddress::parse("198.51.100.1:5060").value();
  flow.worker = worker;
  return flow;
}

/// A server's phones in miniature: the store takes every change when settle() says so, and phones answer when told.
struct Desk {
  explicit Desk(PhonesSettings with = {}) : settings(std::move(with)), phones(settings, clock) {}

  // --- Contacts

  /// As the registrar knows a phone that registered just now.
  ContactInfo info(std::string_view uri = kUri, const Flow& from = flow(), std::string_view agent = kSnom) const {
    return {.uri = uri,
            .path = "",
            .user_agent = agent,
            .instance = "",
            .registered = clock.wall(),
            .flow = from,
            .expires = clock.wall() + std::chrono::hours{1}};
  }
  std::vector<Wake> sync(const std::vector<ContactInfo>& contacts, bool make = false) {
    return phones.sync(kAor, make, [&] { return contacts; });
  }
  /// The number of the contact at this place.
  std::uint32_t number(std::size_t at = 0) {
    for (std::uint32_t number = 1; number < 64 * 64; ++number) {
      // No worker has the number 255, so a contact that exists is elsewhere.
      const bool there = phones.next(number, 255).what == Step::What::kElsewhere;
      if (there && at-- == 0) return number;
    }
    return 0;
  }
  Wake wake_of(std::size_t at = 0, std::uint8_t worker = 0) { return {worker, number(at)}; }

  // --- Desired state

  Change set(std::string_view name, const std::optional<Key>& key) {
    const Edit edit{.name = name, .kind = key ? Edit::Kind::kSet : Edit::Kind::kClear, .key = key ? &*key : nullptr};
    auto changes = phones.change(kAor, std::span(&edit, 1), {Origin::Kind::kApi, "test"});
    EXPECT_TRUE(changes) << changes.error().what;
    return changes ? changes->at(0) : Change{};
  }
  Change light(std::string_view name, Light light) { return set(name, Key{.light = light}); }
  std::vector<Wake> settle(const Change& change) {
    const std::pair<KeyName, std::uint64_t> version{change.name, change.version};
    return phones.settled(change.aor, std::span(&version, 1));
  }
  /// Sets and stores.
  std::vector<Wake> put(std::string_view name, Light of) { return settle(light(name, of)); }
  std::vector<Wake> clear(std::string_view name) { return settle(set(name, std::nullopt)); }
  std::string error_of(const Edit& edit, bool replace = false) {
    const auto changes = phones.change(kAor, std::span(&edit, 1), {}, replace);
    return changes ? "" : changes.error().what;
  }

  // --- Delivery

  Step next(const Wake& wake) { return phones.next(wake.contact, wake.worker); }
  Phones::Ended answer(const Wake& wake, std::uint32_t attempt, int status) {
    return phones.ended(wake.contact, attempt, {.status = status, .retry_after = {}, .call_id = "call-1"});
  }
  std::vector<Confirmation> confirmations(const Wake& wake) {
    std::vector<Confirmation> out;
    phones.confirmations(wake.contact, out);
    return out;
  }
  /// Sends what there is to send now, answered with `status`; says what that was: "2=on 3=off".
  std::string deliver(const Wake& wake, int status = 200) {
    std::string said;
    for (;;) {
      const auto step = next(wake);
      if (step.what != Step::What::kSend) return said;
      said += (said.empty() ? "" : " ") + text_of(step.order);
      EXPECT_TRUE(answer(wake, step.order.attempt, status).counted);
    }
  }
  static std::string text_of(const Order& order) {
    std::string text;
    for (const auto& block : order.blocks) {
      text += (text.empty() ? "" : "+") + block.name + "=" + std::string(name_of(block.key.light));
    }
    return text;
  }

  // --- What people see

  /// "2=on confirmed 3=off pending" of one contact.
  std::string seen(std::size_t contact = 0) const {
    const auto view = phones.view(kAor);
    if (!view || contact >= view->contacts.size()) return "no contact";
    std::string text;
    for (std::size_t i = 0; i < view->keys.size(); ++i) {
      const auto& [name, key, version] = view->keys[i];
      const auto& at = view->contacts[contact].keys[i];
      text += (text.empty() ? "" : " ") + name + "=" + (key ? std::string(name_of(key->light)) : "cleared") + " " +
              std::string(name_of(at.state));
      if (at.status != 0) text += "(" + std::to_string(at.status) + ")";
    }
    return text;
  }
  /// "change confirmed(200) …", oldest first.
  std::string events(std::string_view name) const {
    std::string text;
    for (const auto& entry : phones.history(kAor, name)) {
      text += (text.empty() ? "" : " ") + std::string(name_of(entry.kind));
      if (entry.status != 0) text += "(" + std::to_string(entry.status) + ")";
    }
    return text;
  }

  ManualClock clock;
  PhonesSettings settings;
  Phones phones;
};

inline std::vector<std::uint32_t> contacts_of(const std::vector<Wake>& wakes) {
  std::vector<std::uint32_t> numbers;
  for (const auto& wake : wakes) numbers.push_back(wake.contact);
  return numbers;
}

}  // namespace lamplighter::lamp
