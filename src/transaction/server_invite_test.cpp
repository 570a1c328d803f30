#include "transaction/server_invite.h"

#include "transaction/machine_walk.h"

namespace lamplighter::transaction {
namespace {

using namespace act;
using namespace std::chrono_literals;
using State = ServerInvite::State;

ServerInvite after(bool reliable, std::initializer_list<std::function<void(ServerInvite&)>> steps) {
  ServerInvite machine(reliable);
  machine.on_created();
  for (const auto& step : steps) step(machine);
  return machine;
}

std::function<void(ServerInvite&)> respond(int status) {
  return [status](ServerInvite& m) { m.on_respond(status); };
}
const auto ack = [](ServerInvite& m) { m.on_ack(); };
const auto timer_h = [](ServerInvite& m) { m.on_timer(Timer::kH); };

std::vector<Situation<ServerInvite>> situations(bool reliable) {
  return {
      {"Proceeding", after(reliable, {})},
      {"Proceeding, answered", after(reliable, {respond(100)})},
      {"Completed", after(reliable, {respond(404)})},
      {"Confirmed", after(reliable, {respond(404), ack})},
      {"Accepted", after(reliable, {respond(200)})},
      {"Terminated", after(reliable, {respond(404), timer_h})},
  };
}

std::vector<Stimulus<ServerInvite>> events() {
  std::vector<Stimulus<ServerInvite>> all;
  for (const int status : {0, 100, 183, 200, 299, 302, 404, 699, 700}) {
    all.push_back({std::to_string(status), [status](ServerInvite& m) { return m.on_respond(status); }});
  }
  all.push_back({"INVITE", [](ServerInvite& m) { return m.on_request(); }});
  all.push_back({"ACK", [](ServerInvite& m) { return m.on_ack(); }});
  all.push_back({"transport error", [](ServerInvite& m) { return m.on_transport_error(); }});
  add_timers(all);
  return all;
}

std::vector<Row<ServerInvite>> rows(bool reliable) {
  std::vector<Row<ServerInvite>> all;
  std::vector<Action> refused{kKeepResponse, kSendResponse};
  if (!reliable) refused.push_back(start(Timer::kG, 500ms));
  refused.push_back(start(Timer::kH, 32s));
  for (const char* name : {"Proceeding", "Proceeding, answered"}) {
    for (const char* status : {"100", "183"}) {
      all.push_back({name, status, State::kProceeding, {kKeepResponse, kSendResponse}});
    }
    for (const char* status : {"200", "299"}) {
      all.push_back({name, status, State::kAccepted, {kSendResponse, start(Timer::kL, 32s)}});
    }
    for (const char* status : {"302", "404", "699"}) all.push_back({name, status, State::kCompleted, refused});
    all.push_back({name, "transport error", State::kProceeding, {kTransportFailure}});
  }
  all.push_back({"Proceeding, answered", "INVITE", State::kProceeding, {kSendResponse}});
  all.push_back({"Completed", "INVITE", State::kCompleted, {kSendResponse}});
  all.push_back({"Completed", "ACK", State::kConfirmed,
                 reliable ? std::vector{stop(Timer::kH), start(Timer::kI, 0s)}
                          : std::vector{stop(Timer::kG), stop(Timer::kH), start(Timer::kI, 5s)}});
  all.push_back({"Completed", "timer G", State::kCompleted, {kSendResponse, start(Timer::kG, 1s)}});
  all.push_back({"Completed", "timer H", State::kTerminated, {kTimeout, kTerminated}});
  all.push_back({"Completed", "transport error", State::kCompleted, {kTransportFailure}});
  all.push_back({"Confirmed", "timer I", State::kTerminated, {kTerminated}});
  for (const char* status : {"200", "299"}) all.push_back({"Accepted", status, State::kAccepted, {kSendResponse}});
  all.push_back({"Accepted", "ACK", State::kAccepted, {kDeliverAck}});
  all.push_back({"Accepted", "timer L", State::kTerminated, {kTerminated}});
  all.push_back({"Accepted", "transport error", State::kAccepted, {kTransportFailure}});
  return all;
}

TEST(ServerInvite, EveryStateMeetsEveryEventOnUnreliableTransport) { walk(situations(false), events(), rows(false)); }

TEST(ServerInvite, EveryStateMeetsEveryEventOnReliableTransport) { walk(situations(true), events(), rows(true)); }

TEST(ServerInvite, HandsTheRequestToItsUserAndSendsNothingByItself) {
  for (const bool reliable : {false, true}) {
    ServerInvite machine(reliable);
    EXPECT_EQ(listed(machine.on_created()), std::vector{kDeliverRequest});
  }
}

TEST(ServerInvite, TimerGDoublesUpToT2) {
  auto machine = after(false, {respond(404)});
  for (const auto interval : {1s, 2s, 4s, 4s, 4s}) {
    EXPECT_EQ(listed(machine.on_timer(Timer::kG)), (std::vector{kSendResponse, start(Timer::kG, interval)}));
  }
}

}  // namespace
}  // namespace lamplighter::transaction
