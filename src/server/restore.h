#pragma once

#include <cstddef>
#include <expected>
#include <functional>
#include <utility>
#include <vector>

#include "lamp/phones.h"
#include "location/location.h"
#include "service/lamp_desk.h"
#include "service/recent_presses.h"
#include "store/store.h"

namespace lamplighter::server {

/// What came back from the store.
struct Restored {
  std::size_t bindings = 0, keys = 0, confirmations = 0, presses = 0;
  std::size_t skipped = 0;  ///< rows that make no sense, each told to the log
  /// For each worker the contacts that have not confirmed everything, and how many keys: for Core::restore_lamps().
  std::vector<std::vector<std::pair<lamp::Wake, std::size_t>>> behind;
};

/// Brings back everything the store holds, before the first message. `reach` gives a stored binding a flow of this
/// process, of one of `workers`; false: there is no way to that phone until it registers again.
std::expected<Restored, store::StoreError> restore(store::Store& store, location::Location& location,
                                                   lamp::Phones& phones, service::LampDesk& desk,
                                                   service::RecentPresses& presses, WallTime now, std::size_t workers,
                                                   const std::function<bool(location::Binding&)>& reach);

}  // namespace lamplighter::server
