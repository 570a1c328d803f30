#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/guarded.h"
#include "lamp/phones.h"
#include "location/location.h"

namespace lamplighter::service {

/// Names one press whatever way and however often it arrives: a hash of its Call-ID, CSeq and From tag.
struct PressMark {
  std::uint64_t id = 0;
  WallTime at{};

  friend bool operator==(const PressMark&, const PressMark&) = default;
};

/// What shall be made durable together, all or nothing.
struct DeskRecord {
  std::vector<lamp::Change> changes;
  std::optional<PressMark> press;  ///< the press that did it, when it must not do it again
  /// Presses that changed these keys before and are not on record yet: the state that they led to must not be stored
  /// without them.
  std::vector<PressMark> earlier = {};
};

/// Where everything that changes keys comes together: dialled codes, presses, the API. It applies a change, has it made
/// durable, has it delivered, and tells who watches. Thread safe.
class LampDesk {
 public:
  /// Called once, on any thread: durable, or why not (for people). What was not stored stays in force, is delivered
  /// all the same, and is tried again by retry_unstored().
  using Stored = std::move_only_function<void(std::expected<void, std::string>)>;
  struct Hooks {
    std::function<void(DeskRecord, Stored)> commit;
    /// Makes the contact's worker look after it: LampSender::look_after() on that worker's thread.
    std::function<void(const lamp::Wake&)> wake;
  };

  LampDesk(lamp::Phones& phones, const location::Location& location, const Clock& clock, Hooks hooks);

  /// Changes keys of a phone, all or none. `stored` is not called after an error.
  std::expected<std::vector<lamp::Change>, lamp::KeyboardError> change(std::string_view aor,
                                                                       std::span<const lamp::Edit> edits,
                                                                       const lamp::Origin& origin, bool replace,
                                                                       Stored stored);
  /// A phone dialled a code or pressed a key. `press` is given when doing it twice would be wrong.
  std::expected<lamp::Change, lamp::KeyboardError> dialled(std::string_view aor, const lamp::Edit& edit,
                                                           const lamp::Origin& origin, const lamp::Caller& caller,
                                                           std::optional<PressMark> press);

  /// Contacts of this address of record were registered, refreshed, removed or have expired: look at the location.
  void contacts_changed(std::string_view aor);
  /// The same at start, before anything is sent: wakes nobody.
  void restore_contacts(std::string_view aor);

  /// Brings what the store refused to it again, together with the presses that led there. Call it every second or so.
  void retry_unstored();
  /// Keys whose state is in force but not stored.
  std::size_t unstored() const;

  /// Calls `progress` after each outcome of a delivery to this phone, and when its contacts change, on whatever thread
  /// that happens: keep it short. Returns a number for unwatch().
  std::uint64_t watch(std::string_view aor, std::function<void()> progress);
  void unwatch(std::uint64_t number);
  /// Whether anybody watches any phone.
  bool watched() const { return watchers_.load(std::memory_order_acquire) > 0; }
  /// Something happened to the phone's deliveries.
  void progressed(std::string_view aor);

 private:
  using Name = std::pair<std::string, std::string>;  ///< aor, key
  struct Refused {
    std::uint64_t version = 0;  ///< the newest that was
    bool under_way = false;     ///< it is being tried again
  };
  using Unstored = std::map<Name, Refused>;
  using Marks = std::map<Name, std::vector<PressMark>>;
  struct Watch {
    std::string aor;
    std::function<void()> progress;
  };
  struct Watches {
    std::map<std::uint64_t, Watch> by_number;
    std::uint64_t last = 0;
  };

  void commit(std::string_view aor, DeskRecord record, Stored stored);
  std::vector<PressMark> take_along(std::string_view aor, DeskRecord& record);
  void marks_stored(const std::string& aor, std::span<const std::pair<lamp::KeyName, std::uint64_t>> keys,
                    std::span<const PressMark> stored);
  std::vector<lamp::Wake> sync(std::string_view aor, bool make);
  void wake(const std::vector<lamp::Wake>& wakes);

  lamp::Phones& phones_;
  const location::Location& location_;
  const Clock& clock_;
  Hooks hooks_;
  Guarded<Unstored> unstored_;
  Guarded<Marks> marks_;  ///< presses that are not on record yet, by the key they changed
  std::atomic<std::size_t> marked_keys_ = 0;
  std::atomic<std::size_t> watchers_ = 0;
  Guarded<Watches> watches_;
};

}  // namespace lamplighter::service
