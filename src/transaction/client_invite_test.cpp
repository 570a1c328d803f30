#include "transaction/client_invite.h"

#include "transaction/machine_walk.h"

namespace lamplighter::transaction {
namespace {

using namespace act;
using namespace std::chrono_literals;
using State = ClientInvite::State;

ClientInvite after(bool reliable, std::initializer_list<std::function<void(ClientInvite&)>> steps) {
  ClientInvite machine(reliable);
  machine.on_created();
  for (const auto& step : steps) step(machine);
  return machine;
}

std::function<void(ClientInvite&)> response(int status) {
  return [status](ClientInvite& m) { m.on_response(status); };
}
const auto cancel = [](ClientInvite& m) { m.on_cancel(); };

std::vector<Situation<ClientInvite>> situations(bool reliable) {
  return {
      {"Calling", after(reliable, {})},
      {"Calling, cancelled", after(reliable, {cancel})},
      {"Proceeding", after(reliable, {response(180)})},
      {"Proceeding, cancelled", after(reliable, {response(180), cancel})},
      {"Completed", after(reliable, {response(404)})},
      {"Accepted", after(reliable, {response(200)})},
      {"Terminated", after(reliable, {[](ClientInvite& m) { m.on_timer(Timer::kB); }})},
  };
}

std::vector<Stimulus<ClientInvite>> events() {
  std::vector<Stimulus<ClientInvite>> all;
  for (const int status : {0, 100, 183, 200, 299, 302, 404, 699, 700}) {
    all.push_back({std::to_string(status), [status](ClientInvite& m) { return m.on_response(status); }});
  }
  all.push_back({"cancel", [](ClientInvite& m) { return m.on_cancel(); }});
  all.push_back({"transport error", [](ClientInvite& m) { return m.on_transport_error(); }});
  add_timers(all);
  return all;
}

std::vector<Row<ClientInvite>> rows(bool reliable) {
  std::vector<Row<ClientInvite>> all;
  const auto joined = [](std::vector<Action> a, const std::vector<Action>& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
  };
  const std::vector<Action> stop_calling =
      reliable ? std::vector{stop(Timer::kB)} : std::vector{stop(Timer::kA), stop(Timer::kB)};
  const Action start_d = start(Timer::kD, reliable ? 0s : 32s);
  struct Before {
    std::string name;
    std::vector<Action> stops;
  };
  for (const auto& [name, stops] : {Before{"Calling", stop_calling},
                                    {"Calling, cancelled", stop_calling},
                                    {"Proceeding", {}},
                                    {"Proceeding, cancelled", {stop(Timer::kCancel)}}}) {
    for (const char* status : {"200", "299"}) {
      all.push_back({name, status, State::kAccepted, joined(stops, {start(Timer::kM, 32s), kDeliver})});
    }
    for (const char* status : {"302", "404", "699"}) {
      all.push_back({name, status, State::kCompleted, joined(stops, {kSendAck, start_d, kDeliver})});
    }
    all.push_back({name, "transport error", State::kTerminated, {kTransportFailure, kTerminated}});
  }
  for (const char* status : {"100", "183"}) {
    all.push_back({"Calling", status, State::kProceeding, joined(stop_calling, {kDeliver})});
    all.push_back({"Calling, cancelled", status, State::kProceeding,
                   joined(stop_calling, {kSendCancel, start(Timer::kCancel, 32s), kDeliver})});
    all.push_back({"Proceeding", status, State::kProceeding, {kDeliver}});
    all.push_back({"Proceeding, cancelled", status, State::kProceeding, {kDeliver}});
  }
  for (const char* name : {"Calling", "Calling, cancelled"}) {
    all.push_back({name, "timer A", State::kCalling, {kSendRequest, start(Timer::kA, 1s)}});
    all.push_back({name, "timer B", State::kTerminated, {kTimeout, kTerminated}});
  }
  for (const char* name : {"Proceeding", "Proceeding, cancelled"}) {
    all.push_back({name, "timer Cancel", State::kTerminated, {kTimeout, kTerminated}});
  }
  all.push_back({"Proceeding", "cancel", State::kProceeding, {kSendCancel, start(Timer::kCancel, 32s)}});
  for (const char* status : {"302", "404", "699"}) all.push_back({"Completed", status, State::kCompleted, {kSendAck}});
  all.push_back({"Completed", "timer D", State::kTerminated, {kTerminated}});
  all.push_back({"Completed", "transport error", State::kTerminated, {kTerminated}});
  for (const char* status : {"200", "299"}) all.push_back({"Accepted", status, State::kAccepted, {kDeliver}});
  all.push_back({"Accepted", "timer M", State::kTerminated, {kTerminated}});
  return all;
}

TEST(ClientInvite, EveryStateMeetsEveryEventOnUnreliableTransport) { walk(situations(false), events(), rows(false)); }

TEST(ClientInvite, EveryStateMeetsEveryEventOnReliableTransport) { walk(situations(true), events(), rows(true)); }

TEST(ClientInvite, StartsRetransmittingOnlyOnUnreliableTransport) {
  ClientInvite udp(false);
  EXPECT_EQ(listed(udp.on_created()), (std::vector{kSendRequest, start(Timer::kA, 500ms), start(Timer::kB, 32s)}));
  ClientInvite tcp(true);
  EXPECT_EQ(listed(tcp.on_created()), (std::vector{kSendRequest, start(Timer::kB, 32s)}));
}

TEST(ClientInvite, TimerADoublesWithoutACap) {
  ClientInvite machine(false);
  machine.on_created();
  for (const auto interval : {1s, 2s, 4s, 8s, 16s, 32s}) {
    EXPECT_EQ(listed(machine.on_timer(Timer::kA)), (std::vector{kSendRequest, start(Timer::kA, interval)}));
  }
}

TEST(ClientInvite, TimersFollowTheRoundTripEstimate) {
  const TimerBase slow{.t1 = 2s, .t2 = 8s, .t4 = 10s};
  ClientInvite machine(false, slow);
  EXPECT_EQ(listed(machine.on_created()), (std::vector{kSendRequest, start(Timer::kA, 2s), start(Timer::kB, 128s)}));
}

}  // namespace
}  // namespace lamplighter::transaction
