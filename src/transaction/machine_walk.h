#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <ostream>
#include <string>
#include <vector>

#include "transaction/machine.h"

// For the machines' tests: walks every state × event and compares with a table.
namespace lamplighter::transaction {

inline void PrintTo(const Action& action, std::ostream* out) {
  static constexpr const char* kKinds[] = {
      "SendRequest", "SendAck",        "SendCancel", "KeepResponse", "SendResponse",     "Start",     "Stop",
      "Deliver",     "DeliverRequest", "DeliverAck", "Timeout",      "TransportFailure", "Terminated"};
  static constexpr const char* kTimers[] = {"A", "B", "C", "D", "E", "F",      "G",     "H",
                                            "I", "J", "K", "L", "M", "Cancel", "Guard", "FlowGone"};
  *out << kKinds[static_cast<int>(action.kind)];
  if (action.kind != Action::Kind::kStart && action.kind != Action::Kind::kStop) return;
  *out << " " << kTimers[static_cast<int>(action.timer)];
  if (action.kind == Action::Kind::kStart) {
    *out << " " << std::chrono::duration_cast<std::chrono::milliseconds>(action.after).count() << "ms";
  }
}

/// A machine brought into a state (or a shade of one).
template <typename Machine>
struct Situation {
  std::string name;
  Machine machine;
};

template <typename Machine>
struct Stimulus {
  std::string name;
  std::function<Actions(Machine&)> apply;
};

/// What an event does in a situation. Pairs without a row change nothing and yield nothing.
template <typename Machine>
struct Row {
  std::string situation;
  std::string event;
  typename Machine::State to;
  std::vector<Action> actions;
};

inline std::vector<Action> listed(const Actions& actions) { return {actions.begin(), actions.end()}; }

/// An event for each timer there is, so that also the wrong ones are tried.
template <typename Machine>
void add_timers(std::vector<Stimulus<Machine>>& events) {
  static constexpr const char* kNames = "ABCDEFGHIJKLM";
  for (int i = 0; i <= static_cast<int>(Timer::kM); ++i) {
    const auto timer = static_cast<Timer>(i);
    events.push_back({std::string("timer ") + kNames[i], [timer](Machine& m) { return m.on_timer(timer); }});
  }
  events.push_back({"timer Cancel", [](Machine& m) { return m.on_timer(Timer::kCancel); }});
  events.push_back({"timer Guard", [](Machine& m) { return m.on_timer(Timer::kGuard); }});
}

template <typename Machine>
void walk(const std::vector<Situation<Machine>>& situations, const std::vector<Stimulus<Machine>>& events,
          const std::vector<Row<Machine>>& rows) {
  for (const auto& row : rows) {
    EXPECT_TRUE(std::ranges::any_of(situations, [&](const auto& s) { return s.name == row.situation; }))
        << row.situation;
    EXPECT_TRUE(std::ranges::any_of(events, [&](const auto& e) { return e.name == row.event; })) << row.event;
  }
  for (const auto& situation : situations) {
    for (const auto& event : events) {
      SCOPED_TRACE(situation.name + " x " + event.name);
      auto machine = situation.machine;
      auto to = machine.state();
      std::vector<Action> actions;
      int found = 0;
      for (const auto& row : rows) {
        if (row.situation != situation.name || row.event != event.name) continue;
        ++found;
        to = row.to;
        actions = row.actions;
      }
      EXPECT_LE(found, 1);
      EXPECT_EQ(listed(event.apply(machine)), actions);
      EXPECT_EQ(machine.state(), to);
    }
  }
}

}  // namespace lamplighter::transaction
