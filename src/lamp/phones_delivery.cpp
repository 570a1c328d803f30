#include <algorithm>
#include <limits>
#include <utility>

#include "lamp/phones.h"

// What each contact is told next, and what came of it.
namespace lamplighter::lamp {

// What a caller that is not registered is told: the newest that it dialled and that is in the store.
std::optional<Phones::Slot> Phones::next_asked(const Phone& phone, const Contact& contact) {
  const auto& keyboard = phone.keyboard;
  std::optional<Slot> next;
  for (const auto slot : contact.asked) {
    if (keyboard.released(slot) < keyboard.version(slot)) continue;
    if (!next || keyboard.version(slot) > keyboard.version(*next)) next = slot;
  }
  return next;
}

bool Phones::sendable(const Phone& phone, const Contact& contact) {
  if (!contact.rule->deliver || contact.delivery.in_flight()) return false;
  return contact.registered_now ? contact.delivery.behind(phone.keyboard) > 0 : next_asked(phone, contact).has_value();
}

void Phones::note(Shard& shard, Phone& phone, const Contact& contact, std::span<const Delivery::Carried> carried,
                  HistoryEntry::Kind kind, const Outcome& outcome, TimePoint now) const {
  if (shard.history.capacity() == 0) return;
  const auto latency = std::chrono::duration_cast<std::chrono::microseconds>(now - contact.delivery.sent_at());
  const auto at = clock_.wall();
  for (const auto& key : carried) {
    HistoryEntry entry;
    entry.kind = kind;
    entry.status = outcome.status;
    entry.look = key.look;
    entry.at = at;
    entry.version = key.version;
    entry.latency = latency;
    entry.contact = contact.uri;
    entry.call_id = outcome.call_id;
    if (kind == HistoryEntry::Kind::kUnreachable && is_gone(contact.flow)) entry.detail = "its connection has ended";
    shard.history.add(phone.keyboard.history(key.slot), std::move(entry));
  }
}

Order Phones::order_for(Phone& phone, Contact& contact, const std::vector<Slot>& keys, TimePoint now) {
  Order order;
  order.attempt = contact.delivery.sent(phone.keyboard, keys, now);
  order.uri = contact.uri;
  order.path = contact.path;
  order.flow = contact.flow;
  order.blocks.reserve(keys.size());
  for (const auto slot : keys) {
    const auto& key = phone.keyboard.key(slot);
    order.blocks.push_back({KeyName(phone.keyboard.name(slot)), key ? *key : Key{}, {}});
  }
  order.hint = std::move(contact.hint);
  contact.hurry = false;
  return order;
}

Step Phones::next(std::string_view aor, std::uint32_t number, std::uint8_t worker) {
  const auto now = clock_.now();
  return shard_of(aor).with([&](Shard& shard) {
    using What = Step::What;
    Step step;
    Phone* phone = shard.find(aor);
    const auto gone = [&] {
      step.what = What::kGone;
      return std::move(step);
    };
    if (!phone) return gone();
    const auto found = std::ranges::find(phone->contacts, number, &Contact::number);
    if (found == phone->contacts.end()) return gone();
    Contact& contact = *found;
    auto& delivery = contact.delivery;
    if (contact.flow.worker != worker) {
      // Whatever that worker sent was given up when the flow changed: take_way().
      step.what = What::kElsewhere;
      step.worker = contact.flow.worker;
      return step;
    }
    if (delivery.in_flight()) {
      step.attempt = delivery.attempt();
      step.hurry = std::exchange(contact.hurry, false);
      return step;
    }
    contact.hurry = false;
    if (!contact.registered_now) {
      const auto slot = next_asked(*phone, contact);
      if (slot && now < delivery.quiet_until()) {
        step.what = What::kWait;
        step.at = delivery.quiet_until();
      } else if (slot) {
        step.what = What::kSend;
        step.order = order_for(*phone, contact, {*slot}, now);
        step.attempt = step.order.attempt;
      } else if (contact.asked.empty()) {
        phone->contacts.erase(found);
        return gone();
      }
      return step;
    }
    if (!contact.rule->deliver) return step;
    const auto next = delivery.next(phone->keyboard, contact.rule->pace, now);
    switch (next.what) {
      case Delivery::Next::What::kNothing: break;
      case Delivery::Next::What::kWait:
        step.what = What::kWait;
        step.at = next.at;
        break;
      case Delivery::Next::What::kSend:
        step.what = What::kSend;
        step.order = order_for(*phone, contact, next.keys, now);
        step.attempt = step.order.attempt;
        break;
    }
    return step;
  });
}

Phones::Ended Phones::ended(std::string_view aor, std::uint32_t number, std::uint32_t attempt, const Outcome& outcome) {
  using Kind = HistoryEntry::Kind;
  if (outcome.status > 0 && outcome.status < 200) return {};  // provisional: nothing has ended
  const auto now = clock_.now();
  return shard_of(aor).with([&](Shard& shard) {
    Ended ended;
    Phone* phone = shard.find(aor);
    if (!phone) return ended;
    const auto found = std::ranges::find(phone->contacts, number, &Contact::number);
    if (found == phone->contacts.end()) return ended;
    Contact& contact = *found;
    auto& delivery = contact.delivery;
    if (!delivery.in_flight() || delivery.attempt() != attempt) return ended;

    shard.carried.assign(delivery.carried().begin(), delivery.carried().end());
    ended.counted = !delivery.stale();
    std::vector<Delivery::Carried> confirmed;
    if (outcome.status == 0) {
      delivery.timed_out(attempt, settings_.timing, shard.random, now);
      // It dialled from elsewhere than it registered from, or a late datagram said so: back to where it registered.
      if (contact.registered_now) take_way(shard, *phone, contact, contact.registered_from, now);
    } else {
      confirmed = delivery.answered(attempt, outcome.status, outcome.retry_after, settings_.timing, shard.random, now);
    }
    auto kind = Kind::kAbandoned;
    if (ended.counted) {
      const bool retries = delivery.waits_until().has_value();
      if (outcome.status == 0) {
        kind = Kind::kUnreachable;
        ended.state = DeliveryState::kUnreachable;
      } else if (outcome.status < 300) {
        kind = Kind::kConfirmed;
        ended.state = DeliveryState::kConfirmed;
      } else {
        kind = retries ? Kind::kRetrying : Kind::kRefused;
        ended.state = retries ? DeliveryState::kRetrying : DeliveryState::kRefused;
      }
    }
    note(shard, *phone, contact, shard.carried, kind, outcome, now);

    if (contact.registered_now) {
      ended.confirmed.reserve(confirmed.size());
      for (const auto& [slot, version, look, doubted] : confirmed) {
        ended.confirmed.push_back({.aor = std::string(aor),
                                   .contact = contact.uri,
                                   .registered = contact.registered,
                                   .name = KeyName(phone->keyboard.name(slot)),
                                   .version = version,
                                   .look = look});
      }
    } else if (ended.state != DeliveryState::kConfirmed) {
      phone->contacts.erase(found);  // it may have gone for good: nobody looks for it
    } else {
      std::erase_if(contact.asked, [&](Slot slot) {
        return std::ranges::count(confirmed, slot, &Delivery::Carried::slot) > 0 &&
               delivery.progress(slot).confirmed == phone->keyboard.version(slot);
      });
    }
    return ended;
  });
}

void Phones::restore(std::string_view aor, KeyState state) {
  shard_of(aor).with([&](Shard& shard) {
    const auto [phone, made] = shard.phones.try_emplace(std::string(aor));
    // Limits do not apply to what was accepted once.
    if (made) count_.fetch_add(1, std::memory_order_relaxed);
    auto& keyboard = phone->second.keyboard;
    if (keyboard.size() >= std::numeric_limits<Slot>::max() && !keyboard.find(state.name)) {
      keyboard.pass(state.version);  // names of many years, nearly all cleared
    } else {
      keyboard.restore(std::move(state));
    }
  });
}

bool Phones::restore(const Confirmation& confirmation) {
  return shard_of(confirmation.aor).with([&](Shard& shard) {
    Phone* phone = shard.find(confirmation.aor);
    if (!phone) return false;
    phone->keyboard.pass(confirmation.version);
    const auto slot = phone->keyboard.find(confirmation.name);
    const auto contact = std::ranges::find_if(phone->contacts, [&](const Contact& other) {
      return other.registered_now && other.uri == confirmation.contact && other.registered == confirmation.registered;
    });
    if (!slot || contact == phone->contacts.end()) return false;
    contact->delivery.restore(*slot, confirmation.version, confirmation.look);
    return true;
  });
}

void Phones::for_each_behind(const std::function<void(Wake, std::size_t)>& visit) const {
  for (const auto& guarded : shards_) {
    std::as_const(*guarded).with([&](const Shard& shard) {
      for (const auto& [aor, phone] : shard.phones) {
        for (const auto& contact : phone.contacts) {
          if (!contact.registered_now || !sendable(phone, contact)) continue;
          visit({contact.flow.worker, contact.number, aor}, contact.delivery.behind(phone.keyboard));
        }
      }
    });
  }
}

}  // namespace lamplighter::lamp
