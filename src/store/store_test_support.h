#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "base/temp_folder.h"
#include "store/store.h"

// What the tests of this room share.
namespace lamplighter::store {

inline SocketAddress address(const char* text) { return SocketAddress::parse(text).value(); }

/// A binding in which no two fields hold the same.
inline location::Binding sample_binding(const std::string& uri) {
  location::Binding binding;
  binding.uri = uri;
  binding.instance = "<urn:uuid:00000000-0000-1000-8000-000413230001>";
  binding.reg_id = 0xffff'ffff;
  binding.call_id = "3c2670092d4c-sg7mqfpgqzq2";
  binding.cseq = 0x7fff'ffff;
  binding.user_agent = "snom370/8.4.35";
  binding.path = "<sip:edge.example.com;lr>";
  binding.q = 250;
  binding.flow.remote = address("192.0.2.17:2048");
  binding.flow.local = address("[2001:db8::1]:5060");
  binding.flow.listener = 3;
  binding.flow.worker = 7;
  binding.flow.kind = TransportKind::kUdp;
  binding.registered = WallTime{std::chrono::milliseconds{1'700'000'000'001}};
  binding.refreshed = WallTime{std::chrono::milliseconds{1'700'000'000'003}};
  binding.expires = WallTime{std::chrono::milliseconds{1'700'003'600'002}};
  return binding;
}

inline location::Change put(const std::string& aor, const std::string& uri) {
  return {.aor = aor, .put = {sample_binding(uri)}, .remove = {}};
}

/// Collects the outcomes of commits, in the order they come, and waits for them.
class Outcomes {
 public:
  Committed next() {
    std::lock_guard lock(mutex_);
    return [this, number = asked_++](std::expected<void, StoreError> result) {
      std::lock_guard inner(mutex_);
      order_.push_back(number);
      results_.push_back(std::move(result));
      came_.notify_all();
    };
  }
  /// Waits until all have come.
  std::vector<std::expected<void, StoreError>> wait() {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(came_.wait_for(lock, std::chrono::seconds(60), [&] { return results_.size() == asked_; }));
    return results_;
  }
  std::vector<std::size_t> order() {
    std::lock_guard lock(mutex_);
    return order_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable came_;
  std::size_t asked_ = 0;
  std::vector<std::size_t> order_;
  std::vector<std::expected<void, StoreError>> results_;
};

/// Commits one change and waits for its outcome.
inline std::expected<void, StoreError> commit(Store& store, Change change) {
  Outcomes outcomes;
  store.commit(std::move(change), outcomes.next());
  return outcomes.wait().at(0);
}

inline KeyChange light(std::string aor, std::string name, std::uint64_t version, lamp::Light shown) {
  return {.aor = std::move(aor), .name = std::move(name), .key = lamp::Key{.light = shown}, .version = version};
}

inline KeyChange cleared(std::string aor, std::string name, std::uint64_t version) {
  return {.aor = std::move(aor), .name = std::move(name), .key = std::nullopt, .version = version};
}

/// For the contact in its first life, that of sample_binding().
inline lamp::Confirmation confirmed(std::string aor, std::string uri, std::string name, std::uint64_t version,
                                    lamp::Look look = {}) {
  return {.aor = std::move(aor),
          .contact = std::move(uri),
          .registered = sample_binding({}).registered,
          .name = std::move(name),
          .version = version,
          .look = look};
}

/// Everything a store holds, in a form that compares.
struct Contents {
  using Name = std::pair<std::string, std::string>;
  struct Confirmed {
    WallTime registered{};
    std::uint64_t version = 0;
    lamp::Look look;
    friend bool operator==(const Confirmed&, const Confirmed&) = default;
  };

  std::map<Name, location::Binding> bindings;                                            ///< aor, uri
  std::map<Name, lamp::KeyState> keys;                                                   ///< aor, key name
  std::map<std::tuple<std::string, std::string, std::string>, Confirmed> confirmations;  ///< aor, uri, key name
  std::vector<Press> presses;                                                            ///< by id
  std::vector<std::string> skipped;

  friend bool operator==(const Contents&, const Contents&) = default;
};

/// Also holds the store to the order in which Visitor says it tells.
inline Contents contents_of(Store& store) {
  Contents contents;
  int phase = 0;
  const auto in_phase = [&phase](int now) {
    EXPECT_LE(phase, now) << "out of order";
    phase = now;
  };
  const auto loaded = store.load({
      .binding =
          [&](std::string_view aor, location::Binding& binding) {
            in_phase(0);
            Contents::Name name{std::string(aor), binding.uri};
            EXPECT_TRUE(contents.bindings.try_emplace(std::move(name), std::move(binding)).second) << "told twice";
          },
      .key =
          [&](std::string aor, lamp::KeyState state) {
            in_phase(1);
            Contents::Name name{std::move(aor), state.name};
            EXPECT_TRUE(contents.keys.try_emplace(std::move(name), std::move(state)).second) << "told twice";
          },
      .confirmation =
          [&](lamp::Confirmation told) {
            in_phase(2);
            const auto bound = contents.bindings.find({told.aor, told.contact});
            EXPECT_TRUE(bound != contents.bindings.end() && bound->second.registered == told.registered)
                << told.contact << " is not bound in that life";
            EXPECT_TRUE(contents.confirmations
                            .try_emplace({told.aor, told.contact, told.name},
                                         Contents::Confirmed{told.registered, told.version, told.look})
                            .second)
                << "told twice";
          },
      .press =
          [&](Press press) {
            in_phase(3);
            EXPECT_TRUE(contents.presses.empty() || contents.presses.back().at <= press.at) << "not by age";
            contents.presses.push_back(press);
          },
      .skipped = [&](std::string what) { contents.skipped.push_back(std::move(what)); },
  });
  EXPECT_TRUE(loaded) << loaded.error().what;
  std::ranges::sort(contents.presses, {}, &Press::id);
  return contents;
}

}  // namespace lamplighter::store
