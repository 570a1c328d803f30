#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <expected>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/guarded.h"
#include "location/binding.h"
#include "location/packed_binding.h"
#include "location/packed_map.h"
#include "location/shared_texts.h"

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
  /// Nothing but CSeq, `refreshed` and `expires` of bindings that are on record is new: most of all changes, for which
  /// a store may have a cheaper way. `put` is complete all the same.
  bool refresh = false;

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

  /// Makes a change visible, after it is durable.
  void apply(const Change& change);
  /// At start, before anything else: a stored binding. `moved`: it has got another flow since it was stored.
  void restore(std::string_view aor, const Binding& binding, bool moved);

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

  using Hash = std::hash<std::string_view>;
  using Removals = std::span<const std::string>;

  /// A change being committed. What it puts is packed and a user of the shard's texts, as if it were bound already.
  struct InFlight {
    std::uint64_t ticket;
    std::string put;
    std::vector<std::string> remove;
    WallTime remove_if_expired_by;
  };
  struct HashText : Hash {
    using is_transparent = void;
  };
  struct Shard {
    PackedMap bound;  ///< the bindings of an address of record, packed one after another
    SharedTexts texts;
    /// In the order reserved; few, and only for as long as a commit takes.
    std::unordered_map<std::string, std::vector<InFlight>, HashText, std::equal_to<>> in_flight;
    std::string added;  ///< scratch: a binding that is being added
    std::size_t bindings = 0;
    WallTime first_expiry = WallTime::max();  ///< nothing expires before
    std::uint64_t last_ticket = 0;

    std::string pack(std::span<const Binding> all);
    std::string without_flow(std::string_view packed, const Flow& flow);
    /// `put` becomes the shard's.
    void apply(std::string_view aor, std::size_t hash, std::string_view put, Removals remove, WallTime if_expired_by);
    const std::vector<InFlight>* in_flight_of(std::string_view aor) const;
    WallTime after_lives_of(std::string_view aor, std::size_t hash, std::string_view uri) const;

   private:
    std::vector<Packed> kept_;  ///< scratch
    std::string value_;
  };

  const Guarded<Shard>& shard_of(std::size_t hash) const;
  Guarded<Shard>& shard_of(std::size_t hash);
  std::expected<Change, Refusal> plan(const Shard& shard, std::size_t hash, const RegisterRequest& request,
                                      WallTime now) const;

  Limits limits_;
  SameUri same_uri_;
  std::array<Guarded<Shard>, kShards> shards_;
  std::atomic<std::size_t> next_to_expire_ = 0;
};

}  // namespace lamplighter::location
