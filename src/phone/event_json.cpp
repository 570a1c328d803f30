#include "phone/event_json.h"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <chrono>

namespace lamplighter::phone {

namespace {

double seconds_of(Duration duration) { return std::chrono::duration<double>(duration).count(); }

/// Collects members in writing order. Numbers are printed here because Boost.JSON writes doubles as 1.5E0.
class Object {
 public:
  Object& text(std::string_view name, std::string_view value) {
    return raw(name, boost::json::serialize(boost::json::string(value)));
  }
  Object& text_unless_empty(std::string_view name, std::string_view value) {
    return value.empty() ? *this : text(name, value);
  }
  Object& number(std::string_view name, std::int64_t value) { return raw(name, fmt::format("{}", value)); }
  Object& seconds(std::string_view name, Duration value) { return raw(name, fmt::format("{:.3f}", seconds_of(value))); }
  Object& raw(std::string_view name, std::string_view value) {
    fmt::format_to(std::back_inserter(out_), "{}\"{}\":{}", out_.size() > 1 ? "," : "", name, value);
    return *this;
  }
  std::string end() { return out_ + "}"; }

 private:
  std::string out_ = "{";
};

void add_lamp(Object& object, const Event& event) {
  object.text("key", event.key).text("light", lamp::name_of(event.lamp.light));
  if (event.lamp.color) object.text("color", lamp::name_of(*event.lamp.color));
  object.text_unless_empty("label", event.lamp.label).text_unless_empty("number", event.lamp.number);
  if (!event.lamp.number.empty()) object.text("action", lamp::name_of(event.lamp.press));
}

void add_outcome(Object& object, const Event& event) {
  if (event.status) object.number("status", event.status);
  object.text_unless_empty("reason", event.reason);
}

/// "404 Not Found", "404", "no answer".
std::string outcome_text(const Event& event) {
  if (event.status == 0) return event.reason;
  return event.reason.empty() ? fmt::format("{}", event.status) : fmt::format("{} {}", event.status, event.reason);
}

std::string lamp_text(const lamp::Key& key) {
  std::string out{lamp::name_of(key.light)};
  if (key.color) out += fmt::format(" ({})", lamp::name_of(*key.color));
  if (!key.label.empty()) out += fmt::format(", '{}'", key.label);
  if (!key.number.empty()) {
    out += fmt::format(", {} {}", key.press == lamp::Press::kInvite ? "dials" : "sends a message to", key.number);
  }
  return out;
}

std::string call_text(const Event& event) {
  const auto outcome = outcome_text(event);
  switch (event.call_state) {
    case CallState::kCalling: return fmt::format("calling {}", event.peer);
    case CallState::kRinging: return fmt::format("it rings at {}", event.peer);
    case CallState::kIncoming: return fmt::format("{} is calling: answer or hang up", event.peer);
    case CallState::kTalking: return fmt::format("talking with {}", event.peer);
    case CallState::kEnded:
      return outcome.empty() ? fmt::format("call with {} ended", event.peer)
                             : fmt::format("call with {} ended: {}", event.peer, outcome);
  }
  return {};
}

}  // namespace

std::string_view name_of(CallState state) {
  switch (state) {
    case CallState::kCalling: return "calling";
    case CallState::kRinging: return "ringing";
    case CallState::kIncoming: return "incoming";
    case CallState::kTalking: return "talking";
    case CallState::kEnded: return "ended";
  }
  return "";
}

std::string_view name_of(RegistrationState state) {
  switch (state) {
    case RegistrationState::kOff: return "not registered";
    case RegistrationState::kRegistering: return "registering";
    case RegistrationState::kRegistered: return "registered";
    case RegistrationState::kFailed: return "registration failed";
  }
  return "";
}

std::string_view name_of(Event::Type type) {
  using enum Event::Type;
  switch (type) {
    case kBooting: return "booting";
    case kBooted: return "booted";
    case kUnplugged: return "unplugged";
    case kPlugged: return "plugged";
    case kRegistering: return "registering";
    case kRegistered: return "registered";
    case kUnregistered: return "unregistered";
    case kRegisterFailed: return "register_failed";
    case kNoAnswer: return "no_answer";
    case kKey: return "key";
    case kIgnored: return "ignored";
    case kRefused: return "refused";
    case kPress: return "press";
    case kMessage: return "message";
    case kError: return "error";
    case kCall: return "call";
  }
  return "";
}

std::string to_json(const Event& event) {
  using enum Event::Type;
  Object object;
  object.seconds("t", event.t).text("event", name_of(event.type));
  switch (event.type) {
    case kBooting:
    case kBooted:
    case kUnplugged:
    case kPlugged: break;
    case kRegistering:
    case kNoAnswer: object.text("server", event.server).number("attempt", event.attempt); break;
    case kRegistered: object.text("server", event.server).number("expires", event.expires.count()); break;
    case kUnregistered: object.text("server", event.server); break;
    case kRegisterFailed:
      object.text("server", event.server).number("attempt", event.attempt);
      add_outcome(object, event);
      object.seconds("retry_in", event.retry_in);
      break;
    case kKey:
    case kIgnored:
    case kPress: add_lamp(object, event); break;
    case kRefused:
    case kError: add_outcome(object, event); break;
    case kMessage:
      object.text("key", event.key).text("peer", event.peer);
      add_outcome(object, event);
      break;
    case kCall:
      object.number("call", event.call)
          .text("state", name_of(event.call_state))
          .text("direction", event.outgoing ? "out" : "in")
          .text("peer", event.peer);
      add_outcome(object, event);
      break;
  }
  return object.end();
}

std::string to_text(const Event& event) {
  using enum Event::Type;
  switch (event.type) {
    case kBooting: return "booting: everything is forgotten";
    case kBooted: return "booted";
    case kUnplugged: return "cable unplugged: nothing is sent or heard";
    case kPlugged: return "cable plugged in";
    case kRegistering:
      return event.attempt > 1 ? fmt::format("registering at {}, attempt {}", event.server, event.attempt)
                               : fmt::format("registering at {}", event.server);
    case kRegistered: return fmt::format("registered at {} for {} s", event.server, event.expires.count());
    case kUnregistered: return fmt::format("no longer registered at {}", event.server);
    case kRegisterFailed: {
      const auto retry = event.retry_in > Duration::zero()
                             ? fmt::format("; next attempt in {:.0f} s", seconds_of(event.retry_in))
                             : std::string{};
      return fmt::format("registration at {} failed (attempt {}): {}{}", event.server, event.attempt,
                         outcome_text(event), retry);
    }
    case kNoAnswer:
      return fmt::format("no answer from {} yet (attempt {}), still trying; is a server running there?", event.server,
                         event.attempt);
    case kKey: return fmt::format("key {}: {}", event.key, lamp_text(event.lamp));
    case kIgnored:
      return fmt::format("ignored key {}, which this phone does not have: {}", event.key, lamp_text(event.lamp));
    case kRefused: return fmt::format("refused a request: {}", outcome_text(event));
    case kPress:
      return event.lamp.number.empty()
                 ? fmt::format("pressed key {}: nothing happens, it has no number", event.key)
                 : fmt::format("pressed key {}: {} {}", event.key,
                               event.lamp.press == lamp::Press::kInvite ? "dials" : "sends a message to",
                               event.lamp.number);
    case kMessage: return fmt::format("message of key {} to {}: {}", event.key, event.peer, outcome_text(event));
    case kError: return event.reason;
    case kCall: return call_text(event);
  }
  return {};
}

}  // namespace lamplighter::phone
