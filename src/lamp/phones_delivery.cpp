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
    const bool cut_off = kind == HistoryKind::kUnreachable && is_gone(contact.flow);
    shard.history.add(phone.keyboard.history(key.slot), {.kind = kind,
                                                         .status = outcome.status,
                                                         .look = key.look,
                                                         .at = at,
                                                         .version = key.version,
                                                         .latency = latency,
                                                         .contact = contact.uri,
                                                         .call_id = outcome.call_id,
                                                         .detail = cut_off ? "its connection has ended" : ""});
  }
}

void Phones::order_for(Phone& phone, Contact& contact, std::span<const Slot> keys, TimePoint now, Step& step) {
  step.what = Step::What::kSend;
  auto& order = step.order;
  order.attempt = step.attempt = contact.delivery.sent(phone.keyboard, keys, now);
  order.aor = phone.aor;
  order.uri = contact.uri;
  order.path = contact.path;
  order.flow = contact.flow;
  order.blocks.resize(keys.size());
  for (std::size_t i = 0; i < keys.size(); ++i) {
    auto& block = order.blocks[i];
    block.name = phone.keyboard.name(keys[i]);
    const auto& key = phone.keyboard.key(keys[i]);
    block.key = key ? *key : Key{};
    block.extras = {};
  }
  order.hint = std::move(contact.hint);
  contact.hurry = false;
}

void Phones::next(std::uint32_t number, std::uint8_t worker, Step& step) {
  using What = Step::What;
  const auto now = clock_.now();
  step.attempt = 0;
  step.hurry = false;
  shard_of(number).with([&](Shard& shard) {
    const auto [phone, found] = shard.find(number);
    step.what = What::kGone;
    if (!found) return;
    Contact& contact = *found;
    auto& delivery = contact.delivery;
    step.what = What::kNothing;
    if (contact.flow.worker != worker) {
      // Whatever that worker sent was given up when the flow changed: take_way().
      step.what = What::kElsewhere;
      step.worker = contact.flow.worker;
      return;
    }
    if (delivery.in_flight()) {
      step.attempt = delivery.attempt();
      step.hurry = std::exchange(contact.hurry, false);
      return;
    }
    contact.hurry = false;
    if (!contact.registered_now) {
      const auto slot = next_asked(*phone, contact);
      if (slot && now < delivery.quiet_until()) {
        step.what = What::kWait;
        step.at = delivery.quiet_until();
      } else if (slot) {
        order_for(*phone, contact, std::span(&*slot, 1), now, step);
      } else if (contact.asked.empty()) {
        shard.erase_contact(*phone, contact);
        step.what = What::kGone;
      }
      return;
    }
    if (!contact.rule->deliver) return;
    const auto next = delivery.next(phone->keyboard, contact.rule->pace, now);
    switch (next.what) {
      case Delivery::Next::What::kNothing: break;
      case Delivery::Next::What::kWait:
        step.what = What::kWait;
        step.at = next.at;
        break;
      case Delivery::Next::What::kSend: order_for(*phone, contact, next.keys, now, step); break;
    }
  });
}

Phones::Ended Phones::ended(std::uint32_t number, std::uint32_t attempt, const Outcome& outcome) {
  using Kind = HistoryEntry::Kind;
  if (outcome.status > 0 && outcome.status < 200) return {};  // provisional: nothing has ended
  const auto now = clock_.now();
  return shard_of(number).with([&](Shard& shard) {
    Ended ended;
    const auto [phone, found] = shard.find(number);
    if (!found) return ended;
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
      ended.to_record = !confirmed.empty() && !std::exchange(contact.to_record, true);
    } else if (ended.state != DeliveryState::kConfirmed) {
      shard.erase_contact(*phone, contact);  // it may have gone for good: nobody looks for it
    } else {
      std::erase_if(contact.asked, [&](Slot slot) {
        return std::ranges::count(confirmed, slot, &Delivery::Carried::slot) > 0 &&
               delivery.progress(slot).confirmed == phone->keyboard.version(slot);
      });
    }
    return ended;
  });
}

void Phones::confirmations(std::uint32_t number, std::vector<Confirmation>& out) {
  shard_of(number).with([&](Shard& shard) {
    const auto [phone, contact] = shard.find(number);
    if (!contact) return;
    contact->to_record = false;
    contact->delivery.take_news([&](Slot slot, const Delivery::KeyProgress& progress) {
      if (!contact->registered_now) return;
      out.push_back({.aor = std::string(phone->aor),
                     .contact = contact->uri,
                     .registered = contact->registered,
                     .name = KeyName(phone->keyboard.name(slot)),
                     .version = progress.confirmed,
                     .look = progress.look});
    });
  });
}

std::string Phones::aor_of(std::uint32_t number) const {
  return shard_of(number).with([&](const Shard& shard) {
    const auto found = shard.find(number);
    return found ? std::string(found.phone->aor) : std::string();
  });
}

void Phones::restore(std::string_view aor, KeyState state) {
  shard_of(aor).with([&](Shard& shard) {
    const auto [phone, made] = shard.find_or_make(aor);
    // Limits do not apply to what was accepted once.
    if (made) count_.fetch_add(1, std::memory_order_relaxed);
    auto& keyboard = phone->keyboard;
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
          visit({contact.flow.worker, contact.number}, contact.delivery.behind(phone.keyboard));
        }
      }
    });
  }
}

}  // namespace lamplighter::lamp
