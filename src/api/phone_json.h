#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "lamp/history.h"
#include "lamp/phones.h"
#include "location/binding.h"

// What people and programs see of a phone: the documents of GET. Times are UTC, "2026-11-23T22:00:00.123Z".
namespace lamplighter::api {

std::string time_text(WallTime time);

/// What is known about a phone at one moment.
struct PhoneFacts {
  std::string aor;
  std::vector<location::Binding> bindings;
  lamp::PhoneView view;
  WallTime now{};
};

/// The whole phone: its contacts, every key, and how far each contact has come with it.
boost::json::object phone_document(const PhoneFacts& facts);

/// One key as it stands in phone_document(), and its phone. `state`: of a key that the view no longer has, since it is
/// cleared and dark everywhere.
boost::json::object key_document(const PhoneFacts& facts, const lamp::KeyState& state);

/// What happened to a key, oldest first.
boost::json::array history_entries(std::span<const lamp::HistoryEntry> entries);

/// Of two states of deliveries the one to worry about more.
lamp::DeliveryState worse(lamp::DeliveryState a, lamp::DeliveryState b);

}  // namespace lamplighter::api
