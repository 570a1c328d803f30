#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "lamp/keyboard.h"

// Bringing the lamps of one registered contact to the desired state: a pure machine. Events and a time go in; next()
// says what to do. Whoever sends owns transactions, timers and addresses.
namespace lamplighter::lamp {

/// How far the desired state of one key has come at one contact.
enum class DeliveryState : std::uint8_t {
  kPending,      ///< to be sent, or sent and not answered yet
  kConfirmed,    ///< the phone answered 2xx to exactly this state since it last booted
  kRetrying,     ///< the phone asked to be left alone for a while (480, 503 …)
  kUnreachable,  ///< no answer; tried again from time to time
  kRefused,      ///< the phone answered a final error to this state
};
/// "pending", "confirmed", "retrying", "unreachable", "refused"
std::string_view name_of(DeliveryState state);

struct DeliveryTiming {
  Duration retry_first = std::chrono::seconds{5};  ///< pause after the first failure; doubles
  Duration retry_max = std::chrono::seconds{60};   ///< but no further than this
  double jitter = 0.25;                            ///< each pause is longer or shorter by up to this part
  /// How long a copy of a request may still be under way after it was given up (RFC 3261 timer T4): nothing is sent to
  /// the same address before, or the old copy could arrive last and win.
  Duration linger = std::chrono::seconds{5};
};

/// How one contact is talked to.
struct DeliveryPace {
  Duration gap{0};        ///< between an answer and the next request
  std::size_t batch = 1;  ///< keys in one document
};

class Delivery {
 public:
  using Index = Keyboard::Index;

  /// A key in a request, as it was when the request was made.
  struct Carried {
    Index slot;
    std::uint64_t version;
    Look look;
    bool doubted = false;  ///< since it was sent: see doubt()
  };

  /// What to do now.
  struct Next {
    enum class What : std::uint8_t {
      kNothing,  ///< all is confirmed or refused, or a request is under way
      kWait,     ///< ask again at `at`
      kSend,     ///< send `keys` as one document
    };
    What what = What::kNothing;
    TimePoint at{};
    std::vector<Index> keys{};
  };
  /// A state is sent only once something newer than what the contact has confirmed is released, that is, in the store:
  /// else a crash could leave a record that says "confirmed" for a lamp that shows something else (decision 007).
  /// The newest change goes first. A contact that does not answer is tried with a new change as soon as nothing of the
  /// old request can be under way any more; one that asked for a pause gets its pause.
  Next next(const Keyboard& desired, const DeliveryPace& pace, TimePoint now) const;

  /// The keys were handed to the transport. Returns the number of this attempt; outcomes of any other are ignored.
  std::uint32_t sent(const Keyboard& desired, std::span<const Index> keys, TimePoint now);

  /// A final answer came. `retry_after` is what the answer's header says. Returns what it confirmed: empty when it
  /// confirmed nothing.
  std::vector<Carried> answered(std::uint32_t attempt, int status, std::optional<std::chrono::seconds> retry_after,
                                const DeliveryTiming& timing, Random& random, TimePoint now);
  /// No answer in time (RFC 3261 §17.1.2.2, timer F), or no way to send.
  void timed_out(std::uint32_t attempt, const DeliveryTiming& timing, Random& random, TimePoint now);
  /// The contact registered again or pressed a key: it is there, so what waits need not wait. Returns whether a request
  /// is under way that should be sent again right away.
  bool heard(TimePoint now);
  /// The phone has booted and forgotten its lamps. Keys that it confirmed to be dark are dark still. A request under
  /// way no longer confirms anything; when the phone has `moved` to another address, it is given up: see abandon().
  /// `desired` says which keys are dark.
  void reborn(const Keyboard& desired, bool moved, TimePoint now);
  /// The contact is reached another way from now on: a request under way is given up, and where the next one goes
  /// nothing was sent yet. What is confirmed stays confirmed.
  void abandon();
  /// Nothing is sent before `until`: a copy of another request may still arrive where the next one goes.
  void keep_quiet(TimePoint until);
  TimePoint quiet_until() const { return linger_until_; }
  /// The user doubts what the key shows: it is sent again although it was confirmed, refused, or is under way: only
  /// what is sent from now on settles the doubt.
  void doubt(Index slot);
  /// From the store: what this contact confirmed before the server was restarted.
  void restore(Index slot, std::uint64_t version, Look look);
  /// The slot has come to be another key's.
  void forget(Index slot);

  struct KeyProgress {
    std::uint64_t confirmed = 0;     ///< version; 0: nothing since it booted
    Look look{};                     ///< of that version
    std::uint64_t refused = 0;       ///< version; 0: none
    std::uint16_t refused_with = 0;  ///< SIP status
    /// The newest version confirmed since it booted, doubted or not: what the store may have on record.
    std::uint64_t recorded = 0;
    bool news = false;  ///< `confirmed` was, since take_news()
  };
  /// Calls visit(slot, progress) for every key that was confirmed since the last call.
  template <typename F>
  void take_news(F&& visit) {
    for (std::size_t slot = 0; slot < keys_.size(); ++slot) {
      if (std::exchange(keys_[slot].news, false)) visit(static_cast<Index>(slot), std::as_const(keys_[slot]));
    }
  }
  const KeyProgress& progress(Index slot) const;
  DeliveryState state(const Keyboard& desired, Index slot) const;
  /// The status behind kRefused and kRetrying, else 0.
  int status(const Keyboard& desired, Index slot) const;
  /// How many keys are to be sent, now or later.
  std::size_t behind(const Keyboard& desired) const;
  /// Whether every key is confirmed.
  bool all_confirmed(const Keyboard& desired) const;
  bool in_flight() const { return phase_ == Phase::kInFlight; }
  /// The phone has booted since the request under way was sent: its outcome says nothing.
  bool stale() const { return stale_; }
  std::uint32_t attempt() const { return attempt_; }
  /// The keys under way; empty when none.
  const std::vector<Carried>& carried() const { return carried_; }
  /// When the current or latest request was sent.
  TimePoint sent_at() const { return sent_at_; }
  /// When it tries again, while it waits for that.
  std::optional<TimePoint> waits_until() const;

 private:
  enum class Phase : std::uint8_t { kIdle, kInFlight, kWaiting };

  KeyProgress& at(Index slot);
  bool due(const Keyboard& desired, Index slot) const;
  TimePoint earliest(std::uint64_t newest, const DeliveryPace& pace) const;
  void next_attempt();
  std::optional<std::vector<Carried>> end(std::uint32_t attempt, TimePoint now);
  void fail(std::uint16_t status, std::optional<std::chrono::seconds> retry_after, const DeliveryTiming& timing,
            Random& random, TimePoint now);

  Phase phase_ = Phase::kIdle;
  bool stale_ = false;             ///< the request under way was sent before the phone booted
  std::uint8_t failures_ = 0;      ///< attempts in a row without an answer that counts
  std::uint16_t last_status_ = 0;  ///< of the latest failure; 0: no answer
  std::uint32_t attempt_ = 0;
  TimePoint sent_at_{};
  std::uint64_t newest_sent_ = 0;          ///< version in the latest request
  TimePoint ended_at_ = TimePoint::min();  ///< the latest outcome
  TimePoint not_before_{};                 ///< the pause after a failure ends
  TimePoint linger_until_{};               ///< copies of a request given up may still be under way
  std::vector<Carried> carried_;
  std::vector<KeyProgress> keys_;
};

}  // namespace lamplighter::lamp
