#include "proof/sim_server.h"

#include <optional>
#include <stdexcept>
#include <unordered_map>
#include <utility>

#include "proof/history.h"
#include "server/core.h"
#include "server/desk_store.h"
#include "server/restore.h"
#include "sip/uri.h"

namespace lamplighter::proof {
namespace {

using namespace std::chrono_literals;

bool same_uri(std::string_view a, std::string_view b) {
  if (a == b) return true;
  const auto left = sip::parse_uri(a);
  const auto right = sip::parse_uri(b);
  return left && right && sip::equivalent(*left, *right);
}

service::DialPlanSettings dial_plan() {
  return {.lights = {{"431", lamp::Light::kOn}, {"432", lamp::Light::kOff}, {"433", lamp::Light::kHold}},
          .toggles = {std::string(kToggleCode)},
          .key = std::to_string(kDialKey)};
}

constexpr lamp::DeliveryTiming kTiming;

lamp::PhonesSettings phones_settings(const SimServer::Setup& setup) {
  lamp::PhonesSettings settings;
  settings.timing = kTiming;
  settings.seed = setup.seed;
  if (setup.without.retries) settings.timing.retry_first = settings.timing.retry_max = 24h;
  return settings;
}

}  // namespace

struct SimServer::Impl {
  /// A worker: what the core sends and gets passes by the watcher, and tasks remember whether a registration posted
  /// them.
  struct Lane final : Sender, Executor, transport::Receiver {
    Lane(Impl& its_server, transport::SimNetwork::Node& its_node) : server(its_server), node(its_node) {}

    bool send(const Flow& flow, std::string_view bytes) override {
      server.watcher.on_server_sends(flow.remote, bytes);
      if (server.looked_after != 0) server.addresses[server.looked_after] = flow.remote;
      return node.send(flow, bytes);
    }
    void post(Task task) override {
      if (!server.disk.completing_registration()) return node.post(std::move(task));
      node.post([this, task = std::move(task)]() mutable {
        server.registering = true;
        task();
        server.registering = false;
      });
    }
    void on_message(const Flow& flow, std::string_view bytes, TimePoint now) override {
      server.watcher.on_server_takes(flow.remote, bytes);
      server.talking_to = flow.remote;
      core->on_message(flow, bytes, now);
      server.talking_to.reset();
      server.watcher.on_taken();
    }
    void on_timers(TimePoint now) override { core->on_timers(now); }
    std::optional<TimePoint> next_timer() const override { return core->next_timer(); }

    Impl& server;
    transport::SimNetwork::Node& node;
    std::unique_ptr<server::Core> core;
  };

  Impl(const Setup& setup, const Clock& its_clock, transport::SimNetwork& its_network, Disk& its_disk,
       ServerWatcher& its_watcher);
  ~Impl() {
    for (const auto& lane : lanes) network.remove(lane->node);  // first: tasks that wait know the cores
  }

  void commit(service::DeskRecord record, service::LampDesk::Stored stored);
  void wake(const lamp::Wake& wake);
  bool is_dropped(const lamp::Wake& wake) const;
  void load();

  const Without without;
  JumpGuard clock;
  transport::SimNetwork& network;
  Disk& disk;
  ServerWatcher& watcher;
  bool registering = false;
  std::optional<SocketAddress> talking_to;
  std::optional<SocketAddress> asked_by;  ///< who dialled or pressed, of the change that is being settled
  std::uint32_t looked_after = 0;
  std::unordered_map<std::uint32_t, SocketAddress> addresses;  ///< contacts that something was sent to

  server::CoreSettings settings;
  service::DialPlan plan;
  server::Domains domains;
  location::Credentials credentials;
  location::Location location{{}, same_uri};
  server::Authenticator authenticator;
  server::DialogCookie cookie{"a secret"};
  service::RecentPresses presses;
  lamp::Phones phones;
  service::LampDesk::Hooks hooks;  ///< the real ones; what the desk has goes through this class
  service::LampDesk desk;
  std::vector<std::unique_ptr<Lane>> lanes;
};

SimServer::Impl::Impl(const Setup& setup, const Clock& its_clock, transport::SimNetwork& its_network, Disk& its_disk,
                      ServerWatcher& its_watcher)
    : without(setup.without),
      clock(its_clock),
      network(its_network),
      disk(its_disk),
      watcher(its_watcher),
      plan(dial_plan()),
      domains({}, {setup.address.ip}, {setup.address.port}),
      authenticator({.realm = "lamplighter", .trusted = {Network::parse("10.0.0.0/8").value()}, .algorithms = {}},
                    credentials, clock, "a secret"),
      phones(phones_settings(setup), clock),
      hooks(server::desk_hooks(its_disk, {})),
      desk(phones, location, clock,
           {.commit = [this](service::DeskRecord record,
                             service::LampDesk::Stored stored) { commit(std::move(record), std::move(stored)); },
            .wake = [this](const lamp::Wake& who) { wake(who); }}) {
  settings.max_transactions = 10'000;
  const server::Shared shared{.clock = clock,
                              .settings = settings,
                              .dial_plan = plan,
                              .domains = domains,
                              .authenticator = authenticator,
                              .credentials = credentials,
                              .cookie = cookie,
                              .location = location,
                              .phones = phones,
                              .desk = desk,
                              .presses = presses,
                              .store = disk};
  std::vector<server::Core*> peers;
  for (unsigned i = 0; i < setup.workers; ++i) {
    const auto worker = static_cast<std::uint8_t>(i);
    auto& node = network.add(setup.address, worker);
    auto& lane = *lanes.emplace_back(std::make_unique<Lane>(*this, node));
    lane.core = std::make_unique<server::Core>(worker, shared, lane, lane, [&node](const SocketAddress& remote) {
      return std::optional(node.flow_to(remote));
    });
    node.attach(lane);
    peers.push_back(lane.core.get());
  }
  for (auto* core : peers) core->meet(peers);
  load();
}

void SimServer::Impl::commit(service::DeskRecord record, service::LampDesk::Stored stored) {
  watcher.on_change(record);
  if (without.waiting_for_store) {
    stored({});
    return hooks.commit(std::move(record), [](auto) {});
  }
  hooks.commit(std::move(record), [this, asker = talking_to, tell = std::move(stored)](auto done) mutable {
    asked_by = asker;
    tell(std::move(done));
    asked_by.reset();
  });
}

/// Without::other_contacts: whose address is known, and is not the one that asked, hears nothing.
bool SimServer::Impl::is_dropped(const lamp::Wake& wake) const {
  if (without.registration_news && registering) return true;
  if (!without.other_contacts || registering || !asked_by) return false;
  const auto known = addresses.find(wake.contact);
  return known != addresses.end() && known->second != *asked_by;
}

void SimServer::Impl::wake(const lamp::Wake& wake) {
  if (is_dropped(wake)) return;
  auto& lane = *lanes[wake.worker % lanes.size()];
  lane.post([this, &lane, wake] {
    looked_after = wake.contact;
    lane.core->look_after(wake);
    looked_after = 0;
  });
}

void SimServer::Impl::load() {
  disk.hide({.confirmations = without.kept_confirmations, .presses = without.remembered_presses});
  auto restored = server::restore(disk, location, phones, desk, presses, clock.wall(), lanes.size(),
                                  [this](location::Binding& bound) {
                                    bound.flow.worker = static_cast<std::uint8_t>(bound.flow.worker % lanes.size());
                                    return true;
                                  });
  disk.hide({});
  if (!restored) throw std::logic_error("the disk cannot be read: " + restored.error().what);
  if (restored->skipped != 0) throw std::logic_error("the disk holds nonsense");
  for (std::size_t i = 0; i < lanes.size(); ++i) {
    auto& core = *lanes[i]->core;
    lanes[i]->post([&core, list = std::move(restored->behind[i])]() mutable { core.restore_lamps(std::move(list)); });
  }
}

SimServer::SimServer(const Setup& setup, ManualClock& clock, transport::SimNetwork& network, Disk& disk,
                     ServerWatcher& watcher)
    : impl_(std::make_unique<Impl>(setup, clock, network, disk, watcher)) {}
SimServer::~SimServer() = default;

service::LampDesk& SimServer::desk() { return impl_->desk; }
lamp::Phones& SimServer::phones() { return impl_->phones; }

Duration SimServer::retry_bound() {
  const auto pause = std::chrono::duration_cast<Duration>(kTiming.retry_max * (1 + kTiming.jitter));
  const auto timer_f = 64 * transaction::TimerBase{}.t1;
  return timer_f + pause + kTiming.linger + 2s;
}

}  // namespace lamplighter::proof
