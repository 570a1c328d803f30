#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "phone/core.h"

namespace lamplighter::phone {

/// Keeps the phone registered while that is wanted (RFC 3261 §10.2): refreshes at half the granted time, answers
/// challenges, takes Min-Expires for an answer (423), and tries again, less and less often, when it fails. One REGISTER
/// at a time, as §10.2 demands.
class Registration {
 public:
  Registration(Core& core, std::string call_id);

  /// Registers now, also when already registered.
  void start(TimePoint now);
  /// Removes the contact, when there may be one, and stays away.
  void stop(TimePoint now);

  void on_response(const sip::Message& response, TimePoint now);
  void on_failure(TimePoint now);
  void on_timer(PhoneTimer timer, TimePoint now);

  RegistrationState state() const { return state_; }
  bool wanted() const { return wanted_; }
  /// For the panel: "registered at 127.0.0.1:5060 for 3600 s", "no answer from 127.0.0.1:5060 (attempt 3)".
  const std::string& detail() const { return detail_; }

 private:
  void send(std::chrono::seconds expires, TimePoint now);
  void resend(TimePoint now);
  void succeed(const sip::Message& response, TimePoint now);
  void fail(int status, std::string_view reason, Duration at_least, TimePoint now);
  std::chrono::seconds granted(const sip::Message& response) const;

  Core& core_;
  Request request_;
  std::chrono::seconds wanted_expires_;
  std::chrono::seconds sent_expires_{0};
  RegistrationState state_ = RegistrationState::kOff;
  bool wanted_ = false;
  bool in_flight_ = false;
  unsigned attempt_ = 0;  ///< since the last success
  Duration retry_;
  TimerHandle timer_, patience_;
  std::string detail_;
};

/// "urn:uuid:…" that stays the same for a phone whatever happens to it (RFC 5626 §4.1), from what it is.
std::string instance_of(const Settings& settings);

}  // namespace lamplighter::phone
