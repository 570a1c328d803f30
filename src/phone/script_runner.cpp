#include "phone/script_runner.h"

#include <fmt/format.h>

#include <algorithm>

namespace lamplighter::phone {

namespace {

using Kind = Command::Kind;
using What = Condition::What;

std::string call_status(const UserAgent& phone) {
  const auto* call = phone.call();
  if (call == nullptr) return std::string{kIdle};
  switch (call->state()) {
    case CallState::kCalling: return fmt::format("calling {}", call->peer());
    case CallState::kRinging: return fmt::format("ringing at {}", call->peer());
    case CallState::kIncoming: return fmt::format("{} is calling", call->peer());
    case CallState::kTalking: return fmt::format("talking with {}", call->peer());
    case CallState::kEnded: break;
  }
  return std::string{kIdle};
}

std::string registration_status(const UserAgent& phone) {
  if (!phone.plugged()) return "unplugged";
  if (phone.booting()) return "booting";
  const auto& detail = phone.registration_detail();
  return detail.empty() ? std::string{"not registered"} : detail;
}

bool call_is(const UserAgent& phone, CallState state) { return phone.call() && phone.call()->state() == state; }

bool holds(What what, const UserAgent& phone) {
  switch (what) {
    case What::kRegistered: return !phone.booting() && phone.registration() == RegistrationState::kRegistered;
    case What::kUnregistered: return !phone.booting() && phone.registration() == RegistrationState::kOff;
    case What::kCalling: return call_is(phone, CallState::kCalling);
    case What::kRinging: return call_is(phone, CallState::kRinging);
    case What::kIncoming: return call_is(phone, CallState::kIncoming);
    case What::kTalking: return call_is(phone, CallState::kTalking);
    case What::kIdle: return phone.call() == nullptr;
    case What::kKey: break;
  }
  return false;
}

std::string time_text(Duration time) { return fmt::format("{:g} s", std::chrono::duration<double>(time).count()); }

}  // namespace

PanelState panel_of(const UserAgent& phone) {
  PanelState state;
  const auto& identity = phone.settings().identity;
  state.name = identity.uri.substr(identity.uri.find(':') + 1);
  state.model = phone.settings().model.name;
  state.registration = registration_status(phone);
  state.call = call_status(phone);
  for (const auto& block : phone.keyboard().keys()) state.keys.push_back({block.name, block.key});
  return state;
}

std::expected<void, std::string> check(const Condition& condition, const UserAgent& phone) {
  if (condition.what == What::kKey) {
    const auto* key = phone.keyboard().find(condition.key);
    if (key == nullptr) return std::unexpected(fmt::format("this phone has no key {}", condition.key));
    if (key->key.light == condition.light) return {};
    return std::unexpected(fmt::format("key {} is {}", condition.key, lamp::name_of(key->key.light)));
  }
  if (holds(condition.what, phone)) return {};
  const bool about_registration = condition.what == What::kRegistered || condition.what == What::kUnregistered;
  if (about_registration) return std::unexpected(registration_status(phone));
  return std::unexpected(fmt::format("the phone is {}", call_status(phone)));
}

UserAgent::Result perform(const Command& command, UserAgent& phone) {
  switch (command.kind) {
    case Kind::kRegister: return phone.register_now();
    case Kind::kUnregister: return phone.unregister();
    case Kind::kDial: return phone.dial(command.argument);
    case Kind::kPress: return phone.press(command.argument);
    case Kind::kAnswer: return phone.answer();
    case Kind::kReject: return phone.reject(command.status);
    case Kind::kHangUp: return phone.hang_up();
    case Kind::kReboot: phone.reboot(); return {};
    case Kind::kUnplug: phone.unplug(); return {};
    case Kind::kPlug: phone.plug(); return {};
    case Kind::kShow:
    case Kind::kHelp:
    case Kind::kQuit:
    case Kind::kSleep:
    case Kind::kWait:
    case Kind::kExpect: return {};
  }
  return {};
}

ScriptRunner::ScriptRunner(UserAgent& phone, const Clock& clock, std::string file, std::vector<Command> commands)
    : phone_(phone), clock_(clock), file_(std::move(file)), commands_(std::move(commands)) {}

void ScriptRunner::go_on() {
  while (!outcome_ && next_ < commands_.size()) {
    if (!step(commands_[next_])) return;
    deadline_.reset();
    ++next_;
  }
  if (!outcome_) finish({});
}

bool ScriptRunner::step(const Command& command) {
  const auto now = clock_.now();
  switch (command.kind) {
    case Kind::kQuit: finish({}); return false;
    case Kind::kHelp: return true;
    case Kind::kShow:
      if (show_) show_(panel_of(phone_));
      return true;
    case Kind::kSleep:
      if (!deadline_) deadline_ = now + command.time;
      return now >= *deadline_;
    case Kind::kWait: {
      const auto holds_now = check(command.condition, phone_);
      if (holds_now) return true;
      if (!deadline_) deadline_ = now + command.time;
      if (now < *deadline_) return false;
      fail(command, fmt::format("expected {} within {}, but {}", command.condition.to_string(), time_text(command.time),
                                holds_now.error()));
      return false;
    }
    case Kind::kExpect: {
      const auto holds_now = check(command.condition, phone_);
      if (!holds_now)
        fail(command, fmt::format("expected {}, but {}", command.condition.to_string(), holds_now.error()));
      return holds_now.has_value();
    }
    default: {
      const auto done = perform(command, phone_);
      if (!done) fail(command, done.error());
      return done.has_value();
    }
  }
}

void ScriptRunner::fail(const Command& command, std::string_view what) {
  finish(std::unexpected(fmt::format("{}:{}: {}", file_, command.line, what)));
}

void ScriptRunner::finish(Outcome outcome) {
  outcome_ = std::move(outcome);
  deadline_.reset();
  if (done_) done_(*outcome_);
}

void ScriptRunner::on_message(const Flow& flow, std::string_view bytes, TimePoint now) {
  phone_.on_message(flow, bytes, now);
  if (!outcome_) go_on();
}

void ScriptRunner::on_timers(TimePoint now) {
  phone_.on_timers(now);
  if (!outcome_) go_on();
}

void ScriptRunner::on_flow_closed(const Flow& flow, TimePoint now) {
  phone_.on_flow_closed(flow, now);
  if (!outcome_) go_on();
}

std::optional<TimePoint> ScriptRunner::next_timer() const {
  const auto timer = phone_.next_timer();
  if (!deadline_) return timer;
  return timer ? std::min(*timer, *deadline_) : deadline_;
}

}  // namespace lamplighter::phone
