#include "transaction/client_non_invite.h"

#include "transaction/machine_walk.h"

namespace lamplighter::transaction {
namespace {

using namespace act;
using namespace std::chrono_literals;
using State = ClientNonInvite::State;

ClientNonInvite after(bool reliable, std::initializer_list<int> statuses) {
  ClientNonInvite machine(reliable);
  machine.on_created();
  for (const int status : statuses) machine.on_response(status);
  return machine;
}

ClientNonInvite timed_out(bool reliable) {
  auto machine = after(reliable, {});
  machine.on_timer(Timer::kF);
  return machine;
}

std::vector<Situation<ClientNonInvite>> situations(bool reliable) {
  return {{"Trying", after(reliable, {})},
          {"Proceeding", after(reliable, {100})},
          {"Completed", after(reliable, {200})},
          {"Terminated", timed_out(reliable)}};
}

std::vector<Stimulus<ClientNonInvite>> events() {
  std::vector<Stimulus<ClientNonInvite>> all;
  for (const int status : {0, 100, 183, 200, 302, 404, 699, 700}) {
    all.push_back({std::to_string(status), [status](ClientNonInvite& m) { return m.on_response(status); }});
  }
  all.push_back({"transport error", [](ClientNonInvite& m) { return m.on_transport_error(); }});
  all.push_back({"resend", [](ClientNonInvite& m) { return m.on_resend(); }});
  add_timers(all);
  return all;
}

std::vector<Row<ClientNonInvite>> rows(bool reliable) {
  std::vector<Row<ClientNonInvite>> all;
  std::vector<Action> completed{stop(Timer::kF), start(Timer::kK, reliable ? 0s : 5s), kDeliver};
  if (!reliable) completed.insert(completed.begin(), stop(Timer::kE));
  for (const char* name : {"Trying", "Proceeding"}) {
    for (const char* status : {"100", "183"}) all.push_back({name, status, State::kProceeding, {kDeliver}});
    for (const char* status : {"200", "302", "404", "699"}) all.push_back({name, status, State::kCompleted, completed});
    all.push_back({name, "timer F", State::kTerminated, {kTimeout, kTerminated}});
    all.push_back({name, "transport error", State::kTerminated, {kTransportFailure, kTerminated}});
  }
  if (!reliable) {
    all.push_back({"Trying", "resend", State::kTrying, {kSendRequest, start(Timer::kE, 500ms)}});
    all.push_back({"Proceeding", "resend", State::kProceeding, {kSendRequest, start(Timer::kE, 4s)}});
  }
  all.push_back({"Trying", "timer E", State::kTrying, {kSendRequest, start(Timer::kE, 1s)}});
  all.push_back({"Proceeding", "timer E", State::kProceeding, {kSendRequest, start(Timer::kE, 4s)}});
  all.push_back({"Completed", "timer K", State::kTerminated, {kTerminated}});
  return all;
}

TEST(ClientNonInvite, EveryStateMeetsEveryEventOnUnreliableTransport) {
  walk(situations(false), events(), rows(false));
}

TEST(ClientNonInvite, EveryStateMeetsEveryEventOnReliableTransport) { walk(situations(true), events(), rows(true)); }

TEST(ClientNonInvite, StartsRetransmittingOnlyOnUnreliableTransport) {
  ClientNonInvite udp(false);
  EXPECT_EQ(listed(udp.on_created()), (std::vector{kSendRequest, start(Timer::kE, 500ms), start(Timer::kF, 32s)}));
  ClientNonInvite tcp(true);
  EXPECT_EQ(listed(tcp.on_created()), (std::vector{kSendRequest, start(Timer::kF, 32s)}));
}

TEST(ClientNonInvite, TimerEDoublesUpToT2) {
  ClientNonInvite machine(false);
  machine.on_created();
  for (const auto interval : {1s, 2s, 4s, 4s, 4s}) {
    EXPECT_EQ(listed(machine.on_timer(Timer::kE)), (std::vector{kSendRequest, start(Timer::kE, interval)}));
  }
}

}  // namespace
}  // namespace lamplighter::transaction
