#pragma once

#include <cstdint>
#include <optional>
#include <string>

// Bringing one key of one contact to the desired state. Pure: events in, what to do out; whoever sends owns the
// transaction and the timers. Retries, pacing and resending after a reboot are decisions above this value.
namespace lamplighter::lamp {

/// How far the newest desired state has come.
enum class DeliveryState : std::uint8_t {
  kPending,      ///< to be sent
  kInFlight,     ///< sent, not answered yet; a newer desired state waits for the answer
  kConfirmed,    ///< the phone answered 2xx to exactly this state
  kRefused,      ///< the phone answered a final error
  kUnreachable,  ///< no answer, or no way to send
};

class Delivery {
 public:
  /// The key shall be at this version (Change::version).
  struct Desired {
    std::uint64_t version;
  };
  /// The desired state was handed to the transport.
  struct Sent {};
  struct Answered {
    int status;
  };
  /// No answer in time (RFC 3261 §17.1.2.2, timer F), or the flow is gone.
  struct TimedOut {};

  /// What the sender has to do now.
  enum class Action : std::uint8_t { kNone, kSend };

  Action on(Desired event);
  Action on(Sent event);
  Action on(Answered event);
  Action on(TimedOut event);

  DeliveryState state() const { return state_; }
  std::uint64_t desired() const { return desired_; }
  /// What the phone was last confirmed to show.
  std::optional<std::uint64_t> confirmed() const { return confirmed_; }
  /// The status of a refusal, else 0.
  int refused_with() const { return state_ == DeliveryState::kRefused ? status_ : 0; }

  /// For logs: "pending", "in flight", "confirmed", "refused (415)", "unreachable".
  std::string to_string() const;

 private:
  Action finish(DeliveryState outcome);

  DeliveryState state_ = DeliveryState::kPending;
  int status_ = 0;
  std::uint64_t desired_ = 0;
  std::uint64_t in_flight_ = 0;
  std::optional<std::uint64_t> confirmed_;
};

}  // namespace lamplighter::lamp
