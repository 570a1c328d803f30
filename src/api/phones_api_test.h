#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <future>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "api/http_client.h"
#include "api/phones_api.h"
#include "api/test_client.h"

// A server with the control API, real phones and desk, and hands to play the store and the phones with.
namespace lamplighter::api::test {

inline bool same_text(std::string_view a, std::string_view b) { return a == b; }

class PhonesApiTest : public testing::Test {
 protected:
  using Stored = service::LampDesk::Stored;

  PhonesApiTest() { credentials_.replace({{"105", "example.com", "", ""}, {"106", "elsewhere.example", "", ""}}); }
  ~PhonesApiTest() override { server_.reset(); }

  /// The server starts with the first request; before that the limits may be set.
  HttpServer& server() {
    if (!server_) {
      server_ = std::make_unique<HttpServer>(HttpSettings{.listen = "127.0.0.1:0"});
      add_phones(*server_, {.desk = desk_,
                            .phones = phones_,
                            .location = location_,
                            .credentials = credentials_,
                            .realm = "example.com",
                            .clock = clock_,
                            .canonical_aor = canonical,
                            .max_waits = max_waits_});
      if (auto opened = server_->open(); !opened) throw std::runtime_error(opened.error());
      server_->start();
    }
    return *server_;
  }

  HttpReply ask(std::string_view method, std::string_view target, std::string_view body = {}) {
    auto reply = HttpClient(server().bound().to_string()).request(method, target, body, std::chrono::seconds{100});
    if (!reply) throw std::runtime_error(reply.error());
    return *reply;
  }
  HttpReply get(std::string_view target) { return ask("GET", target); }
  HttpReply put(std::string_view target, std::string_view body) { return ask("PUT", target, body); }
  /// Its answer comes later.
  std::future<HttpReply> start(std::string method, std::string target, std::string body = {}) {
    server();
    return std::async(std::launch::async, [this, method, target, body] { return ask(method, target, body); });
  }

  /// As the registrar does.
  void bind(const std::string& aor, const std::string& uri, const std::string& user_agent = "snom370/8.4.35") {
    Flow flow;
    flow.remote = *SocketAddress::parse("192.0.2.7:5060");
    location::Binding binding{.uri = uri,
                              .instance = {},
                              .call_id = "reg",
                              .cseq = 1,
                              .user_agent = user_agent,
                              .path = {},
                              .flow = flow,
                              .registered = clock_.wall(),
                              .expires = clock_.wall() + std::chrono::seconds{3600}};
    location_.apply({.aor = aor, .put = {binding}, .remove = {}});
    desk_.contacts_changed(aor);
  }
  void unbind(const std::string& aor, const std::string& uri) {
    location_.apply({.aor = aor, .put = {}, .remove = {uri}});
    desk_.contacts_changed(aor);
  }

  /// A change of the API's kind without HTTP.
  void set(const std::string& aor, const std::string& name, lamp::Key key) {
    lamp::Edit edit{.name = name, .key = &key};
    auto changed = desk_.change(aor, {&edit, 1}, {lamp::Origin::Kind::kDial, "431 dialled"}, false, [](auto) {});
    ASSERT_TRUE(changed) << changed.error().what;
  }

  /// The store takes what has been brought to it, or does not.
  void settle_store(std::expected<void, std::string> result = {}) {
    for (;;) {
      auto stored = held_.with([](auto& held) -> std::optional<Stored> {
        if (held.empty()) return std::nullopt;
        auto first = std::move(held.front());
        held.pop_front();
        return first;
      });
      if (!stored) return;
      (*stored)(result);
    }
  }
  std::size_t held() const {
    return held_.with([](const auto& held) { return held.size(); });
  }

  /// Plays the worker: sends what there is to send. Plays the contact: answers all that it was sent. Returns how many
  /// requests that were; those to other contacts stay unanswered.
  std::size_t deliver(const std::string& aor, const std::string& uri, int status) {
    std::size_t answered = 0;
    for (auto number : contacts(aor)) {
      while (true) {
        auto step = phones_.next(number, 0);
        if (step.what == lamp::Step::What::kSend) under_way_[number] = {step.order.uri, step.order.attempt};
        auto sent = under_way_.find(number);
        if (sent == under_way_.end() || sent->second.uri != uri) break;
        ++answered;
        phones_.ended(number, sent->second.attempt, {.status = status, .retry_after = {}, .call_id = "call"});
        under_way_.erase(sent);
        desk_.progressed(aor);
      }
    }
    return answered;
  }
  /// Once the server has something for it: a change that the test can see may still be on its way to the store, and is
  /// sent when it is there. Until `requests` are answered.
  bool deliver_soon(const std::string& aor, const std::string& uri, int status, std::size_t requests = 1) {
    std::size_t answered = 0;
    return eventually([&] { return (answered += deliver(aor, uri, status)) >= requests; });
  }

  static std::optional<std::string> canonical(std::string_view phone) {
    const auto at = phone.rfind('@');
    if (phone.substr(0, at).empty()) return std::nullopt;
    if (at == std::string_view::npos) return std::string(phone) + "@example.com";
    if (phone.substr(at + 1) != "example.com") return std::nullopt;
    return std::string(phone);
  }

  bool hold_store_ = false;  ///< set before the server starts
  std::size_t max_waits_ = 1000;
  ManualClock clock_;  // stands still
  lamp::Phones phones_{{}, clock_};
  location::Location location_{{}, same_text};
  location::Credentials credentials_;
  service::LampDesk desk_{
      phones_,
      location_,
      clock_,
      {.commit =
           [this](service::DeskRecord, Stored stored) {
             if (!hold_store_) return stored({});
             held_.with([&](auto& held) { held.push_back(std::move(stored)); });
           },
       .wake =
           [this](const lamp::Wake& wake) {
             wakes_.with([&](auto& wakes) { wakes[phones_.aor_of(wake.contact)].insert(wake.contact); });
           }}};
  std::unique_ptr<HttpServer> server_;

 private:
  std::vector<std::uint32_t> contacts(const std::string& aor) const {
    return wakes_.with([&](const auto& wakes) -> std::vector<std::uint32_t> {
      const auto found = wakes.find(aor);
      if (found == wakes.end()) return {};
      return {found->second.begin(), found->second.end()};
    });
  }

  struct UnderWay {
    std::string uri;
    std::uint32_t attempt;
  };
  std::map<std::uint32_t, UnderWay> under_way_;  ///< by contact
  lamplighter::Guarded<std::deque<Stored>> held_;
  lamplighter::Guarded<std::map<std::string, std::set<std::uint32_t>>> wakes_;
};

}  // namespace lamplighter::api::test
