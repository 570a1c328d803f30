#include "transport/sim_network.h"

#include <algorithm>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <utility>

namespace lamplighter::transport {
namespace {

constexpr Duration kHop = std::chrono::milliseconds{1};
constexpr Duration kPollEvery = std::chrono::milliseconds{1};
constexpr std::uint64_t kChoiceKey = 0x6c616d70;  // fixed: runs must be repeatable
// Nothing real does this much in one instant: a receiver asks for a timer now, again and again, and would hang the
// test.
constexpr int kMostEventsInAnInstant = 10'000'000;

}  // namespace

struct SimNetwork::Impl {
  class NodeAt;

  struct Event {
    enum class Kind : std::uint8_t { kDatagram, kTimer, kTask };
    TimePoint at;
    std::uint64_t sequence = 0;
    Kind kind = Kind::kDatagram;
    NodeAt* node = nullptr;  ///< kTimer, kTask; a datagram's is looked up on arrival
    SocketAddress from, to;
    std::string bytes;
    Task task;

    /// For the heap, whose top is the greatest: the earliest, and of those the first pushed.
    friend bool operator<(const Event& a, const Event& b) {
      return a.at != b.at ? a.at > b.at : a.sequence > b.sequence;
    }
  };

  explicit Impl(ManualClock& the_clock);
  ~Impl();

  bool send(const NodeAt& from, const Flow& flow, std::string_view bytes);
  void push(TimePoint at, Event event);
  void take_posted();
  void poll(NodeAt& node);
  void poll_all();
  bool step(TimePoint until);
  void run(Event& event);
  void deliver(const Event& event);
  NodeAt* node_for(const SocketAddress& to, const SocketAddress& from) const;

  ManualClock& clock;
  TimePoint polled;  ///< when poll_all() last ran
  TimePoint instant;
  int events_in_instant = 0;
  std::uint64_t sequence = 0;
  std::vector<Event> events;  ///< a heap
  std::vector<std::unique_ptr<NodeAt>> nodes;
  /// Kept, so that whoever still holds a removed node can call it: it does nothing.
  std::vector<std::unique_ptr<NodeAt>> removed;
  std::map<SocketAddress, std::vector<NodeAt*>> by_address;
  std::shared_ptr<Interceptor> interceptor;
  std::function<void(const SocketAddress&, const SocketAddress&, std::string_view)> see;
  std::mutex posted_mutex;  ///< the one door for other threads, such as a store's
  std::vector<std::pair<NodeAt*, Task>> posted;
};

class SimNetwork::Impl::NodeAt final : public SimNetwork::Node {
 public:
  NodeAt(Impl& network, const SocketAddress& address, std::uint8_t worker)
      : network_(network), address_(address), worker_(worker) {}

  const SocketAddress& address() const override { return address_; }
  void attach(Receiver& to) override { receiver = &to; }
  Flow flow_to(const SocketAddress& remote) const override {
    Flow flow;
    flow.remote = remote;
    flow.local = address_;
    flow.worker = worker_;
    return flow;
  }
  bool send(const Flow& flow, std::string_view bytes) override {
    if (!alive || flow.connection != 0) return false;
    return network_.send(*this, flow, bytes);
  }
  void post(Task task) override {
    std::lock_guard lock(network_.posted_mutex);
    if (alive) network_.posted.emplace_back(this, std::move(task));
  }

  Receiver* receiver = nullptr;
  bool alive = true;  ///< written under posted_mutex
  /// The timer event in the heap that counts; the others were overtaken by an earlier one.
  std::uint64_t timer_sequence = 0;
  std::optional<TimePoint> timer_at;

 private:
  Impl& network_;
  SocketAddress address_;
  std::uint8_t worker_;
};

SimNetwork::Impl::Impl(ManualClock& the_clock) : clock(the_clock), polled(the_clock.now()) {}
SimNetwork::Impl::~Impl() = default;

bool SimNetwork::Impl::send(const NodeAt& from, const Flow& flow, std::string_view bytes) {
  std::vector<Duration> delays;
  if (interceptor) {
    interceptor->pass(Direction::kOut, flow, bytes, delays);
  } else {
    delays.push_back(kHop);
  }
  for (auto delay : delays) {
    Event event;
    event.from = from.address();
    event.to = flow.remote;
    event.bytes = bytes;
    push(clock.now() + delay, std::move(event));
  }
  return true;
}

void SimNetwork::Impl::push(TimePoint at, Event event) {
  event.at = std::max(at, clock.now());
  event.sequence = ++sequence;
  events.push_back(std::move(event));
  std::push_heap(events.begin(), events.end());
}

void SimNetwork::Impl::take_posted() {
  std::vector<std::pair<NodeAt*, Task>> tasks;
  {
    std::lock_guard lock(posted_mutex);
    tasks.swap(posted);
  }
  for (auto& [node, task] : tasks) {
    Event event;
    event.kind = Event::Kind::kTask;
    event.node = node;
    event.task = std::move(task);
    push(clock.now(), std::move(event));
  }
}

void SimNetwork::Impl::poll(NodeAt& node) {
  if (!node.alive || node.receiver == nullptr) return;
  auto next = node.receiver->next_timer();
  if (!next || (node.timer_at && *node.timer_at <= *next)) return;  // an early call is harmless and asks again
  Event event;
  event.kind = Event::Kind::kTimer;
  event.node = &node;
  push(*next, std::move(event));
  node.timer_at = *next;
  node.timer_sequence = sequence;
}

void SimNetwork::Impl::poll_all() {
  // By index: next_timer() has no business adding nodes, but a test's might.
  for (std::size_t i = 0; i < nodes.size(); ++i) poll(*nodes[i]);
  polled = clock.now();
}

SimNetwork::Impl::NodeAt* SimNetwork::Impl::node_for(const SocketAddress& to, const SocketAddress& from) const {
  auto found = by_address.find(to);
  if (found == by_address.end()) return nullptr;
  const auto& sharing = found->second;
  return sharing[sharing.size() == 1 ? 0 : hash_of(from, kChoiceKey) % sharing.size()];
}

/// Runs the next event not later than `until`; false when there is none.
bool SimNetwork::Impl::step(TimePoint until) {
  take_posted();
  // Timers may have been set from outside a callback (a test told a phone to register): look at every node before time
  // moves on noticeably.
  if (events.empty() || events.front().at - polled >= kPollEvery) poll_all();
  if (events.empty() || events.front().at > until) return false;
  std::pop_heap(events.begin(), events.end());
  Event event = std::move(events.back());
  events.pop_back();
  if (event.at > clock.now()) clock.advance(event.at - clock.now());
  if (instant != clock.now()) {
    instant = clock.now();
    events_in_instant = 0;
  }
  if (++events_in_instant > kMostEventsInAnInstant) {
    throw std::logic_error("simulated network: time stands still, a receiver keeps asking to be called now");
  }
  run(event);
  return true;
}

void SimNetwork::Impl::run(Event& event) {
  switch (event.kind) {
    case Event::Kind::kDatagram: deliver(event); return;
    case Event::Kind::kTimer:
      if (!event.node->alive || event.sequence != event.node->timer_sequence) return;
      event.node->timer_at.reset();
      event.node->receiver->on_timers(clock.now());
      poll(*event.node);
      return;
    case Event::Kind::kTask:
      if (!event.node->alive) return;
      event.task();
      poll(*event.node);
      return;
  }
}

void SimNetwork::Impl::deliver(const Event& event) {
  if (see) see(event.from, event.to, event.bytes);
  NodeAt* node = node_for(event.to, event.from);
  if (node == nullptr || node->receiver == nullptr) return;  // nobody listens there
  node->receiver->on_message(node->flow_to(event.from), event.bytes, clock.now());
  poll(*node);  // does nothing when the callback removed it
}

SimNetwork::SimNetwork(ManualClock& clock) : impl_(std::make_unique<Impl>(clock)) {}
SimNetwork::~SimNetwork() = default;

SimNetwork::Node& SimNetwork::add(const SocketAddress& address, std::uint8_t worker) {
  auto& node = *impl_->nodes.emplace_back(std::make_unique<Impl::NodeAt>(*impl_, address, worker));
  impl_->by_address[address].push_back(&node);
  return node;
}

void SimNetwork::remove(Node& node) {
  auto& nodes = impl_->nodes;
  auto found = std::find_if(nodes.begin(), nodes.end(), [&](const auto& each) { return each.get() == &node; });
  if (found == nodes.end()) return;
  Impl::NodeAt* gone = found->get();
  {
    std::lock_guard lock(impl_->posted_mutex);
    gone->alive = false;
  }
  gone->receiver = nullptr;
  auto sharing = impl_->by_address.find(gone->address());
  std::erase(sharing->second, gone);
  if (sharing->second.empty()) impl_->by_address.erase(sharing);
  impl_->removed.push_back(std::move(*found));
  nodes.erase(found);

  // Its tasks end now, with what they hold. A task's destructor may call back: take them out before they are destroyed.
  std::vector<Impl::Event> dropped;
  auto& events = impl_->events;
  auto keep =
      std::partition(events.begin(), events.end(), [&](const Impl::Event& event) { return event.node != gone; });
  std::move(keep, events.end(), std::back_inserter(dropped));
  events.erase(keep, events.end());
  std::make_heap(events.begin(), events.end());
  std::vector<std::pair<Impl::NodeAt*, Task>> unposted;
  std::lock_guard lock(impl_->posted_mutex);
  for (auto& each : impl_->posted) {
    if (each.first == gone) unposted.push_back(std::move(each));
  }
  std::erase_if(impl_->posted, [&](const auto& each) { return each.first == gone; });
}

void SimNetwork::intercept(std::shared_ptr<Interceptor> interceptor) { impl_->interceptor = std::move(interceptor); }

void SimNetwork::observe(
    std::function<void(const SocketAddress& from, const SocketAddress& to, std::string_view bytes)> see) {
  impl_->see = std::move(see);
}

bool SimNetwork::run_until(const std::function<bool()>& done, Duration limit) {
  TimePoint until = impl_->clock.now() + limit;
  impl_->poll_all();
  if (done()) return true;
  while (impl_->step(until)) {
    if (done()) return true;
  }
  if (until > impl_->clock.now()) impl_->clock.advance(until - impl_->clock.now());
  return done();
}

void SimNetwork::run_for(Duration span) {
  TimePoint until = impl_->clock.now() + span;
  impl_->poll_all();
  while (impl_->step(until)) {
  }
  if (until > impl_->clock.now()) impl_->clock.advance(until - impl_->clock.now());
}

}  // namespace lamplighter::transport
