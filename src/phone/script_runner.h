#pragma once

#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "phone/panel.h"
#include "phone/script.h"
#include "phone/user_agent.h"
#include "transport/receiver.h"

namespace lamplighter::phone {

/// What the panel shows of a phone.
PanelState panel_of(const UserAgent& phone);

/// Whether a condition holds now; otherwise what is: "key 2 is off", "the phone is talking with sip:102@127.0.0.1".
std::expected<void, std::string> check(const Condition& condition, const UserAgent& phone);

/// Does what a command says, when it is one for the phone itself; waits, sleeps and the like are their reader's
/// business.
UserAgent::Result perform(const Command& command, UserAgent& phone);

/// A phone that follows a script. Stands between the network and the phone, so that after every message and timer the
/// script goes on as far as it can; in real and in virtual time alike.
class ScriptRunner final : public transport::Receiver {
 public:
  /// How it ended: nothing, or "FILE:LINE: what was expected, what is".
  using Outcome = std::expected<void, std::string>;

  ScriptRunner(UserAgent& phone, const Clock& clock, std::string file, std::vector<Command> commands);

  /// Called once, at the end.
  void when_done(std::function<void(const Outcome&)> done) { done_ = std::move(done); }
  /// Called for `show`, with the panel drawn.
  void when_shown(std::function<void(const PanelState&)> show) { show_ = std::move(show); }

  void start() { go_on(); }
  const std::optional<Outcome>& outcome() const { return outcome_; }

  void on_message(const Flow& flow, std::string_view bytes, TimePoint now) override;
  void on_timers(TimePoint now) override;
  std::optional<TimePoint> next_timer() const override;
  void on_flow_closed(const Flow& flow, TimePoint now) override;

 private:
  void go_on();
  /// Whether the command is done, so that the next one can start.
  bool step(const Command& command);
  void finish(Outcome outcome);
  void fail(const Command& command, std::string_view what);

  UserAgent& phone_;
  const Clock& clock_;
  std::string file_;
  std::vector<Command> commands_;
  std::size_t next_ = 0;
  std::optional<TimePoint> deadline_;  ///< of the wait or sleep under way
  std::optional<Outcome> outcome_;
  std::function<void(const Outcome&)> done_;
  std::function<void(const PanelState&)> show_;
};

}  // namespace lamplighter::phone
