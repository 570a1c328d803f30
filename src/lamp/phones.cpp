#include "lamp/phones.h"

#include <algorithm>
#include <cassert>
#include <charconv>
#include <limits>

namespace lamplighter::lamp {
namespace {

using Kind = KeyboardError::Kind;

// Keys in one document for a model that takes several.
constexpr std::size_t kBatch = 8;

std::unexpected<KeyboardError> fail(Kind kind, std::string_view name, const std::string& what) {
  return std::unexpected(KeyboardError{kind, KeyName(name), "key " + std::string(name) + ": " + what});
}

std::expected<void, KeyboardError> check_values(std::string_view name, const Key* key, std::size_t bytes) {
  if (!key) return {};
  const XButtonsLimits limits{.value = bytes};
  for (const auto& [what, text] : {std::pair{"label", &key->label}, std::pair{"number", &key->number}}) {
    if (const auto checked = check_value(*text, limits); !checked) {
      return fail(Kind::kValue, name, std::string(what) + ": " + checked.error());
    }
  }
  return {};
}

// A name of digits is the key's number on the phone; too many digits for any number are a number too high.
std::optional<std::size_t> number_of(std::string_view name) {
  if (!std::ranges::all_of(name, [](char c) { return c >= '0' && c <= '9'; })) return std::nullopt;
  std::size_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  return error == std::errc{} ? number : std::numeric_limits<std::size_t>::max();
}

std::string explain(std::size_t keys, const Model* model) {
  std::string text = "expected at most " + std::to_string(keys) + " (";
  return text.append(model ? "a " + std::string(model->name) : "lamp.keys_per_phone").append(")");
}

bool is_generic(const Model& model) { return &model == &models().back(); }

// Dark keys are lit, lit ones darkened: by the templates, or else the key's own light.
std::optional<Key> flipped(const std::optional<Key>& current, const Edit& edit) {
  const bool dark = !current || current->light == Light::kOff;
  if (const Key* given = dark ? edit.key : edit.off) return *given;
  assert(current);  // check() has seen to it
  auto key = *current;
  key.light = dark ? Light::kOn : Light::kOff;
  return key;
}

std::optional<Key> wanted(const std::optional<Key>& current, const Edit& edit) {
  switch (edit.kind) {
    case Edit::Kind::kSet: assert(edit.key); return *edit.key;
    case Edit::Kind::kClear: return std::nullopt;
    case Edit::Kind::kToggle: return flipped(current, edit);
  }
  return std::nullopt;
}

}  // namespace

Phones::Phones(PhonesSettings settings, const Clock& clock) : settings_(std::move(settings)), clock_(clock) {
  for (const auto& model : models()) {
    auto& rule = rules_.emplace_back();
    rule.model = &model;
    rule.pace = {settings_.pace.gap, std::max(settings_.pace.batch, model.batch ? kBatch : std::size_t{1})};
    for (const auto& [name, pace] : settings_.paces) {
      if (model_named(name) == &model) rule.pace = pace;
    }
    rule.deliver = model.x_buttons || (settings_.unknown_models && is_generic(model));
  }
  // Rounded up: a small history is better than none.
  const auto entries = (settings_.history + kShards - 1) / kShards;
  for (std::size_t i = 0; i < kShards; ++i) {
    shards_[i] = std::make_unique<Guarded<Shard>>(static_cast<std::uint32_t>(i), entries, settings_.seed + i);
  }
}

const Guarded<Phones::Shard>& Phones::shard_of(std::string_view aor) const {
  // High bits: the low ones choose the bucket inside the shard's own table.
  return *shards_[(Hash{}(aor) >> 48) % kShards];
}

Guarded<Phones::Shard>& Phones::shard_of(std::string_view aor) {
  return const_cast<Guarded<Shard>&>(std::as_const(*this).shard_of(aor));
}

Phones::Phone* Phones::Shard::find(std::string_view aor) {
  const auto phone = phones.find(aor);
  return phone == phones.end() ? nullptr : &phone->second;
}

const Phones::Phone* Phones::Shard::find(std::string_view aor) const {
  const auto phone = phones.find(aor);
  return phone == phones.end() ? nullptr : &phone->second;
}

std::pair<Phones::Phone*, bool> Phones::Shard::find_or_make(std::string_view aor) {
  const auto [phone, made] = phones.try_emplace(std::string(aor));
  phone->second.aor = phone->first;
  return {&phone->second, made};
}

const ModelRule& Phones::rule_of(std::string_view user_agent) const {
  return rules_[static_cast<std::size_t>(&model_of_user_agent(user_agent) - models().data())];
}

Phones::Limit Phones::limit_of(const Phone* phone) const {
  Limit limit;
  bool any_name = true;  // nobody is registered: who knows which phone it will be
  if (phone) {
    for (const auto& contact : phone->contacts) {
      if (!contact.registered_now) continue;
      const Model& model = *contact.rule->model;
      if (is_generic(model)) return {settings_.keys_per_phone, nullptr};
      any_name = false;
      const std::size_t keys = std::size_t{model.keys} + model.expansion;
      if (keys > limit.keys) limit = {keys, &model};
    }
  }
  return any_name ? Limit{settings_.keys_per_phone, nullptr} : limit;
}

std::expected<void, KeyboardError> Phones::check(const Phone* phone, std::string_view aor, const Edit& edit,
                                                 const Limit& limit) const {
  if (const auto checked = check_key_name(edit.name); !checked) {
    return std::unexpected(KeyboardError{Kind::kName, KeyName(edit.name), "key name: " + checked.error()});
  }
  if (edit.kind == Edit::Kind::kClear) return {};
  for (const Key* key : {edit.key, edit.off}) {
    if (const auto checked = check_values(edit.name, key, settings_.value); !checked) return checked;
  }
  if (const auto number = limit.model ? number_of(edit.name) : std::nullopt;
      number && (*number == 0 || *number > limit.keys)) {
    return fail(Kind::kName, edit.name,
                "a " + std::string(limit.model->name) + " has keys 1 to " + std::to_string(limit.keys));
  }
  if (edit.kind == Edit::Kind::kToggle && !edit.key) {
    const auto slot = phone ? phone->keyboard.find(edit.name) : std::nullopt;
    if (!slot || !phone->keyboard.key(*slot)) {
      const std::string name(edit.name);
      return std::unexpected(KeyboardError{Kind::kNotSet, name,
                                           "key " + name + " of " + std::string(aor) + " is not set: nothing to flip"});
    }
  }
  return {};
}

// The cleared slots that have to be taken for new keys; mostly none.
std::expected<std::vector<Phones::Slot>, KeyboardError> Phones::check(const Phone* phone, std::string_view aor,
                                                                      std::span<const Edit> edits, bool replace) const {
  const Limit limit = limit_of(phone);
  for (const auto& edit : edits) {
    if (const auto checked = check(phone, aor, edit, limit); !checked) return std::unexpected(checked.error());
  }
  if (edits.size() == 1 && !replace) return find_room(phone, edits, std::span(&edits[0].name, 1), replace, limit);

  std::vector<std::string_view> named;
  named.reserve(edits.size());
  for (const auto& edit : edits) named.push_back(edit.name);
  std::ranges::sort(named);
  if (const auto twice = std::ranges::adjacent_find(named); twice != named.end()) {
    return fail(Kind::kName, *twice, "named twice, expected each key once");
  }
  return find_room(phone, edits, named, replace, limit);
}

std::expected<std::vector<Phones::Slot>, KeyboardError> Phones::find_room(const Phone* phone,
                                                                          std::span<const Edit> edits,
                                                                          std::span<const std::string_view> named,
                                                                          bool replace, const Limit& limit) const {
  const Keyboard none;
  const Keyboard& keyboard = phone ? phone->keyboard : none;
  const auto is_named = [&](Slot slot) { return std::ranges::binary_search(named, keyboard.name(slot)); };
  std::size_t cleared = 0;
  if (replace) {
    for (std::size_t slot = 0; slot < keyboard.size(); ++slot) {
      const auto index = static_cast<Slot>(slot);
      if (keyboard.key(index) && !is_named(index)) ++cleared;
    }
  }
  std::size_t added = 0;      // keys that are not set now
  std::size_t new_names = 0;  // those that were never set
  const Edit* last = nullptr;
  for (const auto& edit : edits) {
    const auto slot = keyboard.find(edit.name);
    const bool is_set = slot && keyboard.key(*slot);
    if (edit.kind == Edit::Kind::kClear) {
      if (is_set) ++cleared;
    } else if (!is_set) {
      ++added;
      if (!slot) ++new_names;
      last = &edit;
    }
  }

  // Who has more than the limit since the limit became lower may change keys, but not have more.
  const std::size_t now = keyboard.set_keys();
  const std::size_t total = now + added - cleared;
  if (total > limit.keys && total > now) {
    return fail(Kind::kTooManyKeys, last->name,
                (added == 1 ? "the phone has " + std::to_string(now) + " keys set already, "
                            : "the phone would have " + std::to_string(total) + " keys set, ") +
                    explain(limit.keys, limit.model));
  }

  const std::size_t slots =
      std::min<std::size_t>(2 * std::max(limit.keys, settings_.keys_per_phone), std::numeric_limits<Slot>::max());
  const std::size_t room = slots - std::min(slots, keyboard.size());
  std::vector<Slot> reuse;
  if (new_names <= room) return reuse;
  for (std::size_t slot = 0; slot < keyboard.size() && reuse.size() < new_names - room; ++slot) {
    const auto index = static_cast<Slot>(slot);
    if (reusable(*phone, index) && !is_named(index)) reuse.push_back(index);
  }
  if (reuse.size() < new_names - room) {
    return fail(Kind::kTooManyKeys, last->name,
                "the phone has " + std::to_string(now) + " keys set and " + std::to_string(keyboard.size() - now) +
                    " cleared ones that it has not confirmed, expected at most " + std::to_string(slots) + " together");
  }
  return reuse;
}

// Whether nobody needs to be told that this key is dark. Without any contact somebody will: the phone that comes back.
bool Phones::reusable(const Phone& phone, Slot slot) {
  const auto& keyboard = phone.keyboard;
  if (keyboard.key(slot) || keyboard.released(slot) < keyboard.version(slot)) return false;
  bool told = false;
  for (const auto& contact : phone.contacts) {
    if (std::ranges::count(contact.delivery.carried(), slot, &Delivery::Carried::slot) > 0) return false;
    if (std::ranges::count(contact.asked, slot) > 0) return false;
    if (!contact.registered_now || !contact.rule->deliver) continue;
    if (contact.delivery.progress(slot).confirmed != keyboard.version(slot)) return false;
    told = true;
  }
  return told;
}

std::expected<Phones::Phone*, KeyboardError> Phones::make(Shard& shard, std::string_view aor, std::string_view name) {
  if (count_.fetch_add(1, std::memory_order_relaxed) >= settings_.phones) {
    count_.fetch_sub(1, std::memory_order_relaxed);
    return fail(Kind::kTooManyPhones, name,
                "too many phones have keys, expected at most " + std::to_string(settings_.phones));
  }
  return shard.find_or_make(aor).first;
}

// A phone that sync() made for a change that did not come to be.
void Phones::forget_if_empty(Shard& shard, std::string_view aor) {
  const auto phone = shard.phones.find(aor);
  if (phone == shard.phones.end() || phone->second.keyboard.size() > 0) return;
  for (const auto& contact : phone->second.contacts) shard.by_number.erase(contact.number);
  shard.phones.erase(phone);
  count_.fetch_sub(1, std::memory_order_relaxed);
}

Change Phones::apply(Shard& shard, Phone& phone, std::string_view aor, const Edit& edit, const Origin& origin,
                     WallTime now, std::vector<Slot>& reuse) {
  auto& keyboard = phone.keyboard;
  const auto before = keyboard.find(edit.name);
  auto key = wanted(before ? keyboard.key(*before) : std::nullopt, edit);
  if (!before && key && !reuse.empty()) {
    const auto slot = reuse.back();
    reuse.pop_back();
    keyboard.reuse(slot, edit.name);
    for (auto& contact : phone.contacts) contact.delivery.forget(slot);
  }
  const auto changed = keyboard.set(edit.name, key, now);
  const auto slot = changed ? changed : before;
  Change change{std::string(aor), KeyName(edit.name), std::move(key), slot ? keyboard.version(*slot) : 0,
                changed.has_value()};
  if (changed && shard.history.capacity() > 0) {
    shard.history.add(keyboard.history(*slot), {.kind = HistoryKind::kChange,
                                                .origin = origin.kind,
                                                .cleared = !change.key,
                                                .look = look_of(change.key),
                                                .at = now,
                                                .version = change.version,
                                                .detail = origin.detail});
  }
  return change;
}

std::expected<std::vector<Change>, KeyboardError> Phones::change(std::string_view aor, std::span<const Edit> edits,
                                                                 const Origin& origin, bool replace) {
  const auto now = clock_.wall();
  return shard_of(aor).with([&](Shard& shard) -> std::expected<std::vector<Change>, KeyboardError> {
    Phone* phone = shard.find(aor);
    auto reuse = check(phone, aor, edits, replace);
    if (!reuse) {
      forget_if_empty(shard, aor);
      return std::unexpected(std::move(reuse.error()));
    }
    if (!phone) {
      const auto first = std::ranges::find_if(edits, [](const Edit& e) { return e.kind != Edit::Kind::kClear; });
      if (first != edits.end()) {
        const auto made = make(shard, aor, first->name);
        if (!made) return std::unexpected(made.error());
        phone = *made;
      }
    }

    std::vector<Change> changes;
    if (!phone) {  // clearing what never was leaves no trace
      for (const auto& edit : edits) changes.push_back({std::string(aor), KeyName(edit.name), {}, 0, false});
      return changes;
    }
    changes.reserve(edits.size());
    for (const auto& edit : edits) changes.push_back(apply(shard, *phone, aor, edit, origin, now, *reuse));
    if (replace) {
      const auto& keyboard = phone->keyboard;
      std::vector<std::string_view> named;
      named.reserve(edits.size());
      for (const auto& edit : edits) named.push_back(edit.name);
      std::ranges::sort(named);
      for (std::size_t slot = 0; slot < keyboard.size(); ++slot) {
        const auto index = static_cast<Slot>(slot);
        if (!keyboard.key(index) || std::ranges::binary_search(named, keyboard.name(index))) continue;
        const Edit clear{.name = keyboard.name(index), .kind = Edit::Kind::kClear};
        changes.push_back(apply(shard, *phone, aor, clear, origin, now, *reuse));
      }
    }
    forget_if_empty(shard, aor);
    return changes;
  });
}

std::vector<Wake> Phones::settled(std::string_view aor, std::span<const std::pair<KeyName, std::uint64_t>> versions) {
  return shard_of(aor).with([&](Shard& shard) {
    std::vector<Wake> wakes;
    Phone* phone = shard.find(aor);
    if (!phone) return wakes;
    for (const auto& [name, version] : versions) {
      if (const auto slot = phone->keyboard.find(name)) phone->keyboard.release(*slot, version);
    }
    for (const auto& contact : phone->contacts) {
      if (!contact.hurry && !sendable(*phone, contact)) continue;
      wakes.push_back({contact.flow.worker, contact.number});
    }
    return wakes;
  });
}

std::optional<KeyState> Phones::find(std::string_view aor, std::string_view name) const {
  return shard_of(aor).with([&](const Shard& shard) -> std::optional<KeyState> {
    const Phone* phone = shard.find(aor);
    const auto slot = phone ? phone->keyboard.find(name) : std::nullopt;
    if (!slot) return std::nullopt;
    return phone->keyboard.at(*slot);
  });
}

std::vector<KeyState> Phones::cleared(std::string_view aor) const {
  return shard_of(aor).with([&](const Shard& shard) {
    std::vector<KeyState> states;
    const Phone* phone = shard.find(aor);
    for (std::size_t slot = 0; phone && slot < phone->keyboard.size(); ++slot) {
      const auto index = static_cast<Slot>(slot);
      if (!phone->keyboard.key(index)) states.push_back(phone->keyboard.at(index));
    }
    return states;
  });
}

std::optional<KeyName> Phones::toggle_that_dials(std::string_view aor, std::string_view number) const {
  return shard_of(aor).with([&](const Shard& shard) -> std::optional<KeyName> {
    const Phone* phone = shard.find(aor);
    if (!phone) return std::nullopt;
    std::optional<std::string_view> found;  // of several, always the same one
    for (std::size_t slot = 0; slot < phone->keyboard.size(); ++slot) {
      const auto index = static_cast<Slot>(slot);
      const auto& key = phone->keyboard.key(index);
      if (!key || key->press != Press::kToggle || key->number != number) continue;
      const auto name = phone->keyboard.name(index);
      if (!found || name_before(name, *found)) found = name;
    }
    if (!found) return std::nullopt;
    return KeyName(*found);
  });
}

}  // namespace lamplighter::lamp
