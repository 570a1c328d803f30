#include "location/location.h"

#include <algorithm>
#include <utility>

namespace lamplighter::location {

namespace {

// The difference between the lives of a phone that boots faster than the clock ticks.
constexpr std::chrono::milliseconds kTick{1};

// What will be bound once everything on its way to the store has been committed.
using Expected = std::vector<const Binding*>;

void overlay(Expected& expected, const Change& change) {
  const auto drop = [&](std::string_view uri) {
    std::erase_if(expected, [&](const Binding* binding) {
      return binding->uri == uri && binding->expires <= change.remove_if_expired_by;
    });
  };
  for (const auto& uri : change.remove) drop(uri);
  for (const auto& binding : change.put) {
    std::erase_if(expected, [&](const Binding* other) { return other->uri == binding.uri; });
    expected.push_back(&binding);
  }
}

// RFC 3261 §10.3 step 7: within one Call-ID the CSeq must grow, as long as copies of older requests may be under way.
// Workers read the clock before they get here, so `now` may lie a little before the binding's; far before it only when
// the clock was set back, and then nothing is known: better a lamp lit again than a phone locked out.
bool out_of_order(const Binding& bound, const RegisterRequest& request, std::chrono::milliseconds stray, WallTime now) {
  return bound.call_id == request.call_id && request.cseq <= bound.cseq &&
         std::chrono::abs(now - bound.refreshed) < stray;
}

// Whether the phone is still in the life in which it registered before; else it has forgotten its lamps (PROTOCOL §5).
bool same_life(const Binding& bound, const RegisterRequest& request, const RequestedContact& contact) {
  return bound.call_id == request.call_id && request.cseq > bound.cseq && bound.user_agent == request.user_agent &&
         bound.instance == contact.instance;
}

// RFC 5626 §6: the instance and reg-id name the phone's flow, whatever its URI has become.
bool same_instance(const Binding& binding, std::string_view instance, std::uint32_t reg_id) {
  return !instance.empty() && binding.instance == instance && binding.reg_id == reg_id;
}

Binding bind(const RegisterRequest& request, const RequestedContact& contact, WallTime registered, WallTime now) {
  return Binding{.uri = std::string(contact.uri),
                 .instance = std::string(contact.instance),
                 .reg_id = contact.reg_id,
                 .call_id = std::string(request.call_id),
                 .cseq = request.cseq,
                 .user_agent = std::string(request.user_agent),
                 .path = std::string(request.path),
                 .q = contact.q,
                 .flow = request.flow,
                 .registered = registered,
                 .refreshed = now,
                 .expires = now + contact.expires};
}

}  // namespace

Location::Location(Limits limits, SameUri same_uri) : limits_(limits), same_uri_(same_uri) {}

const Guarded<Location::Shard>& Location::shard_of(std::string_view aor) const {
  // High bits: the low ones choose the bucket inside the shard's own table.
  return shards_[(Hash{}(aor) >> 48) % kShards];
}

Guarded<Location::Shard>& Location::shard_of(std::string_view aor) {
  return const_cast<Guarded<Shard>&>(std::as_const(*this).shard_of(aor));
}

// Expired ones and those on their way out count as well: what is recorded about them may outlive them a little.
WallTime Location::Entry::after_lives_of(std::string_view uri) const {
  auto after = WallTime::min();
  const auto see = [&](const Binding& binding) {
    if (binding.uri == uri) after = std::max(after, binding.registered + kTick);
  };
  std::ranges::for_each(bindings, see);
  if (in_flight) {
    for (const auto& other : *in_flight) std::ranges::for_each(other.change.put, see);
  }
  return after;
}

std::expected<Change, Refusal> Location::plan(const RegisterRequest& request, WallTime now) const {
  return shard_of(request.aor).with([&](const Shard& shard) {
    const auto found = shard.entries.find(request.aor);
    return plan(found == shard.entries.end() ? nullptr : &found->second, request, now);
  });
}

std::expected<Change, Refusal> Location::plan(const Entry* entry, const RegisterRequest& request, WallTime now) const {
  Expected bound;
  if (entry) {
    bound.reserve(entry->bindings.size() + 2);
    for (const auto& binding : entry->bindings) bound.push_back(&binding);
    if (entry->in_flight) {
      for (const auto& other : *entry->in_flight) overlay(bound, other.change);
    }
    std::erase_if(bound, [&](const Binding* binding) { return binding->expires <= now; });
  }

  Change change{.aor = std::string(request.aor), .put = {}, .remove = {}};
  if (request.wildcard) {  // §10.3 step 6
    for (const auto* binding : bound) {
      if (out_of_order(*binding, request, limits_.stray, now)) return std::unexpected(Refusal::kOutOfOrder);
      change.remove.push_back(binding->uri);
    }
    return change;
  }

  // §10.3 step 7: all or nothing, so nothing is touched before every contact has passed.
  std::vector<bool> gone(bound.size());
  for (const auto& contact : request.contacts) {
    const Binding* same = nullptr;
    for (std::size_t i = 0; i < bound.size(); ++i) {
      const auto& binding = *bound[i];
      const bool same_uri = binding.uri == contact.uri || same_uri_(binding.uri, contact.uri);
      if (!same_uri && !same_instance(binding, contact.instance, contact.reg_id)) continue;
      if (out_of_order(binding, request, limits_.stray, now)) return std::unexpected(Refusal::kOutOfOrder);
      // A URI may be equal in the sense of §19.1.4 to several that are not equal to each other: one stands for the
      // refresh, best the one spelt the same way, and the others go.
      if (same_uri && (!same || binding.uri == contact.uri)) same = &binding;
      gone[i] = true;
    }
    // The same contact twice in one request: the later one stands.
    std::erase_if(change.put, [&](const Binding& put) {
      return put.uri == contact.uri || same_uri_(put.uri, contact.uri) ||
             same_instance(put, contact.instance, contact.reg_id);
    });
    if (contact.expires.count() == 0) continue;
    auto registered = now;
    if (same && same_life(*same, request, contact)) {
      registered = same->registered;
    } else {
      if (same) registered = std::max(registered, same->registered + kTick);
      if (entry) registered = std::max(registered, entry->after_lives_of(contact.uri));
    }
    change.put.push_back(bind(request, contact, registered, now));
  }
  std::size_t kept = 0;
  for (std::size_t i = 0; i < bound.size(); ++i) {
    if (!gone[i]) {
      ++kept;
      continue;
    }
    const auto& uri = bound[i]->uri;
    if (std::ranges::none_of(change.put, [&](const Binding& put) { return put.uri == uri; })) {
      change.remove.push_back(uri);
    }
  }
  // Phones that are already in may refresh even after the administrator has lowered the limit: only growing is refused.
  const auto total = kept + change.put.size();
  if (total > limits_.contacts_per_aor && total > bound.size()) {
    return std::unexpected(Refusal::kTooManyContacts);
  }
  return change;
}

void Location::Shard::apply(Entry& entry, Change change) {
  auto& bound = entry.bindings;
  const auto before = bound.size();
  for (const auto& uri : change.remove) {
    std::erase_if(bound, [&](const Binding& binding) {
      return binding.uri == uri && binding.expires <= change.remove_if_expired_by;
    });
  }
  for (auto& put : change.put) {
    const auto same = std::ranges::find(bound, put.uri, &Binding::uri);
    if (same != bound.end()) {
      *same = std::move(put);
    } else {
      bound.push_back(std::move(put));
    }
  }
  bindings += bound.size() - before;
  aors += static_cast<std::size_t>(!bound.empty()) - static_cast<std::size_t>(before > 0);
}

void Location::apply(const Change& change) {
  shard_of(change.aor).with([&](Shard& shard) {
    const auto entry = shard.entries.try_emplace(change.aor).first;
    shard.apply(entry->second, change);
    if (entry->second.idle()) shard.entries.erase(entry);
  });
}

std::expected<Location::Reservation, Refusal> Location::reserve(const RegisterRequest& request, WallTime now) {
  return shard_of(request.aor).with([&](Shard& shard) -> std::expected<Reservation, Refusal> {
    const auto found = shard.entries.find(request.aor);
    auto change = plan(found == shard.entries.end() ? nullptr : &found->second, request, now);
    if (!change) return std::unexpected(change.error());
    if (change->empty()) return Reservation{.change = std::move(*change)};

    auto& entry = found == shard.entries.end() ? shard.entries[change->aor] : found->second;
    if (!entry.in_flight) entry.in_flight = std::make_unique<std::vector<InFlight>>();
    const auto ticket = ++shard.last_ticket;
    entry.in_flight->push_back({ticket, *change});
    return Reservation{.change = std::move(*change), .ticket = ticket};
  });
}

void Location::settle(std::string_view aor, std::uint64_t ticket, bool durable) {
  shard_of(aor).with([&](Shard& shard) {
    const auto found = shard.entries.find(aor);
    if (found == shard.entries.end() || !found->second.in_flight) return;
    auto& entry = found->second;
    const auto mine = std::ranges::find(*entry.in_flight, ticket, &InFlight::ticket);
    if (mine == entry.in_flight->end()) return;
    if (durable) shard.apply(entry, std::move(mine->change));
    entry.in_flight->erase(mine);
    if (entry.in_flight->empty()) entry.in_flight.reset();
    if (entry.idle()) shard.entries.erase(found);
  });
}

void Location::flow_gone(std::string_view aor, const Flow& flow) {
  const auto mark = [&](Binding& binding) {
    if (binding.flow == flow) binding.flow.connection = binding.flow.generation = 0;
  };
  shard_of(aor).with([&](Shard& shard) {
    const auto found = shard.entries.find(aor);
    if (found == shard.entries.end()) return;
    std::ranges::for_each(found->second.bindings, mark);
    if (!found->second.in_flight) return;
    for (auto& other : *found->second.in_flight) std::ranges::for_each(other.change.put, mark);
  });
}

void Location::lookup(std::string_view aor, WallTime now, std::vector<Binding>& out) const {
  std::size_t count = 0;
  shard_of(aor).with([&](const Shard& shard) {
    const auto found = shard.entries.find(aor);
    if (found == shard.entries.end()) return;
    // Assigned over what the caller's vector held, so that its strings are reused. Backwards: newest first on a tie.
    const auto& bound = found->second.bindings;
    for (auto binding = bound.rbegin(); binding != bound.rend(); ++binding) {
      if (binding->expires <= now) continue;
      if (count < out.size()) {
        out[count] = *binding;
      } else {
        out.push_back(*binding);
      }
      ++count;
    }
  });
  out.resize(count);
  if (count < 2) return;
  std::ranges::sort(out, [](const Binding& a, const Binding& b) {
    if (a.q != b.q) return a.q > b.q;
    return a.registered != b.registered ? a.registered > b.registered : a.uri < b.uri;
  });
}

std::vector<Change> Location::expire(WallTime now) {
  std::vector<Change> changes;
  const auto turn = next_to_expire_.fetch_add(1, std::memory_order_relaxed);
  shards_[turn % kShards].with([&](Shard& shard) {
    for (auto at = shard.entries.begin(); at != shard.entries.end();) {
      auto& [aor, entry] = *at;
      if (std::ranges::any_of(entry.bindings, [&](const Binding& binding) { return binding.expires <= now; })) {
        Change change{.aor = aor, .put = {}, .remove = {}, .remove_if_expired_by = now};
        for (const auto& binding : entry.bindings) {
          if (binding.expires <= now) change.remove.push_back(binding.uri);
        }
        shard.apply(entry, change);
        changes.push_back(std::move(change));
      }
      at = entry.idle() ? shard.entries.erase(at) : std::next(at);
    }
  });
  return changes;
}

std::size_t Location::aors() const {
  std::size_t count = 0;
  for (const auto& shard : shards_) count += shard.with([](const Shard& s) { return s.aors; });
  return count;
}

std::size_t Location::bindings() const {
  std::size_t count = 0;
  for (const auto& shard : shards_) count += shard.with([](const Shard& s) { return s.bindings; });
  return count;
}

void Location::for_each(const std::function<void(std::string_view, std::span<const Binding>)>& visit) const {
  for (const auto& shard : shards_) {
    shard.with([&](const Shard& s) {
      for (const auto& [aor, entry] : s.entries) {
        if (!entry.bindings.empty()) visit(aor, entry.bindings);
      }
    });
  }
}

}  // namespace lamplighter::location
