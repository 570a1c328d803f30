#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <map>

#include "base/random.h"
#include "transaction/table_fixture.h"

// Two tables joined by a pipe that loses, doubles, delays and so reorders what goes through it.
namespace lamplighter::transaction {
namespace {

constexpr std::uint32_t kAlice = 64;
constexpr std::uint32_t kBob = 128;
constexpr std::uint32_t kChore = 2;

/// What happened to one request, as its two users saw it.
struct Fate {
  std::string text;
  bool invite = false;
  ClientId client;
  int delivered = 0;  ///< times Bob was given the request
  int accepted = 0;   ///< 2xx Alice was given
  int refused = 0;    ///< other final responses
  int failed = 0;
  int cancels = 0;  ///< times Bob was given a CANCEL
  int done = 0;
  bool acknowledged = false;  ///< Bob has the ACK for his 2xx
  ServerId server;
};

class World {
 public:
  World(std::uint64_t seed, double loss)
      : random_(seed),
        loss_(loss),
        alice_(to_bob_, wheel_, alice_user_, TimerBase{}, kAlice, {seed, 1}, {}),
        bob_(to_alice_, wheel_, bob_user_, TimerBase{}, kBob, {seed, 2}, {}) {}

  void run(int requests) {
    for (int i = 0; i < requests; ++i) {
      later(random_.below(20'000), [this] { ask(); });
    }
    settle();
    // Whoever lost every 2xx waits for ever, as the RFC has it: a proxy's timer C would cancel now.
    for (auto& [number, fate] : fates_) alice_.cancel(fate.client, {}, clock_.now());
    settle();
  }

  void check() {
    for (const auto& [number, fate] : fates_) {
      RC_ASSERT(fate.delivered <= 1);
      RC_ASSERT(fate.cancels <= 1);
      RC_ASSERT(fate.done == fate.delivered);
      RC_ASSERT(fate.failed <= 1);
      RC_ASSERT(fate.refused <= 1);
      // Exactly one outcome; only a 2xx to an INVITE may come again (the user retransmits it).
      RC_ASSERT((fate.accepted > 0) + fate.refused + fate.failed == 1);
      if (!fate.invite) RC_ASSERT(fate.accepted <= 1);
    }
    RC_ASSERT(alice_.clients() == 0u);
    RC_ASSERT(alice_.servers() == 0u);
    RC_ASSERT(bob_.servers() == 0u);
    RC_ASSERT(bob_.clients() == 0u);
    RC_ASSERT(wheel_.size() == 0u);
  }

 private:
  struct Pipe final : Sender {
    Pipe(World& w, bool bob) : world(w), to_bob(bob) {}
    bool send(const Flow&, std::string_view bytes) override {
      for (int copies = world.random_.chance(0.1) ? 2 : 1; copies > 0; --copies) {
        if (world.random_.chance(world.loss_)) continue;
        world.later(world.random_.below(300), [this, text = std::string(bytes)] {
          sip::Message message;
          RC_ASSERT(message.parse(text).has_value());
          (to_bob ? world.bob_ : world.alice_).on_message(message, udp_flow(), world.clock_.now());
        });
      }
      return true;
    }
    World& world;
    bool to_bob;
  };

  struct AliceUser final : TransactionUser {
    explicit AliceUser(World& w) : world(w) {}
    void on_request(ServerId, const sip::Message&, const Flow&, TimePoint) override { RC_FAIL("no requests here"); }
    void on_cancel(ServerId, ServerId, const sip::Message&, const Flow&, TimePoint) override { RC_FAIL("no CANCEL"); }
    void on_ack(ServerId, const sip::Message&, const Flow&, TimePoint) override { RC_FAIL("no ACK"); }
    void on_response(ClientId, std::uint64_t owner, const sip::Message& response, const Flow& flow,
                     TimePoint) override {
      auto& fate = world.fates_.at(owner);
      if (response.status() < 200) return;
      if (response.status() >= 300) {
        ++fate.refused;
        return;
      }
      ++fate.accepted;
      if (fate.invite) {
        world.to_bob_.send(flow, RequestText{.method = "ACK", .branch = "z9hG4bK-ack" + std::to_string(owner)}.str());
      }
    }
    void on_failure(ClientId, std::uint64_t owner, Failure, TimePoint) override { ++world.fates_.at(owner).failed; }
    void on_stray_response(const sip::Message&, const Flow&, TimePoint) override {}
    World& world;
  };

  struct BobUser final : TransactionUser {
    explicit BobUser(World& w) : world(w) {}
    void on_request(ServerId id, const sip::Message& request, const Flow&, TimePoint) override {
      const auto number = world.number_of(request);
      auto& fate = world.fates_.at(number);
      ++fate.delivered;
      fate.server = id;
      auto& random = world.random_;
      if (random.chance(0.5)) world.respond(number, random.chance(0.5) ? 100 : 180);
      if (random.chance(0.1) && !fate.invite) return;  // a defective user: the guard ends it
      const int status = random.chance(0.5) ? 200 : 404;
      if (random.chance(0.5)) {
        world.respond(number, status);
      } else {
        world.later(random.below(10'000), [this, number, status] { world.respond(number, status); });
      }
    }
    void on_cancel(ServerId cancel, ServerId invite, const sip::Message& request, const Flow&, TimePoint now) override {
      const auto number = world.number_of(request);
      ++world.fates_.at(number).cancels;
      world.bob_.respond(cancel, 200, response_text(std::string(request.bytes()), invite ? 200 : 481), now);
      if (invite) world.respond(number, 487);
    }
    void on_ack(ServerId, const sip::Message& ack, const Flow&, TimePoint) override {
      const auto branch = std::string(ack.top_via()->branch());
      if (const auto at = branch.find("ack"); at != std::string::npos) {
        world.fates_.at(std::stoull(branch.substr(at + 3))).acknowledged = true;
      }
    }
    void on_response(ClientId, std::uint64_t, const sip::Message&, const Flow&, TimePoint) override {
      RC_FAIL("no responses here");
    }
    void on_failure(ClientId, std::uint64_t, Failure, TimePoint) override { RC_FAIL("no failures here"); }
    void on_stray_response(const sip::Message&, const Flow&, TimePoint) override {}
    void on_server_done(ServerId id, TimePoint) override {
      for (auto& [number, fate] : world.fates_) fate.done += fate.server == id;
    }
    World& world;
  };

  void ask() {
    const auto number = ++last_;
    auto& fate = fates_[number];
    fate.invite = random_.chance(0.5);
    fate.text =
        RequestText{.method = fate.invite ? "INVITE" : "MESSAGE", .branch = "z9hG4bK-" + std::to_string(number)}.str();
    fate.client = alice_.request(udp_flow(), fate.invite ? sip::Method::kInvite : sip::Method::kMessage, fate.text,
                                 number, clock_.now());
    if (random_.chance(0.2)) {
      later(random_.below(5'000), [this, number] { alice_.cancel(fates_.at(number).client, {}, clock_.now()); });
    }
  }

  void respond(std::uint64_t number, int status) {
    const auto& fate = fates_.at(number);
    bob_.respond(fate.server, status, response_text(fate.text, status), clock_.now());
    if (fate.invite && status == 200) repeat_2xx(number, 500);
  }

  /// RFC 3261 §13.3.1.4: the user retransmits its 2xx until the ACK comes.
  void repeat_2xx(std::uint64_t number, std::uint64_t wait) {
    if (wait > 16'000) return;
    later(wait, [this, number, wait] {
      const auto& fate = fates_.at(number);
      if (fate.acknowledged) return;
      bob_.respond(fate.server, 200, response_text(fate.text, 200), clock_.now());
      repeat_2xx(number, wait * 2);
    });
  }

  std::uint64_t number_of(const sip::Message& message) {
    return std::stoull(std::string(message.top_via()->branch().substr(8)));
  }

  void later(std::uint64_t milliseconds, std::function<void()> chore) {
    chores_[++last_chore_] = std::move(chore);
    wheel_.schedule(clock_.now() + std::chrono::milliseconds(milliseconds), last_chore_, kChore);
  }

  void settle() {
    while (const auto next = wheel_.next()) {
      if (*next > clock_.now()) clock_.advance(*next - clock_.now());
      wheel_.advance(clock_.now(), [&](const TimerWheel::Expired& timer) {
        if (timer.kind == kChore) {
          auto chore = chores_.extract(timer.owner);
          chore.mapped()();
        } else {
          (timer.kind >= kBob ? bob_ : alice_).on_timer(timer.owner, timer.kind, clock_.now());
        }
      });
    }
  }

  ManualClock clock_;
  TimerWheel wheel_{clock_.now()};
  Random random_;
  double loss_;
  std::map<std::uint64_t, Fate> fates_;
  std::map<std::uint64_t, std::function<void()>> chores_;
  std::uint64_t last_ = 0;
  std::uint64_t last_chore_ = 0;
  Pipe to_bob_{*this, true};
  Pipe to_alice_{*this, false};
  AliceUser alice_user_{*this};
  BobUser bob_user_{*this};
  Table alice_;
  Table bob_;
};

RC_GTEST_PROP(LossyPipe, EveryRequestIsToldOnceAndHasOneOutcomeAndNothingIsLeft, ()) {
  const auto seed = *rc::gen::arbitrary<std::uint64_t>();
  const auto loss = *rc::gen::element(0.0, 0.1, 0.3, 0.6, 1.0);
  const auto requests = *rc::gen::inRange(1, 40);
  World world(seed, loss);
  world.run(requests);
  world.check();
}

}  // namespace
}  // namespace lamplighter::transaction
