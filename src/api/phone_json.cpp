#include "api/phone_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/value.hpp>

#include "api/key_json.h"
#include "lamp/model.h"

namespace lamplighter::api {
namespace {

namespace json = boost::json;
using lamp::DeliveryState;

const location::Binding* binding_of(const PhoneFacts& facts, std::string_view uri) {
  const auto found = std::ranges::find(facts.bindings, uri, &location::Binding::uri);
  return found == facts.bindings.end() ? nullptr : &*found;
}

json::object contact_document(std::string_view uri, std::string_view model, std::string_view user_agent,
                              const Flow& flow) {
  json::object document{{"contact", uri},
                        {"model", model},
                        {"user_agent", user_agent},
                        {"address", flow.remote.to_string()},
                        {"transport", name_of(flow.kind)}};
  if (is_reliable(flow.kind)) document["connected"] = !is_gone(flow);
  return document;
}

void add_registration(json::object& document, const location::Binding& binding, WallTime now) {
  document["registered_at"] = time_text(binding.registered);
  const auto left = std::chrono::floor<std::chrono::seconds>(binding.expires - now);
  document["expires_in"] = std::max<std::int64_t>(left.count(), 0);
}

/// Every contact: those that have keys to be told of, and those that are only registered.
json::array contacts_of(const PhoneFacts& facts) {
  json::array contacts;
  for (const auto& contact : facts.view.contacts) {
    auto document = contact_document(contact.uri, contact.model, contact.user_agent, contact.flow);
    if (const auto* binding = binding_of(facts, contact.uri)) add_registration(document, *binding, facts.now);
    document["delivering"] = contact.deliver;
    document["in_flight"] = contact.in_flight;
    if (contact.next_try) document["next_try"] = time_text(*contact.next_try);
    contacts.push_back(std::move(document));
  }
  for (const auto& binding : facts.bindings) {
    const auto& all = facts.view.contacts;
    if (std::ranges::find(all, binding.uri, &lamp::ContactView::uri) != all.end()) continue;
    const auto& model = lamp::model_of_user_agent(binding.user_agent);
    auto document = contact_document(binding.uri, model.name, binding.user_agent, binding.flow);
    add_registration(document, binding, facts.now);
    document["delivering"] = model.x_buttons || &model == &lamp::models().back();
    document["in_flight"] = false;
    contacts.push_back(std::move(document));
  }
  return contacts;
}

json::object delivery_document(const lamp::ContactView& contact, const lamp::ContactKeyView& key) {
  json::object document{{"contact", contact.uri}, {"state", lamp::name_of(key.state)}};
  if (key.status != 0) document["status"] = key.status;
  document["shows"] = key.confirmed == 0 ? json::value(nullptr) : json::value(json_of(key.look));
  return document;
}

/// `index` none: the view no longer has the key, so that every contact has confirmed it dark.
json::object key_element(const lamp::PhoneView& view, const lamp::KeyState& state, std::optional<std::size_t> index) {
  json::array contacts;
  std::optional<DeliveryState> worst;
  for (const auto& contact : view.contacts) {
    // Who only dialled in is told of what he asked for, not of every key.
    if (!contact.deliver || !contact.is_registered) continue;
    const auto key =
        index ? contact.keys.at(*index) : lamp::ContactKeyView{DeliveryState::kConfirmed, 0, state.version, {}};
    worst = worst ? worse(*worst, key.state) : key.state;
    contacts.push_back(delivery_document(contact, key));
  }
  return {{"key", state.name},
          {"version", state.version},
          {"desired", state.key ? json::value(json_of(*state.key)) : json::value(nullptr)},
          {"state", worst ? lamp::name_of(*worst) : "no phone"},
          {"contacts", std::move(contacts)}};
}

json::object entry_document(const lamp::HistoryEntry& entry) {
  json::object document{
      {"time", time_text(entry.at)}, {"event", lamp::name_of(entry.kind)}, {"version", entry.version}};
  if (entry.kind == lamp::HistoryEntry::Kind::kChange) {
    document["origin"] = lamp::name_of(entry.origin);
    document["detail"] = entry.detail;
    for (auto& member : json_of(entry.look)) document[member.key()] = member.value();
    if (entry.cleared) document["cleared"] = true;
    return document;
  }
  document["contact"] = entry.contact;
  document["call_id"] = entry.call_id;
  if (entry.status != 0) document["status"] = entry.status;
  if (!entry.detail.empty()) document["detail"] = entry.detail;
  document["latency_ms"] = static_cast<double>(entry.latency.count()) / 1000;
  return document;
}

}  // namespace

std::string time_text(WallTime time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss clock{time - day};
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), clock.hours().count(),
                     clock.minutes().count(), clock.seconds().count(), clock.subseconds().count());
}

DeliveryState worse(DeliveryState a, DeliveryState b) {
  const auto rank = [](DeliveryState state) {
    switch (state) {
      case DeliveryState::kConfirmed: return 0;
      case DeliveryState::kPending: return 1;
      case DeliveryState::kRetrying: return 2;
      case DeliveryState::kUnreachable: return 3;
      case DeliveryState::kRefused: return 4;  // nothing more will be tried
    }
    return 0;
  };
  return rank(a) < rank(b) ? b : a;
}

json::object phone_document(const PhoneFacts& facts) {
  json::array keys;
  bool confirmed = true;
  for (std::size_t i = 0; i < facts.view.keys.size(); ++i) {
    auto element = key_element(facts.view, facts.view.keys[i], i);
    confirmed = confirmed && element["state"].as_string() == lamp::name_of(DeliveryState::kConfirmed);
    keys.push_back(std::move(element));
  }
  return {{"phone", facts.aor},
          {"registered", !facts.bindings.empty()},
          {"confirmed", confirmed},
          {"contacts", contacts_of(facts)},
          {"keys", std::move(keys)}};
}

json::object key_document(const PhoneFacts& facts, const lamp::KeyState& state) {
  const auto& keys = facts.view.keys;
  const auto found = std::ranges::find(keys, state.name, &lamp::KeyState::name);
  json::object document{{"phone", facts.aor}};
  const auto there = found != keys.end();
  const auto index = static_cast<std::size_t>(found - keys.begin());
  auto element =
      key_element(facts.view, there ? *found : state, there ? std::optional(index) : std::optional<std::size_t>());
  for (auto& member : element) document[member.key()] = std::move(member.value());
  return document;
}

json::array history_entries(std::span<const lamp::HistoryEntry> entries) {
  json::array array;
  array.reserve(entries.size());
  for (const auto& entry : entries) array.push_back(entry_document(entry));
  return array;
}

}  // namespace lamplighter::api
