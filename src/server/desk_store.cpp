#include "server/desk_store.h"

#include <utility>

#include "base/log.h"

namespace lamplighter::server {
namespace {

store::KeyChange key_change(lamp::Change&& change) {
  return {std::move(change.aor), std::move(change.name), std::move(change.key), change.version};
}

store::Change change_of(service::DeskRecord&& record) {
  if (record.changes.size() == 1 && !record.press && record.earlier.empty())
    return key_change(std::move(record.changes.front()));
  store::KeyChanges out;
  out.keys.reserve(record.changes.size());
  for (auto& change : record.changes) out.keys.push_back(key_change(std::move(change)));
  if (record.press) out.press = store::Press{record.press->id, record.press->at};
  for (const auto& mark : record.earlier) out.earlier.push_back({mark.id, mark.at});
  return out;
}

}  // namespace

service::LampDesk::Hooks desk_hooks(store::Store& store, std::function<void(const lamp::Wake&)> wake) {
  return {.commit =
              [&store](service::DeskRecord record, service::LampDesk::Stored stored) {
                store.commit(change_of(std::move(record)),
                             [tell = std::move(stored)](std::expected<void, store::StoreError> done) mutable {
                               if (done) return tell({});
                               log::debug("lamp: not stored yet: {}", done.error().what);
                               tell(std::unexpected(std::move(done.error().what)));
                             });
              },
          .wake = std::move(wake)};
}

}  // namespace lamplighter::server
