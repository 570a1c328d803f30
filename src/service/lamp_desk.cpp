#include "service/lamp_desk.h"

#include <algorithm>
#include <utility>

namespace lamplighter::service {

// How many keys one round of retry_unstored() brings to the store.
constexpr std::size_t kRetryBatch = 1000;
// Presses of one key that wait for a store that fails. Of more than these the oldest is hardly told again.
constexpr std::size_t kMarksOfAKey = 256;

LampDesk::LampDesk(lamp::Phones& phones, const location::Location& location, const Clock& clock, Hooks hooks)
    : phones_(phones), location_(location), clock_(clock), hooks_(std::move(hooks)) {}

std::expected<std::vector<lamp::Change>, lamp::KeyboardError> LampDesk::change(std::string_view aor,
                                                                               std::span<const lamp::Edit> edits,
                                                                               const lamp::Origin& origin, bool replace,
                                                                               Stored stored) {
  const bool known = phones_.has(aor);
  if (!known) wake(sync(aor, /*make=*/true));  // the phones' models say which keys there are
  auto changes = phones_.change(aor, edits, origin, replace);
  // A phone that registered between the look at the location and now did not find keys to care about.
  if (!known) wake(sync(aor, /*make=*/false));
  if (!changes) return changes;

  // Keys that were so already are stored once more: the change that made them so may not be stored yet, or not at all,
  // and a 2xx says it is. Only what never was needs no record.
  DeskRecord record;
  std::ranges::copy_if(*changes, std::back_inserter(record.changes),
                       [](const lamp::Change& change) { return change.version != 0; });
  if (replace) {
    // The whole keyboard is acknowledged: keys that were dark before as well, whose clearing the store may have
    // refused.
    for (auto& state : phones_.cleared(aor)) {
      record.changes.push_back({std::string(aor), std::move(state.name), std::nullopt, state.version, false});
    }
  }
  if (record.changes.empty()) {
    stored({});
  } else {
    commit(aor, std::move(record), std::move(stored));
  }
  return changes;
}

std::expected<lamp::Change, lamp::KeyboardError> LampDesk::dialled(std::string_view aor, const lamp::Edit& edit,
                                                                   const lamp::Origin& origin,
                                                                   const lamp::Caller& caller,
                                                                   std::optional<PressMark> press) {
  const bool known = phones_.has(aor);
  if (!known) wake(sync(aor, /*make=*/true));
  std::vector<lamp::Wake> at_once;
  auto change = phones_.dialled(aor, edit, origin, caller, at_once);
  if (!known) wake(sync(aor, /*make=*/false));
  wake(at_once);
  if (!change || !change->changed) return change;

  DeskRecord record{.changes = {}, .press = press};
  record.changes.push_back(*change);
  commit(aor, std::move(record), {});
  return change;
}

// The marks that have to be stored with the record, those of its own press included.
std::vector<PressMark> LampDesk::take_along(std::string_view aor, DeskRecord& record) {
  if (!record.press && marked_keys_.load(std::memory_order_acquire) == 0) return {};
  return marks_.with([&](Marks& all) {
    std::vector<PressMark> marks;
    for (const auto& change : record.changes) {
      const Name name{aor, change.name};
      if (const auto found = all.find(name); found != all.end()) {
        marks.insert(marks.end(), found->second.begin(), found->second.end());
      }
      if (!record.press) continue;
      auto& known = all[name];
      if (known.size() == kMarksOfAKey) known.erase(known.begin());
      known.push_back(*record.press);
    }
    record.earlier = marks;
    if (record.press) marks.push_back(*record.press);
    marked_keys_.store(all.size(), std::memory_order_release);
    return marks;
  });
}

void LampDesk::marks_stored(const std::string& aor, std::span<const std::pair<lamp::KeyName, std::uint64_t>> keys,
                            std::span<const PressMark> stored) {
  marks_.with([&](Marks& all) {
    for (const auto& [key, version] : keys) {
      const auto found = all.find({aor, key});
      if (found == all.end()) continue;
      std::erase_if(found->second,
                    [&](const PressMark& mark) { return std::ranges::find(stored, mark) != stored.end(); });
      if (found->second.empty()) all.erase(found);
    }
    marked_keys_.store(all.size(), std::memory_order_release);
  });
}

// Whatever the store says, the change is delivered now: durable, so that no restart can claim the opposite; or not
// stored, because a dark lamp helps nobody, and to be stored as soon as that works again.
void LampDesk::commit(std::string_view aor, DeskRecord record, Stored stored) {
  std::vector<std::pair<lamp::KeyName, std::uint64_t>> versions;
  versions.reserve(record.changes.size());
  for (const auto& change : record.changes) versions.emplace_back(change.name, change.version);
  auto marks = take_along(aor, record);
  hooks_.commit(std::move(record),
                [this, phone = std::string(aor), keys = std::move(versions), pressed = std::move(marks),
                 tell = std::move(stored)](std::expected<void, std::string> result) mutable {
                  if (result && !pressed.empty()) marks_stored(phone, keys, pressed);
                  unstored_.with([&](Unstored& refused) {
                    if (result && refused.empty()) return;
                    for (const auto& [key, version] : keys) {
                      if (!result) {
                        auto& entry = refused[{phone, key}];
                        entry = {.version = std::max(entry.version, version), .under_way = false};
                      } else if (const auto found = refused.find({phone, key});
                                 found != refused.end() && found->second.version <= version) {
                        refused.erase(found);
                      }
                    }
                  });
                  wake(phones_.settled(phone, keys));
                  if (tell) tell(std::move(result));
                });
}

void LampDesk::retry_unstored() {
  // They stay counted until they are stored.
  const auto names = unstored_.with([](Unstored& all) {
    std::vector<Name> some;
    for (auto& [name, refused] : all) {
      if (some.size() == kRetryBatch) break;
      if (!std::exchange(refused.under_way, true)) some.push_back(name);
    }
    return some;
  });
  for (const auto& [aor, key] : names) {
    const auto state = phones_.find(aor, key);
    if (!state) {
      unstored_.with([&](Unstored& all) { all.erase({aor, key}); });
      continue;
    }
    DeskRecord record;
    record.changes.push_back({aor, key, state->key, state->version, true});
    commit(aor, std::move(record), {});
  }
}

std::size_t LampDesk::unstored() const {
  return unstored_.with([](const Unstored& all) { return all.size(); });
}

void LampDesk::contacts_changed(std::string_view aor) {
  if (!phones_.has(aor)) return;
  wake(sync(aor, /*make=*/false));
  progressed(aor);
}

void LampDesk::restore_contacts(std::string_view aor) { sync(aor, /*make=*/false); }

// The location is read while the phone is locked: of two threads that have news about a phone, the one that comes last
// also reads last. (No thread locks them the other way round.)
std::vector<lamp::Wake> LampDesk::sync(std::string_view aor, bool make) {
  std::vector<location::Binding> bindings;
  return phones_.sync(aor, make, [&] {
    location_.lookup(aor, clock_.wall(), bindings);
    std::vector<lamp::ContactInfo> contacts;
    contacts.reserve(bindings.size());
    for (const auto& binding : bindings) {
      contacts.push_back({.uri = binding.uri,
                          .path = binding.path,
                          .user_agent = binding.user_agent,
                          .instance = binding.instance,
                          .registered = binding.registered,
                          .flow = binding.flow,
                          .expires = binding.expires});
    }
    return contacts;
  });
}

void LampDesk::wake(const std::vector<lamp::Wake>& wakes) {
  for (const auto& wake : wakes) hooks_.wake(wake);
}

std::uint64_t LampDesk::watch(std::string_view aor, std::function<void()> progress) {
  return watches_.with([&](Watches& watches) {
    watches.by_number.emplace(++watches.last, Watch{std::string(aor), std::move(progress)});
    watchers_.store(watches.by_number.size(), std::memory_order_release);
    return watches.last;
  });
}

void LampDesk::unwatch(std::uint64_t number) {
  watches_.with([&](Watches& watches) {
    watches.by_number.erase(number);
    watchers_.store(watches.by_number.size(), std::memory_order_release);
  });
}

void LampDesk::progressed(std::string_view aor) {
  if (!watched()) return;
  watches_.with([&](const Watches& watches) {
    for (const auto& [number, watch] : watches.by_number) {
      if (watch.aor == aor) watch.progress();
    }
  });
}

}  // namespace lamplighter::service
