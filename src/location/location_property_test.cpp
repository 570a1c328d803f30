// Random REGISTER histories against a model that does the same in the plainest way.

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <optional>

#include "location/location.h"

namespace lamplighter::location {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kLimit = 4;
constexpr std::string_view kAor = "101@example.com";

bool same_uri(std::string_view a, std::string_view b) {
  return std::ranges::equal(
      a, b, {}, [](unsigned char c) { return std::tolower(c); }, [](unsigned char c) { return std::tolower(c); });
}

struct Contact {
  std::string uri;
  std::string instance;
  std::uint32_t reg_id = 0;
  int expires = 0;
};

struct Step {
  std::string call_id;
  std::uint32_t cseq = 0;
  std::string user_agent;
  bool wildcard = false;
  std::vector<Contact> contacts;
  int wait = 0;         // seconds before it
  bool sweep = false;   // expiry runs before it
  std::size_t lag = 0;  // settled only after this many later steps
};

std::ostream& operator<<(std::ostream& out, const Step& step) {
  out << "+" << step.wait << "s " << step.call_id << "/" << step.cseq << " " << step.user_agent
      << (step.wildcard ? " *" : "");
  for (const auto& c : step.contacts) {
    out << " <" << c.uri << ">" << c.instance << "/" << c.reg_id << ";expires=" << c.expires;
  }
  return out << (step.sweep ? " sweep" : "") << " lag " << step.lag << "\n";
}

rc::Gen<Contact> any_contact() {
  // Few of each, so that histories collide.
  return rc::gen::build<Contact>(
      rc::gen::set(&Contact::uri,
                   rc::gen::element<std::string>("sip:1@h", "sip:1@H", "sip:2@h", "sip:3@h", "sip:4@h", "sip:5@h")),
      rc::gen::set(&Contact::instance, rc::gen::element<std::string>("", "", "<i>", "<j>")),
      rc::gen::set(&Contact::reg_id, rc::gen::element<std::uint32_t>(0, 0, 1)),
      rc::gen::set(&Contact::expires, rc::gen::element(0, 60, 60, 300)));
}

rc::Gen<Step> any_step() {
  return rc::gen::build<Step>(
      rc::gen::set(&Step::call_id, rc::gen::element<std::string>("a", "b", "c")),
      rc::gen::set(&Step::cseq, rc::gen::inRange<std::uint32_t>(1, 8)),
      rc::gen::set(&Step::user_agent, rc::gen::element<std::string>("old", "old", "old", "new")),
      rc::gen::set(&Step::wildcard, rc::gen::map(rc::gen::inRange(0, 12), [](int i) { return i == 0; })),
      rc::gen::set(&Step::contacts,
                   rc::gen::mapcat(rc::gen::inRange<std::size_t>(0, 4),
                                   [](auto n) { return rc::gen::container<std::vector<Contact>>(n, any_contact()); })),
      rc::gen::set(&Step::wait, rc::gen::element(0, 1, 30, 31, 32, 61)), rc::gen::set(&Step::sweep),
      rc::gen::set(&Step::lag, rc::gen::inRange<std::size_t>(0, 3)));
}

// What RFC 3261 §10.3 and the header of Location say, one contact after another on a copy that is thrown away on
// refusal.
struct Model {
  struct Row {
    Contact contact;
    std::string call_id;
    std::uint32_t cseq;
    std::string user_agent;
    WallTime registered, refreshed, expires;
    bool from_this_request = false;
  };
  std::vector<Row> rows;

  std::optional<Refusal> take(const Step& step, WallTime now) {
    std::vector<Row> next;
    for (auto row : rows) {
      row.from_this_request = false;
      if (row.expires > now) next.push_back(row);
    }
    const auto late = [&](const Row& row) {
      return !row.from_this_request && row.call_id == step.call_id && step.cseq <= row.cseq &&
             now < row.refreshed + 32s;
    };
    if (step.wildcard) {
      if (std::ranges::any_of(next, late)) return Refusal::kOutOfOrder;
      rows.clear();
      return {};
    }
    const auto before = next;
    for (const auto& contact : step.contacts) {
      const auto same = [&](const Row& row) {
        return same_uri(row.contact.uri, contact.uri) ||
               (!contact.instance.empty() && row.contact.instance == contact.instance &&
                row.contact.reg_id == contact.reg_id);
      };
      // Order is judged against what was bound when the request came.
      for (const auto& row : before) {
        if (same(row) && late(row)) return Refusal::kOutOfOrder;
      }
      auto registered = now;
      for (const auto& row : before) {
        if (!same_uri(row.contact.uri, contact.uri)) continue;
        const bool same_life = row.call_id == step.call_id && row.cseq < step.cseq &&
                               row.user_agent == step.user_agent && row.contact.instance == contact.instance;
        registered = same_life ? row.registered : std::max(now, row.registered + 1ms);
      }
      std::erase_if(next, same);
      if (contact.expires > 0) {
        next.push_back({contact, step.call_id, step.cseq, step.user_agent, registered, now,
                        now + std::chrono::seconds(contact.expires), true});
      }
    }
    if (next.size() > kLimit && next.size() > before.size()) return Refusal::kTooManyContacts;
    rows = next;
    return {};
  }
};

struct Request {
  explicit Request(const Step& step) {
    for (const auto& c : step.contacts) {
      contacts.push_back({.uri = c.uri,
                          .instance = c.instance,
                          .reg_id = c.reg_id,
                          .q = 1000,
                          .expires = std::chrono::seconds(c.expires)});
    }
    request.aor = kAor;
    request.call_id = step.call_id;
    request.cseq = step.cseq;
    request.user_agent = step.user_agent;
    request.wildcard = step.wildcard;
    request.contacts = contacts;
  }
  std::vector<RequestedContact> contacts;
  RegisterRequest request;
};

void check_same(const Location& location, const Model& model, WallTime now) {
  std::vector<Binding> found;
  location.lookup(kAor, now, found);
  std::map<std::string, std::tuple<std::string, std::uint32_t, WallTime, WallTime, WallTime>> got, want;
  for (const auto& b : found) got[b.uri] = {b.call_id, b.cseq, b.registered, b.refreshed, b.expires};
  for (const auto& r : model.rows) {
    if (r.expires > now) want[r.contact.uri] = {r.call_id, r.cseq, r.registered, r.refreshed, r.expires};
  }
  RC_ASSERT(got == want);
  RC_ASSERT(found.size() == got.size());
  RC_ASSERT(found.size() <= kLimit);
  for (const auto& b : found) {
    RC_ASSERT(b.expires > now);
    const auto same = std::ranges::count_if(found, [&](const Binding& o) {
      return same_uri(o.uri, b.uri) || (!b.instance.empty() && o.instance == b.instance && o.reg_id == b.reg_id);
    });
    RC_ASSERT(same == 1);  // one binding a phone
  }
}

void sweep(Location& location, WallTime now) {
  for (int i = 0; i < 64; ++i) location.expire(now);
}

RC_GTEST_PROP(LocationProperty, EveryHistoryEndsAsTheModelSays, ()) {
  const auto history = *rc::gen::container<std::vector<Step>>(any_step());
  Location location{{.contacts_per_aor = kLimit}, same_uri};
  Model model;
  WallTime now{1'700'000'000'000ms};
  for (const auto& step : history) {
    now += std::chrono::seconds(step.wait);
    if (step.sweep) sweep(location, now);
    const Request request(step);
    const auto change = location.plan(request.request, now);
    const auto refusal = model.take(step, now);
    RC_ASSERT(change.has_value() == !refusal.has_value());
    if (change) {
      location.apply(*change);
    } else {
      RC_ASSERT(change.error() == *refusal);
    }
    check_same(location, model, now);
  }
}

// The same verdicts although the store takes its time, and the same end once it has answered.
RC_GTEST_PROP(LocationProperty, ASlowStoreChangesNoVerdict, ()) {
  const auto history = *rc::gen::container<std::vector<Step>>(any_step());
  Location location{{.contacts_per_aor = kLimit}, same_uri};
  Model model;
  WallTime now{1'700'000'000'000ms};
  std::vector<std::pair<std::size_t, std::uint64_t>> waiting;  // due at step, ticket; settled in order
  const auto settle_until = [&](std::size_t at) {
    while (!waiting.empty() && waiting.front().first <= at) {
      location.settle(kAor, waiting.front().second, true);
      waiting.erase(waiting.begin());
    }
  };
  for (std::size_t i = 0; i < history.size(); ++i) {
    const auto& step = history[i];
    // Never twice in one millisecond: what is being removed still counts for the lives after it, and the model has
    // forgotten it.
    now += std::chrono::seconds(step.wait) + 1ms;
    if (step.sweep) sweep(location, now);
    settle_until(i);
    const Request request(step);
    const auto reserved = location.reserve(request.request, now);
    const auto refusal = model.take(step, now);
    RC_ASSERT(reserved.has_value() == !refusal.has_value());
    if (reserved && reserved->ticket) waiting.emplace_back(i + step.lag, reserved->ticket);
  }
  settle_until(history.size() + 10);
  check_same(location, model, now);
  sweep(location, now + 24h);
  RC_ASSERT(location.aors() == 0u);
  RC_ASSERT(location.bindings() == 0u);
}

// A store that takes a refresh at its word: CSeq and times of the binding that is on record, nothing else. Changes may
// fail; sweeps go to the store after what was queued before them. In the end the same is on record as is bound.
struct Record {
  std::map<std::string, Binding> bindings;

  void take(const Change& change) {
    for (const auto& uri : change.remove) {
      const auto found = bindings.find(uri);
      if (found != bindings.end() && found->second.expires <= change.remove_if_expired_by) bindings.erase(found);
    }
    for (const auto& put : change.put) {
      if (!change.refresh) {
        bindings.insert_or_assign(put.uri, put);
        continue;
      }
      const auto found = bindings.find(put.uri);
      if (found == bindings.end() || found->second.registered != put.registered) continue;
      auto& bound = found->second;
      if (bound.cseq >= put.cseq) continue;
      bound.cseq = put.cseq;
      bound.refreshed = put.refreshed;
      bound.expires = put.expires;
    }
  }
};

RC_GTEST_PROP(LocationProperty, WhatIsOnRecordIsWhatIsBound, ()) {
  const auto history = *rc::gen::container<std::vector<Step>>(any_step());
  Location location{{.contacts_per_aor = kLimit}, same_uri};
  Record record;
  WallTime now{1'700'000'000'000ms};
  struct Waiting {
    std::size_t due;
    Change change;
    std::uint64_t ticket;
    bool fails;
  };
  std::vector<Waiting> waiting;
  const auto settle_until = [&](std::size_t at) {
    while (!waiting.empty() && waiting.front().due <= at) {
      const auto& next = waiting.front();
      if (!next.fails) record.take(next.change);
      if (next.ticket != 0) location.settle(kAor, next.ticket, !next.fails);
      waiting.erase(waiting.begin());
    }
  };
  const auto sweep_at = [&](std::size_t at) {
    for (int i = 0; i < 64; ++i) {
      for (auto& change : location.expire(now)) waiting.push_back({at, std::move(change), 0, false});
    }
  };
  std::size_t refreshes = 0;
  for (std::size_t i = 0; i < history.size(); ++i) {
    const auto& step = history[i];
    now += std::chrono::seconds(step.wait) + 1ms;
    settle_until(i);
    if (step.sweep) sweep_at(i + step.lag);
    Request request(step);
    const std::string path = step.cseq % 4 == 0 ? "<sip:edge;lr>" : "";
    request.request.path = path;
    request.request.flow.remote.port = step.lag == 2 ? 4444 : 5555;
    auto reserved = location.reserve(request.request, now);
    if (!reserved || reserved->ticket == 0) continue;
    if (reserved->change.refresh) ++refreshes;
    waiting.push_back({i + step.lag, std::move(reserved->change), reserved->ticket, step.cseq == 7 && step.wait == 1});
  }
  settle_until(history.size() + 10);
  RC_CLASSIFY(refreshes > 0, "with refreshes");
  sweep_at(0);
  settle_until(history.size() + 10);
  std::vector<Binding> bound;
  location.lookup(kAor, now, bound);
  RC_ASSERT(bound.size() == record.bindings.size());
  for (const auto& binding : bound) RC_ASSERT(record.bindings[binding.uri] == binding);
}

}  // namespace
}  // namespace lamplighter::location
