#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <string>
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

/// Everything a store holds, in a form that compares.
struct Contents {
  std::map<std::pair<std::string, std::string>, location::Binding> bindings;
  std::map<std::pair<std::string, std::string>, std::pair<lamp::Key, std::uint64_t>> keys;
  friend bool operator==(const Contents&, const Contents&) = default;
};

inline Contents contents_of(Store& store) {
  Contents contents;
  const auto loaded = store.load({
      .binding =
          [&](std::string aor, location::Binding binding) {
            auto uri = binding.uri;
            contents.bindings[{std::move(aor), std::move(uri)}] = std::move(binding);
          },
      .key =
          [&](std::string aor, lamp::KeyName name, lamp::Key key, std::uint64_t version) {
            contents.keys[{std::move(aor), std::move(name)}] = {std::move(key), version};
          },
  });
  EXPECT_TRUE(loaded) << loaded.error().what;
  return contents;
}

}  // namespace lamplighter::store
