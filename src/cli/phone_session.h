#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/guarded.h"
#include "phone/panel.h"
#include "phone/script_runner.h"
#include "phone/terminal_input.h"
#include "phone/user_agent.h"
#include "transport/worker.h"

namespace lamplighter::cli {

/// How the phone is shown and told what to do.
struct SessionOptions {
  bool json = false;
  bool colour = false;  ///< ANSI colours may be used
  bool panel = false;   ///< both ends are a terminal: draw the panel, read keys raw
  /// The script and what it is called; none: somebody types.
  std::optional<std::vector<phone::Command>> script;
  std::string script_name;
};

/// A virtual phone on a worker, and the person or script in front of it. The phone lives on the worker's thread;
/// terminal, signals and output on the caller's.
class PhoneSession final : public phone::PhoneObserver {
 public:
  PhoneSession(phone::Settings settings, transport::Worker& worker, const Clock& clock, const Flow& server,
               SessionOptions options);
  ~PhoneSession() override;

  /// Runs until quit, a signal, or the end of the script. The exit status.
  int run();

 private:
  /// What the worker's thread leaves for the other one.
  struct News {
    std::vector<std::string> lines;
    phone::PanelState panel;
    bool registered = false;
    std::optional<phone::ScriptRunner::Outcome> outcome;
  };

  void on_event(const phone::Event& event) override;
  void publish(std::vector<std::string> lines);
  void command(phone::Command command);
  void typed(std::string_view line);
  void press_function_key(int number);
  void on_input();
  void on_signal();
  void take_news();
  void begin_leaving();
  void redraw(const std::vector<std::string>& above);
  void say(std::string_view line);
  int timeout_ms() const;

  const SessionOptions options_;
  transport::Worker& worker_;
  const Clock& clock_;
  const TimePoint started_;
  phone::UserAgent agent_;
  std::unique_ptr<phone::ScriptRunner> runner_;
  Guarded<News> news_;
  int wake_ = -1, signals_ = -1;

  // The caller's thread only.
  phone::PanelState panel_;
  bool registered_ = false;
  phone::TerminalInput input_;
  std::string piped_;  ///< a line begun on a stdin that is no terminal
  bool stdin_open_ = true;
  std::size_t drawn_ = 0;  ///< lines of the panel on the screen
  std::optional<TimePoint> leave_by_;
  bool left_ = false;
  int status_ = 0;
};

}  // namespace lamplighter::cli
