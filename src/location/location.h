#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/guarded.h"
#include "location/binding.h"

namespace lamplighter::location {

/// One Contact of a REGISTER, its expiry already settled (parameter, header or default; limits applied).
struct RequestedContact {
  std::string_view uri;
  std::string_view instance;
  std::uint32_t reg_id = 0;
  std::int16_t q = 1000;
  std::chrono::seconds expires{0};  ///< 0 removes the binding
};

/// A REGISTER after authentication and parsing. No contacts and no wildcard: only a query.
struct RegisterRequest {
  std::string_view aor;  ///< canonical: user@host
  std::string_view call_id;
  std::uint32_t cseq = 0;
  std::string_view user_agent;
  std::string_view path;
  Flow flow;
  bool wildcard = false;  ///< Contact: * (the caller has checked Expires: 0)
  std::span<const RequestedContact> contacts;
};

/// What a REGISTER does to an AOR; worked out first, committed to the store, then applied.
struct Change {
  std::string aor;
  std::vector<Binding> put;         ///< new or refreshed, matched by uri text
  std::vector<std::string> remove;  ///< URIs of bindings that end
  /// Only for expiry: remove what had expired by then. A refresh that overtakes the clean-up keeps its binding.
  WallTime remove_if_expired_by = WallTime::max();

  bool empty() const { return put.empty() && remove.empty(); }
};

/// Why a REGISTER is refused.
enum class Refusal : std::uint8_t {
  kOutOfOrder,       ///< perhaps a delayed copy, see Limits::stray: 500 (RFC 3261 §10.3 step 7)
  kTooManyContacts,  ///< 403
};

struct Limits {
  std::size_t contacts_per_aor = 10;
  /// How long after a REGISTER copies of it may still arrive: 64*T1, when its sender has given up (RFC 3261 §17.1.2.2,
  /// timer F). Until then the same Call-ID with a CSeq that is not higher is taken for one of those; later it is a
  /// phone that has booted and counts from the start again (PROTOCOL §5).
  std::chrono::seconds stray{32};
};

/// Whether two Contact URIs are the same in the sense of RFC 3261 §19.1.4: given by the caller, since this room knows
/// nothing about SIP text.
using SameUri = bool (*)(std::string_view, std::string_view);

/// All bindings: address of record → contacts. Sharded; every method may be called from any thread.
class Location {
 public:
  Location(Limits limits, SameUri same_uri);

  /// RFC 3261 §10.3 step 7, pure: the change this REGISTER asks for, given what is bound now. A refresh comes with the
  /// same Call-ID and a higher CSeq, from the same User-Agent and instance. Anything else that is not a delayed copy
  /// (Limits::stray) is another life of the phone, always taken, and gets a later Binding::registered. A contact with
  /// the same instance (and reg-id) as an older one replaces it. Nothing is changed yet.
  std::expected<Change, Refusal> plan(const RegisterRequest& request, WallTime now) const;

  /// Makes a change visible, after it is durable. Also used at start for stored bindings.
  void apply(const Change& change);

  /// A planned change that is on its way to the store. `ticket` 0: the change is empty, there is nothing to settle.
  struct Reservation {
    Change change;
    std::uint64_t ticket = 0;
  };
  /// plan(), and remembers the change until settle(): later plans for the AOR count with it, so that REGISTERs that
  /// arrive while others are being committed keep the limit and the CSeq order. Lookups do not see it yet.
  std::expected<Reservation, Refusal> reserve(const RegisterRequest& request, WallTime now);

  /// The store's answer to a reserved change: durable, it becomes visible; otherwise it is forgotten.
  void settle(std::string_view aor, std::uint64_t ticket, bool durable);

  /// The connection has ended over which this address of record was registered: its bindings stay, with a flow that
  /// is_gone(), also those on their way to the store. A phone that comes back over another connection and refreshes has
  /// lived on.
  void flow_gone(std::string_view aor, const Flow& flow);

  /// Unexpired bindings, best q first, then newest first. `out` is cleared first.
  void lookup(std::string_view aor, WallTime now, std::vector<Binding>& out) const;

  /// Removes what has expired and reports it, so that the store forgets it too; visits a few shards per call, so that
  /// no call takes long: all of them in every `kShards` calls.
  std::vector<Change> expire(WallTime now);

  std::size_t aors() const;
  std::size_t bindings() const;
  /// Calls visit(aor, bindings) for every AOR, shard by shard.
  void for_each(const std::function<void(std::string_view, std::span<const Binding>)>& visit) const;

 private:
  static constexpr std::size_t kShards = 64;

  /// A change being committed.
  struct InFlight {
    std::uint64_t ticket;
    Change change;
  };
  struct Entry {
    std::vector<Binding> bindings;
    std::unique_ptr<std::vector<InFlight>> in_flight;  ///< in the order reserved; mostly none
    bool idle() const { return bindings.empty() && !in_flight; }
    /// Later than any life of this URI that is known here.
    WallTime after_lives_of(std::string_view uri) const;
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  struct Shard {
    std::unordered_map<std::string, Entry, Hash, std::equal_to<>> entries;
    std::size_t aors = 0;      ///< entries with at least one binding
    std::size_t bindings = 0;  ///< in all entries
    std::uint64_t last_ticket = 0;

    void apply(Entry& entry, Change change);
  };

  const Guarded<Shard>& shard_of(std::string_view aor) const;
  Guarded<Shard>& shard_of(std::string_view aor);
  std::expected<Change, Refusal> plan(const Entry* entry, const RegisterRequest& request, WallTime now) const;

  Limits limits_;
  SameUri same_uri_;
  std::array<Guarded<Shard>, kShards> shards_;
  std::atomic<std::size_t> next_to_expire_ = 0;
};

}  // namespace lamplighter::location
