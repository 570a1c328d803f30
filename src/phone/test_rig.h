#pragma once

// For tests: a network in virtual time with phones and a peer that does exactly what a test tells it.

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "phone/event_json.h"
#include "phone/user_agent.h"
#include "sip/headers.h"
#include "sip/writer.h"
#include "transport/sim_network.h"

namespace lamplighter::phone::test {

/// Keeps every event.
struct Events : PhoneObserver {
  std::vector<Event> all;
  void on_event(const Event& event) override { all.push_back(event); }

  std::size_t count(Event::Type type) const {
    return static_cast<std::size_t>(std::ranges::count(all, type, &Event::type));
  }
  const Event* last(Event::Type type) const {
    const Event* found = nullptr;
    for (const auto& event : all) found = event.type == type ? &event : found;
    return found;
  }
  /// "calling ringing talking ended", of one call.
  std::string call_states(std::uint32_t call) const {
    std::string out;
    for (const auto& event : all) {
      if (event.type != Event::Type::kCall || event.call != call) continue;
      out += fmt::format("{}{}", out.empty() ? "" : " ", name_of(event.call_state));
    }
    return out;
  }
};

/// Keeps what it hears, answers as `handle` says, without transactions of its own.
class Peer : public transport::Receiver {
 public:
  explicit Peer(transport::SimNetwork::Node& node) : node_(node) { node.attach(*this); }

  std::vector<std::string> heard;
  std::function<void(const sip::Message&, const Flow&)> handle;

  void reply(const sip::Message& request, const Flow& flow, int status, std::string_view headers = {},
             std::string_view body_type = {}, std::string_view body = {}) {
    std::string bytes;
    sip::begin_response(bytes, request, status, sip::reason_phrase(status), status > 100 ? "peer" : "", flow.remote)
        .raw(headers)
        .body(body_type, body);
    node_.send(flow, bytes);
  }
  void send(const SocketAddress& to, std::string_view bytes) { node_.send(node_.flow_to(to), bytes); }
  std::size_t count(std::string_view start) const {
    return static_cast<std::size_t>(
        std::ranges::count_if(heard, [&](const std::string& bytes) { return bytes.starts_with(start); }));
  }

  void on_message(const Flow& flow, std::string_view bytes, TimePoint) override {
    heard.emplace_back(bytes);
    sip::Message message;
    if (message.parse(bytes) && handle) handle(message, flow);
  }
  void on_timers(TimePoint) override {}
  std::optional<TimePoint> next_timer() const override { return std::nullopt; }

 private:
  transport::SimNetwork::Node& node_;
};

struct Rig {
  ManualClock clock;
  transport::SimNetwork network{clock};
  transport::SimNetwork::Node& server_node = network.add({IpAddress::v4(0x0a000001), 5060});  // 10.0.0.1
  Peer server{server_node};

  /// A phone 10.0.0.<host>:5060 of sip:<host>@10.0.0.1, not started.
  struct Phone {
    Events events;
    transport::SimNetwork::Node& node;
    UserAgent agent;
    Phone(Rig& rig, Settings settings, transport::SimNetwork::Node& its_node, const SocketAddress& server)
        : node(its_node),
          agent(std::move(settings), node, rig.clock, node.flow_to(server), node.address().ip.bytes()[3], events) {
      node.attach(agent);
    }
  };

  static Settings settings(unsigned user) {
    return Settings::of(Identity::parse(fmt::format("sip:{}@10.0.0.1", user)).value(), *lamp::model_named("snom370"));
  }
  std::unique_ptr<Phone> phone(unsigned user, std::function<void(Settings&)> change = {}) {
    auto wanted = settings(user);
    if (change) change(wanted);
    auto& node = network.add({IpAddress::v4(0x0a000000 + user), 5060});
    return std::make_unique<Phone>(*this, std::move(wanted), node, server_node.address());
  }

  bool until(const std::function<bool()>& done, Duration limit = std::chrono::seconds{60}) {
    return network.run_until(done, limit);
  }
};

/// A registrar that grants what is asked for.
inline void grant(Peer& peer, const sip::Message& request, const Flow& flow) {
  if (request.method() != sip::Method::kRegister) return;
  peer.reply(request, flow, 200,
             fmt::format("Contact: {}\r\nExpires: {}\r\n", request.header(sip::HeaderId::kContact),
                         request.header(sip::HeaderId::kExpires)));
}

/// A MESSAGE with buttons, as the server sends it.
inline std::string buttons(std::string_view body, int number = 1, std::string_view type = "application/x-buttons") {
  return fmt::format(
      "MESSAGE sip:101@10.0.0.101:5060 SIP/2.0\r\n"
      "Via: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK{0}\r\n"
      "From: <sip:server@10.0.0.1>;tag=s\r\n"
      "To: <sip:101@10.0.0.1>\r\n"
      "Call-ID: lamp{0}\r\n"
      "CSeq: {0} MESSAGE\r\n"
      "Content-Type: {1}\r\n"
      "Content-Length: {2}\r\n\r\n{3}",
      number, type, body.size(), body);
}

}  // namespace lamplighter::phone::test
