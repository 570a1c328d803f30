#include "service/recent_presses.h"

namespace lamplighter::service {

bool RecentPresses::first(const PressMark& press) {
  return known_.with([&](Known& known) {
    known.forget(press.at);
    return known.add(press);
  });
}

void RecentPresses::restore(std::uint64_t id, WallTime now) {
  known_.with([&](Known& known) { known.add({id, now}); });
}

std::size_t RecentPresses::size() const {
  return known_.with([](const Known& known) { return known.ids.size(); });
}

bool RecentPresses::Known::add(const PressMark& press) {
  if (!ids.insert(press.id).second) return false;
  by_age.push_back(press);
  return true;
}

// In the order they came. A clock that was set back keeps some a little longer.
void RecentPresses::Known::forget(WallTime now) {
  while (!by_age.empty() && by_age.front().at + kWindow < now) {
    ids.erase(by_age.front().id);
    by_age.pop_front();
  }
}

}  // namespace lamplighter::service
