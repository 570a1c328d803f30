#include <fmt/format.h>
#include <valgrind/callgrind.h>

#include <array>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/core.h"
#include "server/desk_store.h"
#include "sip/message.h"
#include "sip/uri.h"
#include "snom_invite.h"

// What one operation of the server costs in instructions: the real core of one worker, without sockets and threads, so
// that the count is the same on every run. The phones' part is not counted. bench/gate runs this under callgrind.
namespace {

using namespace lamplighter;

constexpr std::string_view kServer = "127.0.0.1:5060";

/// Durable at once, as far as the server can tell: what SQLite costs is measured by script/bench.
class ReadyStore final : public store::Store {
 public:
  void commit(store::Change, store::Committed done) override { waiting_.push_back(std::move(done)); }
  std::expected<void, store::StoreError> load(const Visitor&) override { return {}; }
  std::expected<std::vector<location::Credential>, store::StoreError> credentials() override { return {}; }
  std::expected<void, store::StoreError> put_credential(const location::Credential&) override { return {}; }
  std::expected<bool, store::StoreError> remove_credential(std::string_view, std::string_view) override {
    return false;
  }

  bool settle() {
    if (waiting_.empty()) return false;
    auto ready = std::exchange(waiting_, {});
    for (auto& done : ready) done({});
    return true;
  }

 private:
  std::vector<store::Committed> waiting_;
};

/// One worker with everything behind it, and the network in front of it as strings.
class World final : public Sender, public Executor {
 public:
  World()
      : location_(location::Limits{},
                  [](std::string_view a, std::string_view b) {
                    const auto left = sip::parse_uri(a);
                    const auto right = sip::parse_uri(b);
                    return left && right && sip::equivalent(*left, *right);
                  }),
        dial_plan_({.lights = {{"431", lamp::Light::kOn}, {"432", lamp::Light::kOff}}, .toggles = {}}),
        domains_({}, {IpAddress::v4(0x7f000001)}, {5060}),
        authenticator_({.realm = "lamplighter",
                        .trusted = {Network::parse("127.0.0.0/8").value()},
                        .algorithms = {sip::DigestAlgorithm::kMd5}},
                       credentials_, clock_, "a secret of this benchmark"),
        cookie_("a secret of this benchmark"),
        phones_({}, clock_),
        desk_(phones_, location_, clock_,
              server::desk_hooks(store_,
                                 [this](const lamp::Wake& wake) { post([this, wake] { core_->look_after(wake); }); })),
        core_(std::make_unique<server::Core>(std::uint8_t{0},
                                             server::Shared{.clock = clock_,
                                                            .settings = settings_,
                                                            .dial_plan = dial_plan_,
                                                            .domains = domains_,
                                                            .authenticator = authenticator_,
                                                            .credentials = credentials_,
                                                            .cookie = cookie_,
                                                            .location = location_,
                                                            .phones = phones_,
                                                            .desk = desk_,
                                                            .presses = presses_,
                                                            .store = store_},
                                             *this, *this,
                                             [](const SocketAddress& remote) { return std::optional(flow(remote)); })) {
  }

  bool send(const Flow&, std::string_view bytes) override {
    sent.emplace_back(bytes);
    return true;
  }
  void post(Task task) override { tasks_.push_back(std::move(task)); }

  /// The counted part: the datagram, and all that the server does because of it.
  void receive(const SocketAddress& from, std::string_view bytes) {
    CALLGRIND_TOGGLE_COLLECT;
    core_->on_message(flow(from), bytes, clock_.now());
    do {
      while (!tasks_.empty()) {
        auto task = std::move(tasks_.front());
        tasks_.pop_front();
        task();
      }
    } while (store_.settle());
    CALLGRIND_TOGGLE_COLLECT;
  }
  void pass(Duration span) {
    CALLGRIND_TOGGLE_COLLECT;
    clock_.advance(span);
    core_->on_timers(clock_.now());
    CALLGRIND_TOGGLE_COLLECT;
  }

  std::vector<std::string> sent;

 private:
  static Flow flow(const SocketAddress& remote) {
    static const auto kLocal = SocketAddress::parse(kServer).value();
    return {.remote = remote, .local = kLocal, .worker = 0};
  }

  ManualClock clock_;
  server::CoreSettings settings_;
  location::Credentials credentials_;
  location::Location location_;
  service::DialPlan dial_plan_;
  server::Domains domains_;
  server::Authenticator authenticator_;
  server::DialogCookie cookie_;
  lamp::Phones phones_;
  ReadyStore store_;
  service::LampDesk desk_;
  service::RecentPresses presses_;
  std::deque<Task> tasks_;
  std::unique_ptr<server::Core> core_;
};

struct Phone {
  std::string user;
  SocketAddress address;
  std::string where;
  int registrations = 0;
  int calls = 0;
};

[[noreturn]] void fail(const std::string& what) {
  fmt::print(stderr, "gate: {}\n", what);
  std::exit(1);
}

std::string take(World& world, std::string_view start) {
  for (const auto& bytes : world.sent) {
    if (bytes.starts_with(start)) return bytes;
  }
  fail(fmt::format("expected the server to send \"{}…\", it sent {} messages{}", start, world.sent.size(),
                   world.sent.empty() ? std::string() : ", the first: " + world.sent.front()));
}

void do_register(World& world, Phone& phone) {
  const auto request = fmt::format(
      "REGISTER sip:127.0.0.1 SIP/2.0\r\n"
      "Via: SIP/2.0/UDP {0};branch=z9hG4bK-reg{1}-{2};rport\r\n"
      "From: \"{1}\" <sip:{1}@127.0.0.1>;tag=r{2}\r\n"
      "To: \"{1}\" <sip:{1}@127.0.0.1>\r\n"
      "Call-ID: 3c2670092b6b-{1}\r\n"
      "CSeq: {2} REGISTER\r\n"
      "Max-Forwards: 70\r\n"
      "Contact: <sip:{1}@{0};line=k4x1{1}>;reg-id=1;q=1.0;+sip.instance=\"<urn:uuid:13db7d7f-0a7b-4c31-9d2c-{1}>\"\r\n"
      "User-Agent: snom370/8.4.35\r\n"
      "Allow-Events: dialog\r\n"
      "Supported: path, gruu\r\n"
      "Expires: 3600\r\n"
      "Content-Length: 0\r\n\r\n",
      phone.where, phone.user, ++phone.registrations);
  world.sent.clear();
  world.receive(phone.address, request);
  take(world, "SIP/2.0 200 ");
}

void do_press(World& world, Phone& phone) {
  const int call = ++phone.calls;
  const char* code = call % 2 == 0 ? "432" : "431";
  const auto head = [&](std::string_view method, std::string_view to_tag) {
    return fmt::format(
        "{0} sip:{1}@127.0.0.1;user=phone SIP/2.0\r\n"
        "Via: SIP/2.0/UDP {2};branch=z9hG4bK-press{3}-{4};rport\r\n"
        "From: \"{3}\" <sip:{3}@127.0.0.1>;tag=ujs5ofhcqr{4}\r\n"
        "To: <sip:{1}@127.0.0.1;user=phone>{5}\r\n"
        "Call-ID: 3c2e7d0f7d1d-{3}-{4}\r\n"
        "CSeq: 1 {0}\r\n"
        "Max-Forwards: 70\r\n"
        "Contact: <sip:{3}@{2};line=k4x1{3}>;reg-id=1\r\n",
        method, code, phone.where, phone.user, call, to_tag);
  };
  world.sent.clear();
  world.receive(phone.address, head("INVITE", "") + std::string(kInvite.substr(kInvite.find("User-Agent:"))));
  const auto answer = take(world, "SIP/2.0 404 ");
  const auto request = take(world, "MESSAGE ");

  sip::Message parsed;
  if (!parsed.parse(answer)) fail("the 404 cannot be read");
  const auto tag = fmt::format(";tag={}", parsed.to()->tag());
  world.receive(phone.address, head("ACK", tag) + "Content-Length: 0\r\n\r\n");

  if (!parsed.parse(request)) fail("the MESSAGE cannot be read");
  std::string ok = "SIP/2.0 200 OK\r\n";
  using sip::HeaderId;
  for (const auto id : {HeaderId::kVia, HeaderId::kFrom, HeaderId::kTo, HeaderId::kCallId, HeaderId::kCSeq}) {
    const auto line = parsed.line(*parsed.find(id));
    if (id == HeaderId::kTo) {
      ok.append(line.substr(0, line.size() - 2)).append(";tag=1\r\n");
    } else {
      ok += line;
    }
  }
  world.receive(phone.address, ok + "User-Agent: snom370/8.4.35\r\nContent-Length: 0\r\n\r\n");
}

void parse_once() {
  static sip::Message message;
  CALLGRIND_TOGGLE_COLLECT;
  const bool good = message.parse(kInvite).has_value();
  CALLGRIND_TOGGLE_COLLECT;
  if (!good) fail("the INVITE cannot be read");
}

/// Runs `once` for a while, so that tables have their size, then `count` times counted.
void measure(int count, int warm_up, const std::function<void(int)>& once) {
  for (int i = 0; i < warm_up; ++i) once(i);
  CALLGRIND_ZERO_STATS;
  for (int i = 0; i < count; ++i) once(warm_up + i);
  CALLGRIND_DUMP_STATS_AT("measured");
}

int number(const char* text) {
  int value = 0;
  const std::string_view view(text);
  const auto [end, error] = std::from_chars(view.data(), view.data() + view.size(), value);
  if (error != std::errc{} || end != view.data() + view.size() || value <= 0) {
    fail(fmt::format("\"{}\" is not a number of operations, expected 1 or more", text));
  }
  return value;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) fail("usage: gate parse|register|press COUNT   (bench/gate runs it)");
  const std::string_view what = argv[1];
  const int count = number(argv[2]);

  if (what == "parse") {
    measure(count, 10, [](int) { parse_once(); });
    return 0;
  }
  World world;
  std::vector<Phone> phones;
  for (int i = 0; i < 200; ++i) {
    auto& phone = phones.emplace_back();
    phone.user = std::to_string(1000 + i);
    phone.where = fmt::format("127.0.1.{}:{}", i, 5060 + i);
    phone.address = SocketAddress::parse(phone.where).value();
    do_register(world, phone);
  }
  const auto run = [&](auto&& operation) {
    measure(count, 2000, [&](int i) {
      operation(world, phones[static_cast<std::size_t>(i) % phones.size()]);
      world.pass(std::chrono::microseconds{100});
    });
  };
  if (what == "register") {
    run(do_register);
  } else if (what == "press") {
    run(do_press);
  } else {
    fail(fmt::format("no operation \"{}\", expected parse, register or press", what));
  }
}
