#include <algorithm>
#include <utility>

#include "lamp/phones.h"

// Phones as people see them.
namespace lamplighter::lamp {

std::optional<PhoneView> Phones::view(std::string_view aor) const {
  const auto now = clock_.now();
  const auto wall = clock_.wall();
  return shard_of(aor).with([&](const Shard& shard) -> std::optional<PhoneView> {
    const Phone* phone = shard.find(aor);
    if (!phone || phone->keyboard.size() == 0) return std::nullopt;
    const auto& keyboard = phone->keyboard;
    const auto still_lit = [&](Slot slot) {
      return std::ranges::any_of(phone->contacts, [&](const Contact& contact) {
        return contact.registered_now && contact.rule->deliver &&
               contact.delivery.progress(slot).confirmed != keyboard.version(slot);
      });
    };
    std::vector<Slot> slots;
    for (std::size_t i = 0; i < keyboard.size(); ++i) {
      const auto slot = static_cast<Slot>(i);
      if (keyboard.key(slot) || still_lit(slot)) slots.push_back(slot);
    }
    std::ranges::sort(slots, name_before, [&](Slot slot) { return keyboard.name(slot); });

    PhoneView view;
    view.keys.reserve(slots.size());
    for (const auto slot : slots) view.keys.push_back(keyboard.at(slot));
    view.contacts.reserve(phone->contacts.size());
    for (const auto& contact : phone->contacts) {
      const auto& delivery = contact.delivery;
      ContactView seen{.uri = contact.uri,
                       .model = std::string(contact.rule->model->name),
                       .user_agent = contact.user_agent,
                       .flow = contact.flow,
                       .registered = contact.registered,
                       .is_registered = contact.registered_now,
                       .deliver = contact.rule->deliver,
                       .in_flight = delivery.in_flight(),
                       .next_try = std::nullopt,
                       .keys = {}};
      if (const auto at = delivery.waits_until(); at && sendable(*phone, contact)) {
        seen.next_try = wall + std::chrono::duration_cast<std::chrono::milliseconds>(std::max(*at, now) - now);
      }
      seen.keys.reserve(slots.size());
      for (const auto slot : slots) {
        const auto& progress = delivery.progress(slot);
        seen.keys.push_back(
            {delivery.state(keyboard, slot), delivery.status(keyboard, slot), progress.confirmed, progress.look});
      }
      view.contacts.push_back(std::move(seen));
    }
    return view;
  });
}

std::vector<HistoryEntry> Phones::history(std::string_view aor, std::string_view name) const {
  return shard_of(aor).with([&](const Shard& shard) -> std::vector<HistoryEntry> {
    const Phone* phone = shard.find(aor);
    const auto slot = phone ? phone->keyboard.find(name) : std::nullopt;
    if (!slot) return {};
    return shard.history.of(phone->keyboard.history(*slot));
  });
}

void Phones::for_each(const std::function<void(std::string_view, std::size_t, std::size_t)>& visit) const {
  for (const auto& guarded : shards_) {
    std::as_const(*guarded).with([&](const Shard& shard) {
      for (const auto& [aor, phone] : shard.phones) {
        const auto& keyboard = phone.keyboard;
        if (keyboard.size() == 0) continue;
        std::size_t unconfirmed = 0;
        for (const auto& contact : phone.contacts) {
          if (!contact.registered_now || !contact.rule->deliver) continue;
          for (std::size_t i = 0; i < keyboard.size(); ++i) {
            const auto slot = static_cast<Slot>(i);
            if (contact.delivery.progress(slot).confirmed != keyboard.version(slot)) ++unconfirmed;
          }
        }
        visit(aor, keyboard.set_keys(), unconfirmed);
      }
    });
  }
}

std::size_t Phones::phones() const { return count_.load(std::memory_order_relaxed); }

}  // namespace lamplighter::lamp
