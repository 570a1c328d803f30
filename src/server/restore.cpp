#include "server/restore.h"

#include <string>

#include "base/log.h"

namespace lamplighter::server {

std::expected<Restored, store::StoreError> restore(store::Store& store, location::Location& location,
                                                   lamp::Phones& phones, service::LampDesk& desk,
                                                   service::RecentPresses& presses, WallTime now, std::size_t workers,
                                                   const std::function<bool(location::Binding&)>& reach) {
  Restored out;
  std::vector<lamp::Confirmation> confirmations;  // they wait until the contacts are there
  const auto loaded = store.load({
      .binding =
          [&](std::string_view aor, location::Binding& binding) {
            const auto stored = binding.flow;
            if (!reach(binding)) return;
            ++out.bindings;
            location.restore(aor, binding, /*moved=*/binding.flow != stored);
          },
      .key =
          [&](const std::string& aor, lamp::KeyState state) {
            ++out.keys;
            phones.restore(aor, std::move(state));
          },
      .confirmation = [&](lamp::Confirmation confirmation) { confirmations.push_back(std::move(confirmation)); },
      .press =
          [&](store::Press press) {
            ++out.presses;
            presses.restore(press.id, now);
          },
      .skipped =
          [&](const std::string& what) {
            ++out.skipped;
            log::error("store: {}; it is left out", what);
          },
  });
  if (!loaded) return std::unexpected(loaded.error());

  std::vector<std::string> aors;
  phones.for_each([&](std::string_view aor, std::size_t, std::size_t) { aors.emplace_back(aor); });
  for (const auto& aor : aors) desk.restore_contacts(aor);
  for (const auto& confirmation : confirmations) out.confirmations += phones.restore(confirmation) ? 1 : 0;

  out.behind.resize(workers);
  phones.for_each_behind([&](lamp::Wake wake, std::size_t keys) {
    out.behind[wake.worker % workers].emplace_back(std::move(wake), keys);
  });
  return out;
}

}  // namespace lamplighter::server
