#include "proof/world.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <set>
#include <utility>

#include "lamp/model.h"
#include "phone/user_agent.h"

namespace lamplighter::proof {
namespace {

using namespace std::chrono_literals;
using Kind = Step::Kind;

const SocketAddress kServer{IpAddress::v4(0x0a000001), 5060};
constexpr auto kSlice = 250ms;
// What was sent before everything was mended may still arrive, and be an order nobody knew of: timer T4.
constexpr auto kUnderWay = 5s;
// A phone that was refused or not heard waits up to 30 s, and for the answer to a REGISTER up to 32 s.
constexpr Duration kPhoneBound = 64s;
// Longer than the longest delay of History::from(): 71 + 80 + 180 ms.
constexpr Duration kStartTime = 600ms;
// Longer than any request is repeated: what is still under way must do no harm.
constexpr Duration kQuiet = 40s;
constexpr std::array<std::string_view, 4> kModels{"snom370", "snomD785", "snom320", "snom300"};

/// A virtual phone and its line to the network, which may come out at another port now and then (NAT).
class Handset final : Sender, phone::PhoneObserver, transport::Receiver {
 public:
  struct Context {
    ManualClock& clock;
    transport::SimNetwork& network;
    Oracle& oracle;
    const std::function<void(const std::string&)>& trace;
  };

  Handset(unsigned number, const std::string& user, std::string_view model, std::uint64_t seed, const Context& context)
      : number_(number),
        context_(context),
        port_(static_cast<std::uint16_t>(5000 + 100 * number)),
        node_(&connect()),
        agent_(phone::Settings::of(phone::Identity::parse(fmt::format("sip:{}@10.0.0.1", user)).value(),
                                   *lamp::model_named(model)),
               *this, context.clock, node_->flow_to(kServer), seed, *this) {}

  phone::UserAgent& agent() { return agent_; }
  const phone::UserAgent& agent() const { return agent_; }
  const SocketAddress& address() const { return node_->address(); }

  void move() {
    context_.network.remove(*node_);
    ++port_;
    node_ = &connect();
    (void)agent_.register_now();
  }
  /// Whether the latest REGISTER has come from where the phone is now, every copy of it.
  bool registered_here() const {
    return agent_.registration() == phone::RegistrationState::kRegistered && register_ports_.size() == 1 &&
           register_ports_.contains(port_);
  }

 private:
  transport::SimNetwork::Node& connect() {
    auto& node = context_.network.add({IpAddress::v4(0x0a000064 + number_), port_});
    node.attach(*this);
    context_.oracle.phone_is_at(number_, node.address());
    return node;
  }

  bool send(const Flow& flow, std::string_view bytes) override {
    if (!agent_.plugged()) return true;
    if (bytes.starts_with("REGISTER ")) {
      const auto cseq = bytes.substr(bytes.find("\r\nCSeq: "), 24);
      if (std::exchange(register_, std::string(cseq)) != cseq) register_ports_.clear();
      register_ports_.insert(port_);
    }
    return node_->send(node_->flow_to(flow.remote), bytes);
  }
  void on_message(const Flow& flow, std::string_view bytes, TimePoint now) override {
    agent_.on_message(flow, bytes, now);
  }
  void on_timers(TimePoint now) override { agent_.on_timers(now); }
  std::optional<TimePoint> next_timer() const override { return agent_.next_timer(); }

  void on_event(const phone::Event& event) override {
    using Type = phone::Event::Type;
    switch (event.type) {
      case Type::kBooting: context_.oracle.phone_boots(number_); break;
      case Type::kKey: context_.oracle.phone_shows(number_, event.key, event.lamp); break;
      case Type::kIgnored:
      case Type::kRefused:
        context_.oracle.fail('a', fmt::format("phone {} refused what the server sent: key \"{}\" {} {}", number_,
                                              event.key, event.status, event.reason));
        break;
      default: break;
    }
    if (!context_.trace) return;
    std::string what;
    if (event.type == Type::kKey) {
      what = fmt::format(" key {} {} \"{}\"", event.key, lamp::name_of(event.lamp.light), event.lamp.label);
    } else if (event.status != 0) {
      what = fmt::format(" {} {}", event.status, event.reason);
    }
    context_.trace(fmt::format("    phone {}: {}{}", number_, phone::name_of(event.type), what));
  }

  const unsigned number_;
  const Context context_;
  std::uint16_t port_;
  transport::SimNetwork::Node* node_;
  std::string register_;                    ///< CSeq line of the latest REGISTER
  std::set<std::uint16_t> register_ports_;  ///< where its copies came from
  phone::UserAgent agent_;
};

class World final : public ServerWatcher {
 public:
  World(const History& history, const WorldOptions& options);
  ~World() override { server_.reset(); }

  Verdict run();

 private:
  void on_server_sends(const SocketAddress& to, std::string_view bytes) override;
  void on_server_takes(const SocketAddress& from, std::string_view bytes) override;
  void on_taken() override { oracle_.taken(); }
  void on_change(const service::DeskRecord& record) override;

  void make(const Step& step, std::size_t index);
  void write(const std::string& user, const std::vector<lamp::Edit>& edits, bool replace);
  void start();
  void crash(std::size_t survivors);
  Durable read_disk();
  void heal();
  void mend_registrations();
  /// Empty when every lamp shows what it shall; else what is wrong.
  std::string wrong();
  void trace(const std::string& what) const {
    if (options_.trace) options_.trace(what);
  }
  std::string now_text() const {
    return fmt::format("{:9.3f}", std::chrono::duration<double>(clock_.now() - begin_).count());
  }

  const History& history_;
  const WorldOptions& options_;
  ManualClock clock_;
  const TimePoint begin_ = clock_.now();
  transport::SimNetwork network_{clock_};
  Disk disk_{clock_, network_};
  Oracle oracle_;
  std::vector<std::unique_ptr<Handset>> phones_;
  std::unique_ptr<SimServer> server_;
  std::chrono::seconds wall_error_{0};
  unsigned lives_ = 0;
  TimePoint mended_{};
  std::optional<TimePoint> crashed_;
  std::size_t requests_ = 0;
};

std::vector<std::string> aors(const History& history) {
  std::vector<std::string> out;
  for (const auto& user : history.phones) out.push_back(user + "@localhost");
  return out;
}

World::World(const History& history, const WorldOptions& options)
    : history_(history), options_(options), oracle_(clock_, aors(history)) {
  start();
  for (unsigned i = 0; i < history.phones.size(); ++i) {
    // Phones of one user differ in model, and so in instance: the same one twice would be one phone.
    phones_.push_back(std::make_unique<Handset>(i + 1, history.phones[i], kModels[i % kModels.size()],
                                                history.seed + i + 1,
                                                Handset::Context{clock_, network_, oracle_, options_.trace}));
  }
}

void World::on_server_sends(const SocketAddress& to, std::string_view bytes) {
  if (bytes.starts_with("MESSAGE ")) ++requests_;
  if (options_.trace) {
    trace(fmt::format("{}   server → {} {}", now_text(), to.to_string(), bytes.substr(0, bytes.find("\r\n"))));
    if (bytes.starts_with("MESSAGE ")) {
      auto body = std::string(bytes.substr(bytes.find("\r\n\r\n") + 4));
      std::ranges::replace(body, '\r', ' ');
      std::ranges::replace(body, '\n', ' ');
      trace(fmt::format("            {}", body));
    }
  }
  oracle_.server_sends(to, bytes);
}

void World::on_server_takes(const SocketAddress& from, std::string_view bytes) {
  if (options_.trace) {
    trace(fmt::format("{}   server ← {} {}", now_text(), from.to_string(), bytes.substr(0, bytes.find("\r\n"))));
  }
  oracle_.server_takes(from, bytes);
}

void World::on_change(const service::DeskRecord& record) {
  if (options_.trace) {
    for (const auto& change : record.changes) {
      trace(fmt::format("{}   key {} of {} shall be {} \"{}\", version {}{}", now_text(), change.name, change.aor,
                        change.key ? lamp::name_of(change.key->light) : "clear", change.key ? change.key->label : "",
                        change.version, record.press ? fmt::format(", press {:x}", record.press->id) : ""));
    }
  }
  oracle_.changed(record);
}

void World::start() {
  if (server_) return;
  // A process takes longer to come up than a datagram may be under way: what the one before it sent has arrived.
  if (crashed_ && clock_.now() < *crashed_ + kStartTime) network_.run_for(*crashed_ + kStartTime - clock_.now());
  SimServer::Setup setup{.address = kServer,
                         .workers = history_.workers,
                         .seed = history_.seed + 1000 * ++lives_,
                         .without = options_.without};
  server_ = std::make_unique<SimServer>(setup, clock_, network_, disk_, *this);
  oracle_.started();
  // What was durable is back.
  for (const auto& [name, state] : read_disk().keys) {
    const auto found = server_->phones().find(name.first, std::to_string(name.second));
    if (state.key && (!found || found->key != state.key || found->version != state.version)) {
      oracle_.fail('e', fmt::format("key {} of {}: version {} is on the disk, and the server came up with {}",
                                    name.second, name.first, state.version, found ? found->version : 0));
    }
  }
}

Durable World::read_disk() {
  Durable out;
  const auto number = [](const std::string& name) {
    unsigned key = 0;
    std::from_chars(name.data(), name.data() + name.size(), key);
    return key;
  };
  (void)disk_.load({.binding = {},
                    .key =
                        [&](std::string aor, lamp::KeyState state) {
                          const auto key = number(state.name);
                          out.keys[{std::move(aor), key}] = std::move(state);
                        },
                    .confirmation =
                        [&](const lamp::Confirmation& each) {
                          out.confirmed.emplace(each.contact, number(each.name), each.version);
                        },
                    .press = {},
                    .skipped = {}});
  return out;
}

void World::crash(std::size_t survivors) {
  if (!server_) return;
  crashed_ = clock_.now();
  disk_.cut(survivors);
  server_.reset();
  oracle_.crashed(read_disk());
}

void World::write(const std::string& user, const std::vector<lamp::Edit>& edits, bool replace) {
  if (!server_) return;
  const auto aor = user + "@localhost";
  // The answer may come at once, before the changes are returned.
  struct Pending {
    std::vector<lamp::Change> changes;
    bool stored = false;
  };
  auto pending = std::make_shared<Pending>();
  const auto acknowledge = [this, pending] {
    for (const auto& change : pending->changes) {
      unsigned key = 0;
      std::from_chars(change.name.data(), change.name.data() + change.name.size(), key);
      oracle_.acknowledged(change.aor, key, change.version);
    }
  };
  const auto changes = server_->desk().change(aor, edits, {lamp::Origin::Kind::kApi, "proof"}, replace,
                                              [pending, acknowledge](std::expected<void, std::string> done) {
                                                pending->stored = done.has_value();
                                                if (done) acknowledge();
                                              });
  if (!changes) return;  // refused: a toggle of a key that was never set, for one
  pending->changes = *changes;
  if (pending->stored) acknowledge();
}

void World::make(const Step& step, std::size_t index) {
  const auto key_name = std::to_string(step.key);
  auto* handset = step.phone == 0 ? nullptr : phones_[step.phone - 1].get();
  switch (step.kind) {
    case Kind::kWait: network_.run_for(std::chrono::milliseconds{step.value}); return;
    case Kind::kDial: (void)handset->agent().dial(step.code); return;
    case Kind::kPress: (void)handset->agent().press(key_name); return;
    case Kind::kWrite: {
      lamp::Key key{.light = step.light, .color = {}, .label = fmt::format("w{}", index)};
      switch (step.action) {
        case Action::kInvite: key.number = "432"; break;
        case Action::kMessage: key.number = kToggleCode, key.press = lamp::Press::kMessage; break;
        case Action::kToggle: key.number = toggle_number(step.key), key.press = lamp::Press::kToggle; break;
        case Action::kToggleByMessage: key.press = lamp::Press::kToggle; break;
      }
      return write(step.aor, {{.name = key_name, .kind = lamp::Edit::Kind::kSet, .key = &key, .off = nullptr}}, false);
    }
    case Kind::kClear:
      return write(step.aor, {{.name = key_name, .kind = lamp::Edit::Kind::kClear, .key = nullptr, .off = nullptr}},
                   false);
    case Kind::kFlip:
      return write(step.aor, {{.name = key_name, .kind = lamp::Edit::Kind::kToggle, .key = nullptr, .off = nullptr}},
                   false);
    case Kind::kBoard: {
      std::vector<std::string> names;
      std::vector<lamp::Key> keys;
      for (const auto& [key, light] : step.lights) {
        names.push_back(std::to_string(key));
        // No label of its own: the same board twice is no change.
        keys.push_back({.light = light, .color = {}, .label = "board"});
      }
      std::vector<lamp::Edit> edits;
      for (std::size_t i = 0; i < keys.size(); ++i) {
        const auto twice = std::find(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(i), names[i]);
        if (twice == names.begin() + static_cast<std::ptrdiff_t>(i)) {
          edits.push_back({.name = names[i], .kind = lamp::Edit::Kind::kSet, .key = &keys[i], .off = nullptr});
        }
      }
      return write(step.aor, edits, true);
    }
    case Kind::kReboot: handset->agent().reboot(); return;
    case Kind::kRegister: (void)handset->agent().register_now(); return;
    case Kind::kMove: handset->move(); return;
    case Kind::kUnplug: handset->agent().unplug(); return;
    case Kind::kPlug: handset->agent().plug(); return;
    case Kind::kCrash: crash(static_cast<std::size_t>(step.value)); return;
    case Kind::kStart: start(); return;
    case Kind::kNet: network_.intercept(transport::make_faults(step.net)); return;
    case Kind::kDiskFail:
      disk_.fail(true);
      oracle_.disk_fails();
      return;
    case Kind::kDiskHeal: disk_.fail(false); return;
    case Kind::kDiskSlow: disk_.set_latency(std::chrono::milliseconds{step.value}); return;
    case Kind::kWall:
      clock_.set_wall(clock_.wall() - wall_error_ + std::chrono::seconds{step.value});
      wall_error_ = std::chrono::seconds{step.value};
      oracle_.clock_jumps();
      return;
  }
}

void World::heal() {
  trace(fmt::format("{} everything is mended", now_text()));
  network_.intercept(nullptr);
  disk_.fail(false);
  disk_.set_latency(4ms);
  for (const auto& handset : phones_) {
    if (!handset->agent().plugged()) handset->agent().plug();
  }
  start();
}

// A phone that does not know that its packets come from elsewhere now says so the next time it registers: here within
// seconds, in life within half an hour.
void World::mend_registrations() {
  if (clock_.now() < mended_ + 5s) return;
  mended_ = clock_.now();
  for (const auto& handset : phones_) {
    if (!handset->registered_here()) (void)handset->agent().register_now();
  }
}

std::string World::wrong() {
  for (unsigned i = 0; i < phones_.size(); ++i) {
    const auto& agent = phones_[i]->agent();
    if (agent.booting() || !phones_[i]->registered_here()) return fmt::format("phone {} is not registered", i + 1);
    const auto& aor = oracle_.aor_of(i + 1);
    for (unsigned key = 1; key <= kKeys; ++key) {
      const auto name = std::to_string(key);
      const auto* wanted = oracle_.desired(aor, key);
      const auto desired = wanted == nullptr ? std::nullopt : wanted->key;
      const auto known = server_->phones().find(aor, name);
      if ((known ? known->key : std::nullopt) != desired) {
        return fmt::format("key {} of {}: the server no longer wants what was asked for last", key, aor);
      }
      if (oracle_.is_undone(aor, key)) continue;
      const auto* shown = agent.keyboard().find(name);
      if (!shows(desired, shown->key)) {
        return fmt::format("phone {} shows {} \"{}\" on key {}, and shall show {} \"{}\"", i + 1,
                           lamp::name_of(shown->key.light), shown->key.label, key,
                           lamp::name_of(desired ? desired->light : lamp::Light::kOff), desired ? desired->label : "");
      }
    }
    // The server knows that it is right.
    const auto view = server_->phones().view(aor);
    if (!view) continue;
    bool found = false;
    for (const auto& contact : view->contacts) {
      if (contact.flow.remote != phones_[i]->address()) continue;
      found = true;
      for (std::size_t at = 0; at < contact.keys.size(); ++at) {
        if (contact.keys[at].state == lamp::DeliveryState::kConfirmed) continue;
        return fmt::format("the server thinks that key {} of phone {} is {}", view->keys[at].name, i + 1,
                           lamp::name_of(contact.keys[at].state));
      }
    }
    if (!found && !view->keys.empty()) return fmt::format("the server has no contact for phone {}", i + 1);
  }
  return {};
}

Verdict World::run() {
  Verdict verdict;
  for (const auto& handset : phones_) (void)handset->agent().register_now();
  network_.run_for(1s);
  for (std::size_t i = 0; i < history_.steps.size() && !oracle_.failure(); ++i) {
    trace(fmt::format("{} {}", now_text(), history_.steps[i].text()));
    make(history_.steps[i], i);
    verdict.step = i + 1;
  }
  if (!oracle_.failure()) {
    heal();
    const auto healed = clock_.now();
    auto bad = wrong();
    auto right = healed;
    const auto under_way = [&] { return clock_.now() - healed < kUnderWay; };
    while ((!bad.empty() || under_way()) && !oracle_.failure() &&
           clock_.now() - healed < kPhoneBound + SimServer::retry_bound()) {
      mend_registrations();
      network_.run_for(kSlice);
      const bool was_bad = !bad.empty();
      bad = wrong();
      if (was_bad) right = clock_.now();
    }
    verdict.settled = right - healed;
    if (bad.empty() && !oracle_.failure()) {
      trace(fmt::format("{} every lamp is right", now_text()));
      network_.run_for(kQuiet);
      bad = wrong();
      if (!bad.empty()) bad = "after all lamps were right: " + bad;
    }
    if (!bad.empty()) oracle_.fail('a', bad);
  }
  verdict.failure = oracle_.failure();
  verdict.requests = requests_;
  return verdict;
}

}  // namespace

Verdict play(const History& history, const WorldOptions& options) { return World(history, options).run(); }

History shrink(History history, char invariant, const WorldOptions& options, int tries) {
  const auto fails = [&](const History& candidate) {
    if (--tries < 0) return false;
    const auto verdict = play(candidate, options);
    return verdict.failure && verdict.failure->invariant == invariant;
  };
  // Chunks first, then single steps; again from the start as long as something could be left out.
  for (bool smaller = true; smaller && tries > 0;) {
    smaller = false;
    for (auto chunk = std::max<std::size_t>(history.steps.size() / 2, 1);; chunk /= 2) {
      for (std::size_t at = 0; at < history.steps.size();) {
        auto candidate = history;
        const auto from = candidate.steps.begin() + static_cast<std::ptrdiff_t>(at);
        candidate.steps.erase(from, from + static_cast<std::ptrdiff_t>(std::min(chunk, candidate.steps.size() - at)));
        if (fails(candidate)) {
          history = std::move(candidate);
          smaller = true;
        } else {
          at += chunk;
        }
      }
      if (chunk <= 1) break;
    }
    // Waits that need not be that long.
    for (auto& step : history.steps) {
      for (auto shorter = step.value / 2; step.kind == Kind::kWait && shorter < step.value; shorter = step.value / 2) {
        const auto longer = std::exchange(step.value, shorter);
        if (fails(history)) {
          smaller = true;
        } else {
          step.value = longer;
          break;
        }
      }
    }
    if (history.workers > 1) {
      auto candidate = history;
      candidate.workers = 1;
      if (fails(candidate)) history = std::move(candidate);
    }
  }
  return history;
}

}  // namespace lamplighter::proof
