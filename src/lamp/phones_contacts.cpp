#include <algorithm>
#include <cassert>
#include <utility>

#include "lamp/phones.h"

// Who has a phone's keys: registered contacts, and callers that are not.
namespace lamplighter::lamp {
namespace {

// Callers of one phone that are not registered. They are kept only until they are told, so more than a few at once are
// not phones that somebody uses.
constexpr std::size_t kCallers = 10;

// Whether a datagram, or a message on the connection, comes out at the same end.
bool same_way(const Flow& a, const Flow& b) {
  return a.remote == b.remote && a.kind == b.kind && a.connection == b.connection && a.generation == b.generation;
}

bool contains_uri(std::span<const ContactInfo> infos, std::string_view uri) {
  return std::ranges::count(infos, uri, &ContactInfo::uri) > 0;
}

}  // namespace

Phones::Shard::Found Phones::Shard::find(std::uint32_t number) const {
  Phone* const* phone = by_number.find(number);
  if (!phone) return {};
  const auto contact = std::ranges::find((*phone)->contacts, number, &Contact::number);
  assert(contact != (*phone)->contacts.end());
  return {*phone, &*contact};
}

Phones::Contact& Phones::Shard::add_contact(Phone& phone) {
  // The number says which shard it is in. It is given again only when all others have been; and not while in use.
  std::uint32_t number = 0;
  do {
    number = ++last_contact * static_cast<std::uint32_t>(kShards) + index;
  } while (number == 0 || by_number.find(number));
  by_number[number] = &phone;
  Contact& contact = phone.contacts.emplace_back();
  contact.number = number;
  return contact;
}

void Phones::Shard::erase_contact(Phone& phone, const Contact& contact) {
  by_number.erase(contact.number);
  phone.contacts.erase(phone.contacts.begin() + (&contact - phone.contacts.data()));
}

// Until when nothing should be sent this way.
TimePoint Phones::quiet_until(const Phone& phone, const Flow& flow) {
  TimePoint until{};
  for (const auto& left : phone.left) {
    if (same_way(left.flow, flow)) until = std::max(until, left.until);
  }
  return until;
}

// Nothing more is sent to the contact where it is. True: a request was under way, and its worker has to give it up.
bool Phones::leave(Shard& shard, Phone& phone, Contact& contact, TimePoint now) {
  auto& delivery = contact.delivery;
  const bool under_way = delivery.in_flight();
  std::erase_if(phone.left, [now](const Left& left) { return left.until <= now; });
  const auto until = under_way ? now + settings_.timing.linger : delivery.quiet_until();
  if (until > now) phone.left.push_back({contact.flow, until});
  if (under_way) note(shard, phone, contact, delivery.carried(), HistoryEntry::Kind::kAbandoned, {}, now);
  delivery.abandon();
  contact.hurry = false;
  return under_way;
}

// From now on the contact is sent to this way, by this flow's worker. True: see leave().
bool Phones::take_way(Shard& shard, Phone& phone, Contact& contact, const Flow& flow, TimePoint now) {
  bool given_up = false;
  if (!same_way(contact.flow, flow) || contact.flow.worker != flow.worker) {
    given_up = leave(shard, phone, contact, now);
    contact.delivery.keep_quiet(quiet_until(phone, flow));
  }
  contact.flow = flow;
  return given_up;
}

void Phones::remove(Shard& shard, Phone& phone, std::size_t index, std::vector<Wake>& wakes) {
  auto& contact = phone.contacts[index];
  if (leave(shard, phone, contact, clock_.now())) {
    wakes.push_back({contact.flow.worker, contact.number});
  }
  shard.erase_contact(phone, contact);
}

// `bound_now`: contacts that are known to be bound at this moment, `info` one of them.
void Phones::bind(Shard& shard, Phone& phone, const ContactInfo& info, std::span<const ContactInfo> bound_now,
                  std::vector<Wake>& wakes) {
  auto& contacts = phone.contacts;
  const auto now = clock_.now();
  // RFC 5626 §6: the instance names the phone, whatever its URI has become.
  const auto renamed = [&](const Contact& other) {
    return other.registered_now && !info.instance.empty() && other.instance == info.instance && other.uri != info.uri &&
           !contains_uri(bound_now, other.uri);
  };
  auto found = std::ranges::find(contacts, info.uri, &Contact::uri);
  if (found == contacts.end()) found = std::ranges::find_if(contacts, renamed);
  if (found == contacts.end() && info.path.empty()) {
    found = std::ranges::find_if(
        contacts, [&](const Contact& other) { return !other.registered_now && same_way(other.flow, info.flow); });
  }

  const bool is_new = found == contacts.end();
  if (is_new) {
    shard.add_contact(phone).flow = info.flow;
    found = std::prev(contacts.end());
  }
  Contact& contact = *found;
  const bool again =
      contact.expires != info.expires || info.expires == WallTime{} || contact.registered_from != info.flow;
  const bool same_life = !is_new && contact.registered_now && contact.registered == info.registered &&
                         contact.user_agent == info.user_agent && contact.instance == info.instance;
  if (same_life && !again && contact.uri == info.uri) return;  // no news

  const auto old_worker = contact.flow.worker;
  const bool moved = !same_way(contact.flow, info.flow);
  const bool given_up = take_way(shard, phone, contact, info.flow, now);
  if (contact.uri != info.uri) contact.uri = info.uri;
  if (contact.path != info.path) contact.path = info.path;
  contact.expires = info.expires;
  contact.registered_from = info.flow;
  if (same_life) {
    contact.hurry |= contact.delivery.heard(now);
  } else {
    if (!is_new) contact.delivery.reborn(phone.keyboard, moved, now);
    contact.hurry = contact.delivery.in_flight();
    contact.registered_now = true;
    contact.registered = info.registered;
    contact.user_agent = info.user_agent;
    contact.instance = info.instance;
    contact.rule = &rule_of(info.user_agent);
    contact.asked.clear();
  }

  if (given_up) {
    wakes.push_back({old_worker, contact.number});  // next() there hands over
  } else if (contact.hurry || sendable(phone, contact)) {
    wakes.push_back({contact.flow.worker, contact.number});
  }

  // It dialled before it registered, or from its new address: that was this phone.
  auto index = static_cast<std::size_t>(found - contacts.begin());
  const auto was_this = [&](const Contact& other) {
    return !other.registered_now && info.path.empty() && same_way(other.flow, info.flow);
  };
  if (const auto before = std::ranges::find_if(contacts, was_this); before != contacts.end()) {
    for (const auto slot : before->asked) contacts[index].delivery.doubt(slot);
    if (before->hint) contacts[index].hint = std::move(before->hint);
    const auto place = static_cast<std::size_t>(before - contacts.begin());
    remove(shard, phone, place, wakes);
    if (place < index) --index;
  }
  contacts[index].delivery.keep_quiet(quiet_until(phone, info.flow));
}

std::vector<Wake> Phones::bound(std::string_view aor, const ContactInfo& info) {
  return shard_of(aor).with([&](Shard& shard) {
    std::vector<Wake> wakes;
    Phone* phone = shard.find(aor);
    if (!phone) return wakes;
    const auto is_this = [&](const Contact& contact) {
      return contact.registered_now &&
             (contact.uri == info.uri || (!info.instance.empty() && contact.instance == info.instance));
    };
    const auto late = [&](const Contact& contact) { return is_this(contact) && info.registered < contact.registered; };
    if (std::ranges::any_of(phone->contacts, late)) return wakes;
    bind(shard, *phone, info, std::span(&info, 1), wakes);
    for (std::size_t i = phone->contacts.size(); i-- > 0;) {  // what the phone's URI was before
      const auto& contact = phone->contacts[i];
      if (is_this(contact) && contact.uri != info.uri) remove(shard, *phone, i, wakes);
    }
    return wakes;
  });
}

std::vector<Wake> Phones::gone(std::string_view aor, std::string_view uri) {
  return shard_of(aor).with([&](Shard& shard) {
    std::vector<Wake> wakes;
    Phone* phone = shard.find(aor);
    if (!phone) return wakes;
    const auto contact = std::ranges::find_if(
        phone->contacts, [&](const Contact& other) { return other.registered_now && other.uri == uri; });
    if (contact != phone->contacts.end()) {
      remove(shard, *phone, static_cast<std::size_t>(contact - phone->contacts.begin()), wakes);
    }
    return wakes;
  });
}

bool Phones::has(std::string_view aor) const {
  return shard_of(aor).with([&](const Shard& shard) {
    const Phone* phone = shard.find(aor);
    return phone && phone->keyboard.size() > 0;
  });
}

std::vector<Wake> Phones::sync(std::string_view aor, bool make_phone,
                               const std::function<std::vector<ContactInfo>()>& read) {
  return shard_of(aor).with([&](Shard& shard) {
    std::vector<Wake> wakes;
    Phone* phone = shard.find(aor);
    if (!phone && !make_phone) return wakes;
    const auto infos = read();
    if (!phone) {
      if (infos.empty()) return wakes;
      const auto made = make(shard, aor, "");
      if (!made) return wakes;  // change() says so
      phone = *made;
    }
    for (const auto& info : infos) bind(shard, *phone, info, infos, wakes);
    for (std::size_t i = phone->contacts.size(); i-- > 0;) {
      const auto& contact = phone->contacts[i];
      if (contact.registered_now && !contains_uri(infos, contact.uri)) remove(shard, *phone, i, wakes);
    }
    return wakes;
  });
}

// The contact behind a caller. Of registered ones the same URI outranks the address: behind a proxy all phones have
// one. The URI of one that is not registered says less than the address: a press by MESSAGE has no Contact, and every
// port that a phone presses from gives the same.
Phones::Contact* Phones::caller_contact(Shard& shard, Phone& phone, const Caller& caller, std::vector<Wake>& wakes) {
  auto& contacts = phone.contacts;
  const auto rank = [&](const Contact& contact) {
    const bool here = contact.flow.remote == caller.flow.remote && contact.flow.kind == caller.flow.kind;
    const int by_uri = contact.uri != caller.contact ? 0 : contact.registered_now ? 8 : 1;
    return by_uri + (here ? 2 : 0) + (here && contact.registered_now ? 4 : 0);
  };
  const auto best = std::ranges::max_element(contacts, {}, rank);
  if (best != contacts.end() && rank(*best) > 0) {
    Contact& contact = *best;
    const auto old_worker = contact.flow.worker;
    // It is where it calls from, whatever it registered from (PROTOCOL §1), unless there is a proxy in between.
    const bool takes = !contact.registered_now || (contact.path.empty() && contact.flow.kind == caller.flow.kind);
    if (takes && !same_way(contact.flow, caller.flow) && take_way(shard, phone, contact, caller.flow, clock_.now())) {
      wakes.push_back({old_worker, contact.number});
    }
    if (!contact.registered_now) {
      if (contact.uri != caller.contact) contact.uri = caller.contact;
      return &contact;
    }
    if (!takes) return &contact;
    // A stranger at this address was this phone: two contacts there would be two requests at a time.
    const auto was_this = [&](const Contact& other) {
      return !other.registered_now && same_way(other.flow, caller.flow);
    };
    const auto stranger = std::ranges::find_if(contacts, was_this);
    if (stranger == contacts.end()) return &contact;
    const auto number = contact.number;
    remove(shard, phone, static_cast<std::size_t>(stranger - contacts.begin()), wakes);
    auto& self = *std::ranges::find(contacts, number, &Contact::number);
    self.delivery.keep_quiet(quiet_until(phone, caller.flow));
    return &self;
  }

  const ModelRule& rule = rule_of(caller.user_agent);
  if (!rule.deliver) return nullptr;
  const auto is_caller = [](const Contact& contact) { return !contact.registered_now; };
  if (static_cast<std::size_t>(std::ranges::count_if(contacts, is_caller)) >= kCallers) {
    auto victim = std::ranges::find_if(
        contacts, [&](const Contact& contact) { return is_caller(contact) && !contact.delivery.in_flight(); });
    if (victim == contacts.end()) {  // all are being told: the newest makes way
      victim = std::prev(std::ranges::find_if(contacts.rbegin(), contacts.rend(), is_caller).base());
    }
    remove(shard, phone, static_cast<std::size_t>(victim - contacts.begin()), wakes);
  }
  Contact& contact = shard.add_contact(phone);
  contact.registered_now = false;
  contact.rule = &rule;
  contact.uri = caller.contact;
  contact.user_agent = caller.user_agent;
  contact.registered = clock_.wall();
  contact.flow = caller.flow;
  contact.delivery.keep_quiet(quiet_until(phone, caller.flow));
  return &contact;
}

std::expected<Change, KeyboardError> Phones::dialled(std::string_view aor, const Edit& edit, const Origin& origin,
                                                     const Caller& caller, std::vector<Wake>& wakes) {
  wakes.clear();
  const auto now = clock_.wall();
  return shard_of(aor).with([&](Shard& shard) -> std::expected<Change, KeyboardError> {
    Phone* phone = shard.find(aor);
    auto reuse = check(phone, aor, std::span(&edit, 1), /*replace=*/false);
    if (!reuse) {
      forget_if_empty(shard, aor);
      return std::unexpected(std::move(reuse.error()));
    }
    if (!phone) {
      if (edit.kind == Edit::Kind::kClear) return Change{std::string(aor), KeyName(edit.name), {}, 0, false};
      const auto made = make(shard, aor, edit.name);
      if (!made) return std::unexpected(made.error());
      phone = *made;
    }
    auto change = apply(shard, *phone, aor, edit, origin, now, *reuse);
    const auto slot = phone->keyboard.find(edit.name);
    if (!slot) {
      forget_if_empty(shard, aor);
      return change;
    }

    Contact* contact = caller_contact(shard, *phone, caller, wakes);
    if (!contact || !contact->rule->deliver) return change;
    auto& delivery = contact->delivery;
    contact->hurry |= delivery.heard(clock_.now());
    // Decision 005: dialling a code again sends again, unless the very same state is on its way.
    const bool on_its_way =
        !delivery.stale() && std::ranges::count(delivery.carried(), change.version, &Delivery::Carried::version) > 0;
    if (!on_its_way) {
      if (!change.changed) delivery.doubt(*slot);
      if (!contact->registered_now && std::ranges::count(contact->asked, *slot) == 0) contact->asked.push_back(*slot);
      contact->hint = std::make_unique<Hint>(caller.hint);
    }
    // What changed waits for the store: settled() wakes everybody.
    if (!change.changed && (contact->hurry || sendable(*phone, *contact))) {
      wakes.push_back({contact->flow.worker, contact->number});
    }
    return change;
  });
}

}  // namespace lamplighter::lamp
