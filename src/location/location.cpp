#include "location/location.h"

#include <algorithm>
#include <utility>

namespace lamplighter::location {

namespace {

// The difference between the lives of a phone that boots faster than the clock ticks.
constexpr std::chrono::milliseconds kTick{1};

// What will be bound once everything on its way to the store has been committed.
using Expected = std::vector<BindingView>;

template <typename F>
void for_each_packed(std::string_view packed, F&& visit) {
  for (const auto* at = packed.data(); at != packed.data() + packed.size();) {
    const auto one = Packed::at(at);
    at = one.end();
    visit(one);
  }
}

void drop(Expected& expected, std::string_view uri, WallTime if_expired_by) {
  std::erase_if(expected,
                [&](const BindingView& binding) { return binding.uri == uri && binding.expires <= if_expired_by; });
}

void add(Expected& expected, std::string_view packed, const SharedTexts& texts) {
  for_each_packed(packed, [&](Packed one) { expected.push_back(one.view(texts)); });
}

// RFC 3261 §10.3 step 7: within one Call-ID the CSeq must grow, as long as copies of older requests may be under way.
// Workers read the clock before they get here, so `now` may lie a little before the binding's; far before it only when
// the clock was set back, and then nothing is known: better a lamp lit again than a phone locked out.
bool out_of_order(const BindingView& bound, const RegisterRequest& request, std::chrono::milliseconds stray,
                  WallTime now) {
  return bound.call_id == request.call_id && request.cseq <= bound.cseq &&
         std::chrono::abs(now - bound.refreshed) < stray;
}

// Whether the phone is still in the life in which it registered before; else it has forgotten its lamps (PROTOCOL §5).
bool same_life(const BindingView& bound, const RegisterRequest& request, const RequestedContact& contact) {
  return bound.call_id == request.call_id && request.cseq > bound.cseq && bound.user_agent == request.user_agent &&
         bound.instance == contact.instance;
}

// RFC 5626 §6: the instance and reg-id name the phone's flow, whatever its URI has become.
template <typename AnyBinding>
bool same_instance(const AnyBinding& binding, std::string_view instance, std::uint32_t reg_id) {
  return !instance.empty() && binding.instance == instance && binding.reg_id == reg_id;
}

// Whether there is nothing about the binding that the store does not know, but its CSeq and times.
bool is_refresh(const BindingView& bound, const RegisterRequest& request, const RequestedContact& contact) {
  return bound.uri == contact.uri && bound.reg_id == contact.reg_id && bound.path == request.path &&
         bound.q == contact.q && bound.flow == request.flow && !bound.moved && same_life(bound, request, contact);
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

const Guarded<Location::Shard>& Location::shard_of(std::size_t hash) const {
  return shards_[(hash >> 48) % kShards];  // high bits: the lower ones choose the slot inside the shard
}

Guarded<Location::Shard>& Location::shard_of(std::size_t hash) {
  return const_cast<Guarded<Shard>&>(std::as_const(*this).shard_of(hash));
}

const std::vector<Location::InFlight>* Location::Shard::in_flight_of(std::string_view aor) const {
  if (in_flight.empty()) return nullptr;
  const auto found = in_flight.find(aor);
  return found == in_flight.end() ? nullptr : &found->second;
}

std::expected<Change, Refusal> Location::plan(const RegisterRequest& request, WallTime now) const {
  const auto hash = Hash{}(request.aor);
  return shard_of(hash).with([&](const Shard& shard) { return plan(shard, hash, request, now); });
}

// Later than any life of this URI that is known here. Expired ones and those on their way out count as well: what is
// recorded about them may outlive them a little.
WallTime Location::Shard::after_lives_of(std::string_view aor, std::size_t hash, std::string_view uri) const {
  auto after = WallTime::min();
  const auto see = [&](Packed one) {
    if (one.uri() == uri) after = std::max(after, one.view(texts).registered + kTick);
  };
  if (const auto packed = bound.find(aor, hash)) for_each_packed(*packed, see);
  if (const auto* changes = in_flight_of(aor)) {
    for (const auto& change : *changes) for_each_packed(change.put, see);
  }
  return after;
}

std::expected<Change, Refusal> Location::plan(const Shard& shard, std::size_t hash, const RegisterRequest& request,
                                              WallTime now) const {
  Expected bound;
  if (const auto packed = shard.bound.find(request.aor, hash)) add(bound, *packed, shard.texts);
  const auto* changes = shard.in_flight_of(request.aor);
  if (changes) {
    for (const auto& change : *changes) {
      for (const auto& uri : change.remove) drop(bound, uri, change.remove_if_expired_by);
      for_each_packed(change.put, [&](Packed put) { drop(bound, put.uri(), WallTime::max()); });
      add(bound, change.put, shard.texts);
    }
  }
  std::erase_if(bound, [&](const BindingView& binding) { return binding.expires <= now; });

  Change change{.aor = std::string(request.aor), .put = {}, .remove = {}};
  if (request.wildcard) {  // §10.3 step 6
    for (const auto& binding : bound) {
      if (out_of_order(binding, request, limits_.stray, now)) return std::unexpected(Refusal::kOutOfOrder);
      change.remove.emplace_back(binding.uri);
    }
    return change;
  }

  // §10.3 step 7: all or nothing, so nothing is touched before every contact has passed.
  std::vector<bool> gone(bound.size());
  bool refresh = !changes;  // whether what is in flight will be on record nobody knows yet
  for (const auto& contact : request.contacts) {
    const BindingView* same = nullptr;
    for (std::size_t i = 0; i < bound.size(); ++i) {
      const auto& binding = bound[i];
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
    refresh = refresh && same && is_refresh(*same, request, contact);
    auto registered = now;
    if (same && same_life(*same, request, contact)) {
      registered = same->registered;
    } else {
      if (same) registered = std::max(registered, same->registered + kTick);
      registered = std::max(registered, shard.after_lives_of(request.aor, hash, contact.uri));
    }
    change.put.push_back(bind(request, contact, registered, now));
  }
  std::size_t kept = 0;
  for (std::size_t i = 0; i < bound.size(); ++i) {
    if (!gone[i]) {
      ++kept;
      continue;
    }
    const auto uri = bound[i].uri;
    if (std::ranges::none_of(change.put, [&](const Binding& put) { return put.uri == uri; })) {
      change.remove.emplace_back(uri);
    }
  }
  // Phones that are already in may refresh even after the administrator has lowered the limit: only growing is refused.
  const auto total = kept + change.put.size();
  if (total > limits_.contacts_per_aor && total > bound.size()) {
    return std::unexpected(Refusal::kTooManyContacts);
  }
  change.refresh = refresh && change.remove.empty() && !change.put.empty();
  return change;
}

std::string Location::Shard::pack(std::span<const Binding> all) {
  std::string packed;
  for (const auto& binding : all) location::pack(view_of(binding), texts, packed);
  return packed;
}

void Location::Shard::apply(std::string_view aor, std::size_t hash, std::string_view put, Removals remove,
                            WallTime if_expired_by) {
  kept_.clear();
  const auto before = bound.find(aor, hash);
  if (before) for_each_packed(*before, [&](Packed one) { kept_.push_back(one); });
  const auto had = kept_.size();
  for (const auto& uri : remove) {
    std::erase_if(kept_, [&](Packed one) {
      if (one.uri() != uri || one.view(texts).expires > if_expired_by) return false;
      one.unshare(texts);
      return true;
    });
  }
  for_each_packed(put, [&](Packed fresh) {
    first_expiry = std::min(first_expiry, fresh.view(texts).expires);
    const auto same = std::ranges::find(kept_, fresh.uri(), &Packed::uri);
    if (same == kept_.end()) return kept_.push_back(fresh);
    same->unshare(texts);
    *same = fresh;
  });
  bindings += kept_.size() - had;
  if (kept_.empty()) {
    if (before) bound.erase(aor, hash);
    return;
  }
  value_.clear();
  for (const auto& one : kept_) value_ += one.bytes;
  bound.set(aor, hash, value_);
}

void Location::apply(const Change& change) {
  const auto hash = Hash{}(change.aor);
  shard_of(hash).with([&](Shard& shard) {
    shard.apply(change.aor, hash, shard.pack(change.put), change.remove, change.remove_if_expired_by);
  });
}

void Location::restore(std::string_view aor, const Binding& binding, bool moved) {
  const auto hash = Hash{}(aor);
  auto view = view_of(binding);
  view.moved = moved;
  shard_of(hash).with([&](Shard& shard) {
    shard.added.clear();
    location::pack(view, shard.texts, shard.added);
    shard.apply(aor, hash, shard.added, {}, WallTime::max());
  });
}

std::expected<Location::Reservation, Refusal> Location::reserve(const RegisterRequest& request, WallTime now) {
  const auto hash = Hash{}(request.aor);
  return shard_of(hash).with([&](Shard& shard) -> std::expected<Reservation, Refusal> {
    auto change = plan(shard, hash, request, now);
    if (!change) return std::unexpected(change.error());
    if (change->empty()) return Reservation{.change = std::move(*change)};

    const auto ticket = ++shard.last_ticket;
    shard.in_flight[change->aor].push_back({.ticket = ticket,
                                            .put = shard.pack(change->put),
                                            .remove = change->remove,
                                            .remove_if_expired_by = change->remove_if_expired_by});
    return Reservation{.change = std::move(*change), .ticket = ticket};
  });
}

void Location::settle(std::string_view aor, std::uint64_t ticket, bool durable) {
  const auto hash = Hash{}(aor);
  shard_of(hash).with([&](Shard& shard) {
    const auto found = shard.in_flight.find(aor);
    if (found == shard.in_flight.end()) return;
    auto& changes = found->second;
    const auto mine = std::ranges::find(changes, ticket, &InFlight::ticket);
    if (mine == changes.end()) return;
    if (durable) {
      shard.apply(aor, hash, mine->put, mine->remove, mine->remove_if_expired_by);
    } else {
      for_each_packed(mine->put, [&](Packed one) { one.unshare(shard.texts); });
    }
    changes.erase(mine);
    if (changes.empty()) shard.in_flight.erase(found);
  });
}

// The same bindings; those over this flow have none any more.
std::string Location::Shard::without_flow(std::string_view packed, const Flow& flow) {
  std::string out;
  for_each_packed(packed, [&](Packed one) {
    auto binding = one.view(texts);
    if (binding.flow == flow) binding.flow.connection = binding.flow.generation = 0;
    location::pack(binding, texts, out);
    one.unshare(texts);
  });
  return out;
}

void Location::flow_gone(std::string_view aor, const Flow& flow) {
  const auto hash = Hash{}(aor);
  shard_of(hash).with([&](Shard& shard) {
    if (const auto packed = shard.bound.find(aor, hash)) shard.bound.set(aor, hash, shard.without_flow(*packed, flow));
    const auto waiting = shard.in_flight.find(aor);
    if (waiting == shard.in_flight.end()) return;
    for (auto& change : waiting->second) change.put = shard.without_flow(change.put, flow);
  });
}

void Location::lookup(std::string_view aor, WallTime now, std::vector<Binding>& out) const {
  std::size_t count = 0;
  const auto hash = Hash{}(aor);
  shard_of(hash).with([&](const Shard& shard) {
    const auto packed = shard.bound.find(aor, hash);
    if (!packed) return;
    // Written over what the caller's vector held, so that its strings are reused.
    for_each_packed(*packed, [&](Packed one) {
      const auto binding = one.view(shard.texts);
      if (binding.expires <= now) return;
      if (count == out.size()) out.emplace_back();
      binding.copy_to(out[count++]);
    });
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
    // Most phones refresh in time: what was to expire first is a bound that is worked out anew only when it is reached.
    if (now < shard.first_expiry) return;
    auto first = WallTime::max();
    shard.bound.for_each([&](std::string_view aor, std::string_view packed) {
      // Those wait for the next round: a refresh on its way to the store must find its binding on record.
      if (shard.in_flight_of(aor)) {
        first = now;
        return;
      }
      Change change{.aor = {}, .put = {}, .remove = {}, .remove_if_expired_by = now};
      for_each_packed(packed, [&](Packed one) {
        const auto binding = one.view(shard.texts);
        if (binding.expires <= now) {
          change.remove.emplace_back(binding.uri);
        } else {
          first = std::min(first, binding.expires);
        }
      });
      if (change.remove.empty()) return;
      change.aor = aor;
      changes.push_back(std::move(change));
    });
    for (const auto& change : changes) shard.apply(change.aor, Hash{}(change.aor), {}, change.remove, now);
    shard.first_expiry = first;
  });
  return changes;
}

std::size_t Location::aors() const {
  std::size_t count = 0;
  for (const auto& shard : shards_) count += shard.with([](const Shard& s) { return s.bound.size(); });
  return count;
}

std::size_t Location::bindings() const {
  std::size_t count = 0;
  for (const auto& shard : shards_) count += shard.with([](const Shard& s) { return s.bindings; });
  return count;
}

void Location::for_each(const std::function<void(std::string_view, std::span<const Binding>)>& visit) const {
  std::vector<Binding> bindings;
  for (const auto& shard : shards_) {
    shard.with([&](const Shard& s) {
      s.bound.for_each([&](std::string_view aor, std::string_view packed) {
        std::size_t count = 0;
        for_each_packed(packed, [&](Packed one) {
          if (count == bindings.size()) bindings.emplace_back();
          one.view(s.texts).copy_to(bindings[count++]);
        });
        visit(aor, std::span(bindings).first(count));
      });
    });
  }
}

}  // namespace lamplighter::location
