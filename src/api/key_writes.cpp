#include "api/key_writes.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <boost/json/array.hpp>
#include <unordered_map>

#include "api/phone_json.h"

namespace lamplighter::api {
namespace {

using lamp::DeliveryState;

Response problem_of(const lamp::KeyboardError& error, bool whole) {
  using Kind = lamp::KeyboardError::Kind;
  auto field = whole && !error.name.empty() ? "keys." + error.name : std::string(whole ? "keys" : "key");
  switch (error.kind) {
    case Kind::kValue: return problem(Fault{std::move(field), error.what, 400});
    case Kind::kName:  // well-formed, so no key of this phone
    case Kind::kTooManyKeys: return problem(Fault{std::move(field), error.what, 422});
    case Kind::kNotSet: return problem(Fault{std::move(field), error.what, 409});
    case Kind::kTooManyPhones: return problem(Fault{"phone", error.what, 503});
  }
  return problem(500, error.what);
}

constexpr lamp::ContactKeyView kConfirmed{DeliveryState::kConfirmed, 0, 0, {}};

/// How far one contact has come with one version of one key.
lamp::ContactKeyView reached(const lamp::ContactKeyView* key, std::uint64_t version) {
  // A key that is no longer listed was cleared, and everyone has confirmed that.
  if (!key || key->confirmed >= version) return kConfirmed;
  return *key;
}

}  // namespace

KeyWrites::KeyWrites(HttpServer& server, service::LampDesk& desk, const lamp::Phones& phones, std::size_t max_waits)
    : server_(server), desk_(desk), phones_(phones), max_waits_(max_waits), post_(server.poster()) {}

KeyWrites::~KeyWrites() {
  for (const auto& [number, write] : writes_) {
    if (write.watch) desk_.unwatch(*write.watch);
  }
}

void KeyWrites::write(const Order& order, Answer answer) {
  if (order.wait && waits_ >= max_waits_) {
    auto response = problem(Fault{"wait", fmt::format("{} requests wait for phones already", waits_), 503});
    response.headers.emplace_back("Retry-After", "1");
    return answer(std::move(response));
  }
  const auto number = ++last_;
  // Before the change is made: what happens from now on is not missed.
  std::optional<std::uint64_t> watching;
  if (order.wait) watching = watch(order.aor, number);

  auto changes = desk_.change(order.aor, order.edits, order.origin, order.whole,
                              [post = post_, self = weak_from_this(), number](std::expected<void, std::string> result) {
                                post([self, number, result = std::move(result)] {
                                  if (auto writes = self.lock()) writes->stored(number, result);
                                });
                              });
  if (!changes) {
    if (watching) desk_.unwatch(*watching);
    return answer(problem_of(changes.error(), order.whole));
  }

  Write write{.answer = std::move(answer),
              .aor = order.aor,
              .whole = order.whole,
              .changed = std::ranges::any_of(*changes, &lamp::Change::changed),
              .keys = {},
              .waiting = order.wait.has_value(),
              .watch = watching,
              .timer = {}};
  for (auto& change : *changes) write.keys.emplace_back(std::move(change.name), change.version);
  std::ranges::sort(write.keys, lamp::name_before, &std::pair<lamp::KeyName, std::uint64_t>::first);
  if (order.wait) {
    ++waits_;
    write.timer = server_.after(*order.wait, [self = weak_from_this(), number] {
      if (auto writes = self.lock()) writes->time_up(number);
    });
  }
  writes_.emplace(number, std::move(write));
}

/// Many outcomes in a row are looked at once.
std::uint64_t KeyWrites::watch(const std::string& aor, std::uint64_t number) {
  auto posted = std::make_shared<std::atomic<bool>>(false);
  return desk_.watch(aor, [post = post_, self = weak_from_this(), number, posted] {
    if (posted->exchange(true)) return;
    post([self, number, posted] {
      posted->store(false);
      if (auto writes = self.lock()) writes->look(number);
    });
  });
}

void KeyWrites::stored(std::uint64_t number, const std::expected<void, std::string>& result) {
  const auto found = writes_.find(number);
  if (found == writes_.end()) return;
  if (!result) {
    return finish(number, problem(503, fmt::format("the change is in force but could not be stored: {}. It will be "
                                                   "stored as soon as possible; a restart before that loses it",
                                                   result.error())));
  }
  found->second.stored = true;
  look(number);
}

void KeyWrites::time_up(std::uint64_t number) {
  const auto found = writes_.find(number);
  if (found == writes_.end()) return;
  found->second.waiting = false;  // but for the store, whose answer cannot be left out
  found->second.timer.reset();
  look(number);
}

void KeyWrites::look(std::uint64_t number) {
  const auto found = writes_.find(number);
  if (found == writes_.end() || !found->second.stored) return;
  auto state = progress(found->second);
  if (found->second.waiting && !state.settled) return;
  finish(number, json(state.document));
}

void KeyWrites::finish(std::uint64_t number, Response response) {
  auto write = std::move(writes_.extract(number).mapped());
  if (write.timer) server_.cancel(*write.timer);
  if (write.watch) {
    desk_.unwatch(*write.watch);
    --waits_;
  }
  write.answer(std::move(response));
}

KeyWrites::Progress KeyWrites::progress(const Write& write) const {
  const auto view = phones_.view(write.aor).value_or(lamp::PhoneView{});
  std::unordered_map<std::string_view, std::size_t> places;
  for (std::size_t i = 0; i < view.keys.size(); ++i) places.emplace(view.keys[i].name, i);

  bool settled = true;
  bool confirmed = true;
  boost::json::array contacts;
  for (const auto& contact : view.contacts) {
    if (!contact.deliver || !contact.is_registered) continue;
    auto worst = kConfirmed;
    for (const auto& [name, version] : write.keys) {
      const auto place = places.find(name);
      const auto key = reached(place == places.end() ? nullptr : &contact.keys.at(place->second), version);
      settled = settled && (key.state == DeliveryState::kConfirmed || key.state == DeliveryState::kRefused);
      if (key.state != worst.state && worse(worst.state, key.state) == key.state) worst = key;
    }
    confirmed = confirmed && worst.state == DeliveryState::kConfirmed;
    boost::json::object document{{"contact", contact.uri}, {"state", lamp::name_of(worst.state)}};
    if (worst.status != 0) document["status"] = worst.status;
    contacts.push_back(std::move(document));
  }

  boost::json::object document{{"phone", write.aor}};
  if (write.whole) {
    boost::json::array names;
    for (const auto& [name, version] : write.keys) names.emplace_back(name);
    document["keys"] = std::move(names);
  } else {
    document["key"] = write.keys.front().first;
    document["version"] = write.keys.front().second;
  }
  document["changed"] = write.changed;
  document["confirmed"] = confirmed && !contacts.empty();
  document["contacts"] = std::move(contacts);
  return {settled, std::move(document)};
}

}  // namespace lamplighter::api
