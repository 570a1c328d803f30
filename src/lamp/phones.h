#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/flow.h"
#include "base/guarded.h"
#include "base/id_map.h"
#include "base/random.h"
#include "lamp/delivery.h"
#include "lamp/history.h"
#include "lamp/key.h"
#include "lamp/keyboard.h"
#include "lamp/model.h"
#include "lamp/x_buttons.h"

namespace lamplighter::lamp {

/// What shall become of one key.
struct Edit {
  enum class Kind : std::uint8_t {
    kSet,     ///< to `key`
    kClear,   ///< dark, and a press does nothing
    kToggle,  ///< dark keys to `key`, others to `off`; without these, the key's own light between on and off
  };
  std::string_view name;
  Kind kind = Kind::kSet;
  const Key* key = nullptr;
  const Key* off = nullptr;
};

/// What came of an edit.
struct Change {
  std::string aor;
  KeyName name;
  std::optional<Key> key;     ///< none: cleared
  std::uint64_t version = 0;  ///< of the key's state now; unchanged when nothing changed
  bool changed = false;       ///< false: it was so already
};

/// Why keys cannot be changed. Nothing was.
struct KeyboardError {
  enum class Kind : std::uint8_t { kName, kValue, kTooManyKeys, kNotSet, kTooManyPhones };
  Kind kind;
  KeyName name;      ///< of the key at fault
  std::string what;  ///< "key 139: a snom370 has keys 1 to 138"; names the key
};

/// Somebody has to look after a contact: its worker calls Phones::next().
struct Wake {
  std::uint8_t worker = 0;
  std::uint32_t contact = 0;
};

/// How phones of a model are talked to. `deliver` false: they are not sent lamps at all.
struct ModelRule {
  const Model* model = nullptr;
  DeliveryPace pace;
  bool deliver = true;
};

struct PhonesSettings {
  std::size_t keys_per_phone = 256;  ///< of unknown models
  std::size_t value = 256;           ///< bytes of a label or number
  std::size_t phones = 1'000'000;    ///< with keys
  std::size_t history = 65'536;      ///< entries, of all keys together
  DeliveryTiming timing;
  DeliveryPace pace;           ///< of models without a rule
  bool unknown_models = true;  ///< whether phones that no row of the table names are sent lamps
  std::vector<std::pair<std::string, DeliveryPace>> paces;  ///< by model name
  std::uint64_t seed = 1;                                   ///< of the jitter
};

/// A contact as the registrar knows it.
struct ContactInfo {
  std::string_view uri;
  std::string_view path;  ///< RFC 3327, joined by ", "; empty when none
  std::string_view user_agent;
  std::string_view instance;
  WallTime registered{};  ///< since it booted: another value is another life
  Flow flow;
  /// Of the registration. Another value than before: it has registered again, so it is there. Not given: it has.
  WallTime expires{};
};

/// How the phone that just dialled a code is answered, where that differs from other deliveries (the tutorial's
/// contract, PROTOCOL §1): used for the next request to it, once.
struct Hint {
  std::string request_uri, to_uri, from_uri;
};
struct Caller {
  Flow flow;
  std::string_view contact;  ///< URI of the INVITE's Contact
  std::string_view user_agent;
  Hint hint;
};

/// One request to be sent.
struct Order {
  std::uint32_t attempt = 0;
  std::string aor;
  std::string uri;  ///< Contact, parameters included
  std::string path;
  Flow flow;
  std::vector<KeyBlock> blocks;
  std::unique_ptr<Hint> hint;
};

/// What a worker has to do for a contact.
struct Step {
  enum class What : std::uint8_t {
    kNothing,    ///< everything is settled, or its request is under way: wait for the outcome
    kWait,       ///< ask again at `at`
    kSend,       ///< `order`
    kElsewhere,  ///< another worker's by now: give up what is under way and wake `worker`
    kGone,       ///< no such contact any more: give up what is under way
  };
  What what = What::kNothing;
  TimePoint at{};
  std::uint8_t worker = 0;
  /// The attempt under way, 0: none. A worker that has a request of any other attempt for this contact gives it up.
  std::uint32_t attempt = 0;
  bool hurry = false;  ///< kNothing: send the request under way again right now
  Order order{};       ///< of kSend; of others what was there before
};

/// How an attempt ended. Status 0: no answer, or no way to send.
struct Outcome {
  int status = 0;
  std::optional<std::chrono::seconds> retry_after;
  std::string_view call_id;
};

/// Something a phone has confirmed: for the store.
struct Confirmation {
  std::string aor;
  std::string contact;    ///< URI
  WallTime registered{};  ///< the life of the contact in which it did
  KeyName name;
  std::uint64_t version = 0;
  Look look;
};

// What people see. Copies: they stay true to one moment.
struct ContactKeyView {
  DeliveryState state{};
  int status = 0;               ///< of kRefused and kRetrying
  std::uint64_t confirmed = 0;  ///< version; 0: nothing since it booted
  Look look;                    ///< of that version
};
struct ContactView {
  std::string uri;
  std::string model;  ///< "snom370"
  std::string user_agent;
  Flow flow;
  WallTime registered{};
  bool is_registered = true;  ///< false: only dialled in, and is answered where it called from
  bool deliver = true;        ///< false: this model is not sent lamps
  bool in_flight = false;
  std::optional<WallTime> next_try;
  std::vector<ContactKeyView> keys;  ///< beside PhoneView::keys
};
struct PhoneView {
  std::vector<KeyState> keys;  ///< by name; cleared ones as long as a contact has not confirmed that
  std::vector<ContactView> contacts;
};

/// All phones with keys: address of record → desired keyboard, and how far each registered contact has come. Sharded;
/// every method may be called from any thread and returns what has to be done: nothing is sent from here.
class Phones {
 public:
  Phones(PhonesSettings settings, const Clock& clock);

  // --- Desired state

  /// The one function through which every change of keys goes: all of the edits, or none. With `replace` the keys that
  /// are not named are cleared. Wakes nobody: changes are delivered when settled() says what became of them.
  std::expected<std::vector<Change>, KeyboardError> change(std::string_view aor, std::span<const Edit> edits,
                                                           const Origin& origin, bool replace = false);
  /// The same for one edit by a phone that dialled or pressed: it is told whatever it was told before, and where it
  /// called from when it is not registered. `wakes` (cleared first) are those that need not wait for the store.
  std::expected<Change, KeyboardError> dialled(std::string_view aor, const Edit& edit, const Origin& origin,
                                               const Caller& caller, std::vector<Wake>& wakes);
  /// The store's verdict on changes of one phone: they may be sent now. (When the store has failed as well: a dark lamp
  /// helps nobody.)
  std::vector<Wake> settled(std::string_view aor, std::span<const std::pair<KeyName, std::uint64_t>> versions);

  /// The desired state of one key; nothing when it never had one. Cleared ones are reported.
  std::optional<KeyState> find(std::string_view aor, std::string_view name) const;
  /// Every key that was cleared and not set again.
  std::vector<KeyState> cleared(std::string_view aor) const;
  /// The key with Press::kToggle that dials this number.
  std::optional<KeyName> toggle_that_dials(std::string_view aor, std::string_view number) const;

  // --- Contacts. Only phones with keys are kept; for others these do nothing.

  /// One contact was registered, refreshed or restored. News of an earlier life than the known one is late, and
  /// ignored. Returns who has something to do now: to send, to hurry, or to give up a request to where the phone was
  /// before.
  std::vector<Wake> bound(std::string_view aor, const ContactInfo& info);
  /// One contact is no longer registered.
  std::vector<Wake> gone(std::string_view aor, std::string_view uri);
  /// Whether any key of this phone was ever set. Once true, it stays true.
  bool has(std::string_view aor) const;
  /// All registered contacts of a phone at once, by bound() and gone(): `read` is called with the phone locked and
  /// returns them, so of two threads with news the last one to come also reads last. `make`: also for a phone without
  /// keys so far, when there are contacts; the change() that follows keeps or forgets it.
  std::vector<Wake> sync(std::string_view aor, bool make, const std::function<std::vector<ContactInfo>()>& read);

  // --- Delivery, on the worker's thread

  /// What to do for this contact, into `step`: whoever asks often keeps one, and its texts their memory.
  void next(std::uint32_t contact, std::uint8_t worker, Step& step);
  Step next(std::uint32_t contact, std::uint8_t worker) {
    Step step;
    next(contact, worker, step);
    return step;
  }
  struct Ended {
    bool counted = false;   ///< false: the attempt was no longer of interest
    DeliveryState state{};  ///< kConfirmed, kRefused, kRetrying, kUnreachable
    /// Something was confirmed that confirmations() has not told of: ask it some time.
    bool to_record = false;
  };
  /// An attempt ended; ask next() again afterwards.
  Ended ended(std::uint32_t contact, std::uint32_t attempt, const Outcome& outcome);
  /// What this contact has confirmed since this was last asked, for the store: the latest of each key. Nothing of
  /// contacts that have gone, or are not registered.
  void confirmations(std::uint32_t contact, std::vector<Confirmation>& out);
  /// Whose contact this is; empty when it has gone.
  std::string aor_of(std::uint32_t contact) const;

  // --- At start

  void restore(std::string_view aor, KeyState state);
  /// After the contact was bound. Of another life of the contact, or unknown: ignored, and false.
  bool restore(const Confirmation& confirmation);
  /// Every contact with something to send, for pacing: visit(wake, keys to send).
  void for_each_behind(const std::function<void(Wake, std::size_t)>& visit) const;

  // --- For people

  std::optional<PhoneView> view(std::string_view aor) const;
  std::vector<HistoryEntry> history(std::string_view aor, std::string_view name) const;
  /// Calls visit(aor, set keys, keys times contacts not confirmed) for every phone, shard by shard with the shard
  /// locked: no I/O and no other call in there.
  void for_each(const std::function<void(std::string_view, std::size_t, std::size_t)>& visit) const;
  std::size_t phones() const;

 private:
  static constexpr std::size_t kShards = 64;
  using Slot = Keyboard::Index;

  struct Contact {
    std::uint32_t number = 0;
    bool registered_now = true;  ///< false: a caller that is not registered; forgotten when it has been told
    bool hurry = false;
    bool to_record = false;  ///< confirmations() has something to tell
    const ModelRule* rule = nullptr;
    std::string uri;
    std::string path;
    std::string user_agent;
    std::string instance;
    WallTime registered{};
    WallTime expires{};
    Flow flow;             ///< a request under way went this way
    Flow registered_from;  ///< differs from `flow` when the phone has dialled from another address since
    Delivery delivery;
    std::unique_ptr<Hint> hint;
    std::vector<Slot> asked;  ///< !registered_now: what it has dialled, and nothing else, is what it is told
  };
  /// Where a request was given up: until then a copy may still arrive there, and would undo what is sent after it.
  struct Left {
    Flow flow;
    TimePoint until;
  };
  struct Phone {
    std::string_view aor;  ///< as the table below keeps it
    Keyboard keyboard;
    std::vector<Contact> contacts;
    std::vector<Left> left;
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  struct Shard {
    Shard(std::uint32_t which, std::size_t entries, std::uint64_t seed)
        : index(which), history(entries), random(seed) {}
    Phone* find(std::string_view aor);
    const Phone* find(std::string_view aor) const;
    /// The phone and its contact with this number, or nothing.
    struct Found {
      Phone* phone = nullptr;
      Contact* contact = nullptr;
      explicit operator bool() const { return contact != nullptr; }
    };
    Found find(std::uint32_t number) const;
    /// The phone of this name, made when there is none; and whether it was.
    std::pair<Phone*, bool> find_or_make(std::string_view aor);
    /// A new contact of the phone, with a number.
    Contact& add_contact(Phone& phone);
    void erase_contact(Phone& phone, const Contact& contact);

    std::uint32_t index;
    std::uint32_t last_contact = 0;
    std::unordered_map<std::string, Phone, Hash, std::equal_to<>> phones;
    IdMap<Phone*> by_number;  ///< whose contact it is; a phone keeps its place in the table above
    History history;
    Random random;
    std::vector<Delivery::Carried> carried;  ///< scratch
  };
  /// How many keys a phone may have set. Without a model any valid name goes.
  struct Limit {
    std::size_t keys = 0;
    const Model* model = nullptr;
  };

  const Guarded<Shard>& shard_of(std::string_view aor) const;
  Guarded<Shard>& shard_of(std::string_view aor);
  /// Of a contact: its number says where.
  Guarded<Shard>& shard_of(std::uint32_t contact) const { return *shards_[contact % kShards]; }
  const ModelRule& rule_of(std::string_view user_agent) const;

  // Desired state (phones.cpp)
  Limit limit_of(const Phone* phone) const;
  std::expected<void, KeyboardError> check(const Phone* phone, std::string_view aor, const Edit& edit,
                                           const Limit& limit) const;
  std::expected<std::vector<Slot>, KeyboardError> check(const Phone* phone, std::string_view aor,
                                                        std::span<const Edit> edits, bool replace) const;
  std::expected<std::vector<Slot>, KeyboardError> find_room(const Phone* phone, std::span<const Edit> edits,
                                                            std::span<const std::string_view> named, bool replace,
                                                            const Limit& limit) const;
  static bool reusable(const Phone& phone, Slot slot);
  std::expected<Phone*, KeyboardError> make(Shard& shard, std::string_view aor, std::string_view name);
  void forget_if_empty(Shard& shard, std::string_view aor);
  static Change apply(Shard& shard, Phone& phone, std::string_view aor, const Edit& edit, const Origin& origin,
                      WallTime now, std::vector<Slot>& reuse);

  // Contacts (phones_contacts.cpp)
  Contact* caller_contact(Shard& shard, Phone& phone, const Caller& caller, std::vector<Wake>& wakes);
  bool take_way(Shard& shard, Phone& phone, Contact& contact, const Flow& flow, TimePoint now);
  bool leave(Shard& shard, Phone& phone, Contact& contact, TimePoint now);
  static TimePoint quiet_until(const Phone& phone, const Flow& flow);
  void bind(Shard& shard, Phone& phone, const ContactInfo& info, std::span<const ContactInfo> bound_now,
            std::vector<Wake>& wakes);
  void remove(Shard& shard, Phone& phone, std::size_t index, std::vector<Wake>& wakes);

  // Delivery (phones_delivery.cpp)
  static bool sendable(const Phone& phone, const Contact& contact);
  static std::optional<Slot> next_asked(const Phone& phone, const Contact& contact);
  static void order_for(Phone& phone, Contact& contact, std::span<const Slot> keys, TimePoint now, Step& step);
  void note(Shard& shard, Phone& phone, const Contact& contact, std::span<const Delivery::Carried> carried,
            HistoryEntry::Kind kind, const Outcome& outcome, TimePoint now) const;

  PhonesSettings settings_;
  const Clock& clock_;
  std::vector<ModelRule> rules_;  ///< one for each row of models()
  std::atomic<std::size_t> count_ = 0;
  std::array<std::unique_ptr<Guarded<Shard>>, kShards> shards_;
};

}  // namespace lamplighter::lamp
