#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "lamp/key.h"

namespace lamplighter::phone {

/// What one call is doing. `kEnded` is the last event of every call.
enum class CallState : std::uint8_t { kCalling, kRinging, kIncoming, kTalking, kEnded };
std::string_view name_of(CallState state);

/// Where the phone stands with its registrar.
enum class RegistrationState : std::uint8_t { kOff, kRegistering, kRegistered, kFailed };
std::string_view name_of(RegistrationState state);

/// Something that happened to a phone and that its owner may want to see. Which fields count depends on the type.
struct Event {
  enum class Type : std::uint8_t {
    kBooting,         ///< everything is forgotten
    kBooted,          ///< ready again
    kUnplugged,       ///< the cable is out
    kPlugged,         ///< and in again
    kRegistering,     ///< server, attempt (since the last success)
    kRegistered,      ///< server, expires
    kUnregistered,    ///< server
    kRegisterFailed,  ///< server, attempt, status (0: no answer), reason, retry_in
    kNoAnswer,        ///< server, attempt: nothing was heard yet, the attempt goes on
    kKey,             ///< key, lamp: the server set it; the phone shows it now
    kIgnored,         ///< key, lamp: the phone has no such key
    kRefused,         ///< status, reason: a request was answered with an error
    kPress,           ///< key, lamp
    kMessage,         ///< key, peer, status, reason: how the MESSAGE of an `a=message` press ended
    kError,           ///< reason: a command that could not be done
    kCall,            ///< call, call_state, outgoing, peer, status, reason
  };

  Type type{};
  Duration t{};  ///< since the phone was made
  lamp::KeyName key;
  lamp::Key lamp;
  std::uint32_t call = 0;  ///< counts the phone's calls from 1
  CallState call_state{};
  bool outgoing = false;
  std::string peer;  ///< the other side's URI, without parameters
  int status = 0;    ///< SIP status; 0: none
  std::string reason;
  std::string server;
  unsigned attempt = 0;
  std::chrono::seconds expires{0};
  Duration retry_in{};
};
std::string_view name_of(Event::Type type);

/// Is told every event, in order, on the phone's thread. It may give the phone commands.
class PhoneObserver {
 public:
  virtual ~PhoneObserver() = default;
  virtual void on_event(const Event& event) = 0;
};

}  // namespace lamplighter::phone
