#include "transaction/server_non_invite.h"

#include "transaction/machine_walk.h"

namespace lamplighter::transaction {
namespace {

using namespace act;
using namespace std::chrono_literals;
using State = ServerNonInvite::State;

ServerNonInvite after(bool reliable, std::initializer_list<std::function<void(ServerNonInvite&)>> steps) {
  ServerNonInvite machine(reliable);
  machine.on_created();
  for (const auto& step : steps) step(machine);
  return machine;
}

std::function<void(ServerNonInvite&)> respond(int status) {
  return [status](ServerNonInvite& m) { m.on_respond(status); };
}
std::function<void(ServerNonInvite&)> timer(Timer which) {
  return [which](ServerNonInvite& m) { m.on_timer(which); };
}

std::vector<Stimulus<ServerNonInvite>> events() {
  std::vector<Stimulus<ServerNonInvite>> all;
  for (const int status : {0, 100, 183, 200, 302, 404, 408, 699, 700}) {
    all.push_back({std::to_string(status), [status](ServerNonInvite& m) { return m.on_respond(status); }});
  }
  all.push_back({"request", [](ServerNonInvite& m) { return m.on_request(); }});
  all.push_back({"transport error", [](ServerNonInvite& m) { return m.on_transport_error(); }});
  add_timers(all);
  return all;
}

void add_common_rows(std::vector<Row<ServerNonInvite>>& all) {
  all.push_back({"Proceeding", "request", State::kProceeding, {kSendResponse}});
  all.push_back({"Completed", "request", State::kCompleted, {kSendResponse}});
  for (const char* name : {"Completed", "Completed by 408"}) {
    all.push_back({name, "timer J", State::kTerminated, {kTerminated}});
    all.push_back({name, "transport error", State::kTerminated, {kTransportFailure, kTerminated}});
  }
}

void add_final_rows(std::vector<Row<ServerNonInvite>>& all, const char* name, Timer waiting, Duration timer_j) {
  for (const char* status : {"200", "302", "404", "699"}) {
    all.push_back(
        {name, status, State::kCompleted, {stop(waiting), kKeepResponse, kSendResponse, start(Timer::kJ, timer_j)}});
  }
  all.push_back({name, "408", State::kCompleted, {stop(waiting), start(Timer::kJ, timer_j)}});
  all.push_back({name, "transport error", State::kTerminated, {kTransportFailure, kTerminated}});
  all.push_back({name, "timer Guard", State::kTerminated, {kTimeout, kTerminated}});
}

TEST(ServerNonInvite, EveryStateMeetsEveryEventOnUnreliableTransport) {
  const auto timer_e = timer(Timer::kE);
  const std::vector<Situation<ServerNonInvite>> situations{
      {"Trying", after(false, {})},
      {"Trying, 100 held", after(false, {respond(100)})},
      {"Trying, late", after(false, {timer_e})},
      {"Proceeding", after(false, {timer_e, respond(100)})},
      {"Completed", after(false, {respond(200)})},
      {"Completed by 408", after(false, {respond(408)})},
      {"Terminated", after(false, {respond(200), timer(Timer::kJ)})},
  };
  std::vector<Row<ServerNonInvite>> rows;
  add_common_rows(rows);
  const auto guard = start(Timer::kGuard, 60500ms);
  for (const char* name : {"Trying", "Trying, 100 held"}) {
    rows.push_back({name, "100", State::kTrying, {kKeepResponse}});
    add_final_rows(rows, name, Timer::kE, 32s);
  }
  rows.push_back({"Trying", "timer E", State::kTrying, {guard}});
  rows.push_back({"Trying, 100 held", "timer E", State::kProceeding, {kSendResponse, guard}});
  for (const char* name : {"Trying, late", "Proceeding"}) {
    rows.push_back({name, "100", State::kProceeding, {kKeepResponse, kSendResponse}});
    add_final_rows(rows, name, Timer::kGuard, 32s);
  }
  walk(situations, events(), rows);
}

TEST(ServerNonInvite, EveryStateMeetsEveryEventOnReliableTransport) {
  const std::vector<Situation<ServerNonInvite>> situations{
      {"Trying", after(true, {})},
      {"Proceeding", after(true, {respond(100)})},
      {"Completed", after(true, {respond(200)})},
      {"Completed by 408", after(true, {respond(408)})},
      {"Terminated", after(true, {respond(200), timer(Timer::kJ)})},
  };
  std::vector<Row<ServerNonInvite>> rows;
  add_common_rows(rows);
  for (const char* name : {"Trying", "Proceeding"}) {
    rows.push_back({name, "100", State::kProceeding, {kKeepResponse, kSendResponse}});
    add_final_rows(rows, name, Timer::kGuard, 0s);
  }
  walk(situations, events(), rows);
}

TEST(ServerNonInvite, GuardsAgainstAUserThatNeverAnswers) {
  ServerNonInvite udp(false);
  EXPECT_EQ(listed(udp.on_created()), (std::vector{start(Timer::kE, 3500ms), kDeliverRequest}));
  ServerNonInvite tcp(true);
  EXPECT_EQ(listed(tcp.on_created()), (std::vector{start(Timer::kGuard, 64s), kDeliverRequest}));
}

}  // namespace
}  // namespace lamplighter::transaction
