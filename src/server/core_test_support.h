#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "server/core.h"
#include "server/desk_store.h"
#include "sip/message.h"
#include "sip/uri.h"
#include "store/memory_store.h"

// A server core in a test: no sockets, no threads; datagrams go in as text and come out as text, the clock is moved.
namespace lamplighter::server {

/// Lines joined by CRLF, the empty line and a body.
inline std::string message(const std::vector<std::string>& lines, std::string_view body = {}) {
  std::string out;
  for (const auto& line : lines) out.append(line).append("\r\n");
  return out.append("\r\n").append(body);
}

inline SocketAddress at(const std::string& text) { return SocketAddress::parse(text).value(); }

inline bool same_uri(std::string_view a, std::string_view b) {
  const auto left = sip::parse_uri(a);
  const auto right = sip::parse_uri(b);
  return left && right && sip::equivalent(*left, *right);
}

/// One datagram the server sent, and what stands in it.
struct Wire {
  SocketAddress to;
  std::uint8_t worker;  ///< whose socket it left
  std::string bytes;

  std::string start_line() const { return bytes.substr(0, bytes.find("\r\n")); }
  int status() const { return bytes.starts_with("SIP/2.0 ") ? std::stoi(bytes.substr(8, 3)) : 0; }
  std::string header(std::string_view name) const {
    sip::Message parsed;
    EXPECT_TRUE(parsed.parse(bytes)) << bytes;
    const auto* field = parsed.find(sip::header_id_from(name));
    return field ? std::string(parsed.value(*field)) : std::string{};
  }
  std::vector<std::string> headers(sip::HeaderId id) const {
    sip::Message parsed;
    EXPECT_TRUE(parsed.parse(bytes)) << bytes;
    std::vector<std::string> out;
    for (const auto& field : parsed.headers()) {
      if (field.id == id) out.emplace_back(parsed.value(field));
    }
    return out;
  }
  std::string body() const { return bytes.substr(bytes.find("\r\n\r\n") + 4); }
};

/// Tasks wait here until the test runs them: another thread's mailbox, in slow motion.
class QueueExecutor final : public Executor {
 public:
  void post(Task task) override { tasks_.push_back(std::move(task)); }
  bool run_one() {
    if (tasks_.empty()) return false;
    auto task = std::move(tasks_.front());
    tasks_.pop_front();
    task();
    return true;
  }

 private:
  std::deque<Task> tasks_;
};

class CoreTest : public ::testing::Test {
 protected:
  /// Workers are made by start(); before it, settings may be changed.
  CoreSettings settings;
  AuthenticatorSettings auth{.realm = "lamplighter",
                             .trusted = {Network::parse("127.0.0.0/8").value()},
                             .algorithms = {sip::DigestAlgorithm::kMd5}};
  service::DialPlanSettings dial{.lights = {{"431", lamp::Light::kOn}, {"432", lamp::Light::kOff}}, .toggles = {}};
  std::vector<std::string> domain_names;

  ManualClock clock;
  store::MemoryStore store;
  location::Credentials credentials;
  lamp::PhonesSettings lamp_settings;
  service::RecentPresses presses;

  static constexpr const char* kServer = "127.0.0.1:5060";

  void start(std::size_t workers = 1) {
    location_ = std::make_unique<location::Location>(location::Limits{}, same_uri);
    dial_plan_ = std::make_unique<service::DialPlan>(dial);
    domains_ = std::make_unique<Domains>(domain_names, std::vector{IpAddress::v4(0x7f000001)},
                                         std::vector<std::uint16_t>{5060});
    authenticator_ = std::make_unique<Authenticator>(auth, credentials, clock, "a secret of this test");
    cookie_ = std::make_unique<DialogCookie>("a secret of this test");
    phones_ = std::make_unique<lamp::Phones>(lamp_settings, clock);
    desk_ = std::make_unique<service::LampDesk>(*phones_, *location_, clock,
                                                desk_hooks(store, [this](const lamp::Wake& wake) {
                                                  auto& lane = *lanes_[wake.worker];
                                                  lane.executor.post([&lane, wake] { lane.core->look_after(wake); });
                                                }));
    const Shared shared{.clock = clock,
                        .settings = settings,
                        .dial_plan = *dial_plan_,
                        .domains = *domains_,
                        .authenticator = *authenticator_,
                        .credentials = credentials,
                        .cookie = *cookie_,
                        .location = *location_,
                        .phones = *phones_,
                        .desk = *desk_,
                        .presses = presses,
                        .store = store};
    std::vector<Core*> peers;
    for (std::size_t i = 0; i < workers; ++i) {
      auto lane = std::make_unique<Lane>(*this, static_cast<std::uint8_t>(i));
      lane->core = std::make_unique<Core>(static_cast<std::uint8_t>(i), shared, *lane, lane->executor,
                                          [worker = i](const SocketAddress& remote) {
                                            return std::optional(flow(remote, static_cast<std::uint8_t>(worker)));
                                          });
      peers.push_back(lane->core.get());
      lanes_.push_back(std::move(lane));
    }
    for (auto* core : peers) core->meet(peers);
  }

  static Flow flow(const SocketAddress& remote, std::uint8_t worker = 0) {
    return {.remote = remote, .local = at(kServer), .worker = worker};
  }

  /// A datagram arrives; returns what the server sent because of it.
  std::vector<Wire> receive(const std::string& from, const std::string& bytes, std::uint8_t worker = 0) {
    sent_.clear();
    lanes_[worker]->core->on_message(flow(at(from), worker), bytes, clock.now());
    settle();
    return sent_;
  }
  /// Does something to the server from outside (the API); returns what was sent because of it.
  std::vector<Wire> act(const std::function<void()>& deed) {
    sent_.clear();
    deed();
    settle();
    return sent_;
  }
  /// Time passes; returns what was sent meanwhile.
  std::vector<Wire> pass(Duration span) {
    sent_.clear();
    const auto end = clock.now() + span;
    for (;;) {
      auto next = end;
      for (const auto& lane : lanes_) next = std::min(next, lane->core->next_timer().value_or(end));
      clock.advance(std::max(next - clock.now(), Duration{0}));
      for (const auto& lane : lanes_) lane->core->on_timers(clock.now());
      settle();
      if (clock.now() >= end) return sent_;
      if (next <= clock.now()) clock.advance(std::chrono::milliseconds{1});
    }
  }

  /// Registers a phone and checks that it worked.
  void register_phone(const std::string& user, const std::string& address, std::uint8_t worker = 0,
                      const std::string& extra = {}) {
    const auto out =
        receive(address,
                message({"REGISTER sip:127.0.0.1 SIP/2.0",
                         fmt::format("Via: SIP/2.0/UDP {};rport;branch=z9hG4bKr{}{}", address, user, ++count_),
                         fmt::format("From: <sip:{}@127.0.0.1>;tag=r{}", user, user),
                         fmt::format("To: <sip:{}@127.0.0.1>", user), fmt::format("Call-ID: reg-{}-{}", user, address),
                         "CSeq: 1 REGISTER", fmt::format("Contact: <sip:{}@{};line=x{}>{}", user, address, user, extra),
                         "Expires: 3600"}),
                worker);
    ASSERT_EQ(out.size(), 1u);
    ASSERT_EQ(out[0].status(), 200) << out[0].bytes;
  }

  /// A request of a call, caller 101 → callee 102 unless said otherwise.
  struct Request {
    std::string method = "INVITE";
    std::string uri = "sip:102@127.0.0.1";
    std::string from = "127.0.0.1:40001";
    std::string branch = "z9hG4bKcall1";
    std::string from_header = "<sip:101@127.0.0.1>;tag=caller";
    std::string to_header = "<sip:102@127.0.0.1>";
    std::string call_id = "call-1";
    std::string cseq = "1";
    std::vector<std::string> extra;
    std::string body;

    std::string text() const {
      std::vector<std::string> lines = {method + " " + uri + " SIP/2.0",
                                        "Via: SIP/2.0/UDP " + from + ";rport;branch=" + branch,
                                        "Max-Forwards: 70",
                                        "From: " + from_header,
                                        "To: " + to_header,
                                        "Call-ID: " + call_id,
                                        "CSeq: " + cseq + " " + method,
                                        "Contact: <sip:101@" + from + ">"};
      lines.insert(lines.end(), extra.begin(), extra.end());
      lines.push_back("Content-Length: " + std::to_string(body.size()));
      return message(lines, body);
    }
  };

  /// A phone's answer to a request it got: all Vias, Record-Routes and names of it, and a To tag.
  static std::string answer(const Wire& request, int status, const std::string& reason, const std::string& tag,
                            const std::string& contact = {}) {
    std::vector<std::string> lines = {fmt::format("SIP/2.0 {} {}", status, reason)};
    for (const auto& via : request.headers(sip::HeaderId::kVia)) lines.push_back("Via: " + via);
    for (const auto& route : request.headers(sip::HeaderId::kRecordRoute)) lines.push_back("Record-Route: " + route);
    lines.push_back("From: " + request.header("From"));
    lines.push_back("To: " + request.header("To") + (status > 100 ? ";tag=" + tag : ""));
    lines.push_back("Call-ID: " + request.header("Call-ID"));
    lines.push_back("CSeq: " + request.header("CSeq"));
    if (!contact.empty()) lines.push_back("Contact: <" + contact + ">");
    lines.push_back("Content-Length: 0");
    return message(lines);
  }

  Core& core(std::size_t worker = 0) { return *lanes_[worker]->core; }
  location::Location& location() { return *location_; }
  lamp::Phones& phones() { return *phones_; }
  service::LampDesk& desk() { return *desk_; }

 private:
  struct Lane final : public Sender {
    Lane(CoreTest& fixture, std::uint8_t index) : test(fixture), worker(index) {}
    bool send(const Flow& flow, std::string_view bytes) override {
      EXPECT_EQ(flow.worker, worker) << "sent by a worker that does not own the flow";
      test.sent_.push_back({flow.remote, worker, std::string(bytes)});
      return true;
    }
    CoreTest& test;
    std::uint8_t worker;
    QueueExecutor executor;
    std::unique_ptr<Core> core;
  };

  /// Runs what the workers have posted to each other, until all is quiet.
  void settle() {
    for (bool ran = true; ran;) {
      ran = false;
      for (const auto& lane : lanes_) ran |= lane->executor.run_one();
    }
  }

  std::unique_ptr<location::Location> location_;
  std::unique_ptr<lamp::Phones> phones_;
  std::unique_ptr<service::LampDesk> desk_;
  std::unique_ptr<service::DialPlan> dial_plan_;
  std::unique_ptr<Domains> domains_;
  std::unique_ptr<Authenticator> authenticator_;
  std::unique_ptr<DialogCookie> cookie_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  std::vector<Wire> sent_;
  int count_ = 0;
};

}  // namespace lamplighter::server
