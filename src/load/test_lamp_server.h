#pragma once

#include <fmt/format.h>

#include <boost/json.hpp>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>

#include "load/test_responder.h"

namespace lamplighter::load {

/// How a LampServer breaks its promises.
struct LampFaults {
  bool forgets_presses = false;   ///< over a restart: a press that comes again counts again
  bool loses_writes = false;      ///< over a restart: the latest API write of each phone
  bool lights_nothing = false;    ///< writes are confirmed that no phone heard of
  bool refuses_writes = false;    ///< 503
  bool repeats_messages = false;  ///< every MESSAGE comes twice
};

/// A lamp server that holds everything in memory, for tests of what measures one. It can be taken away and brought back
/// on the same ports, and made to break its promises.
class LampServer {
 public:
  explicit LampServer(LampFaults faults = {}) : faults_(faults) { come_back(); }
  ~LampServer() { go_away(); }

  const SocketAddress& sip() const { return sip_; }
  const SocketAddress& http() const { return http_; }

  /// What a killed server does: nothing is said any more.
  void go_away() {
    api_.reset();
    if (!registrar_) return;
    registrar_->stop();
    const std::lock_guard lock(mutex_);
    registrar_.reset();
  }
  void come_back() {
    const std::lock_guard lock(mutex_);
    if (faults_.forgets_presses) presses_.clear();
    for (auto& [aor, phone] : phones_) {
      if (faults_.loses_writes && phone.before) phone.keys = *std::exchange(phone.before, std::nullopt);
    }
    registrar_ =
        std::make_unique<Responder>([this](std::string_view message) { return on_datagram(message); }, sip_.port);
    api_ = std::make_unique<HttpResponder>(
        [this](const HttpResponder::Request& request) { return on_request(request); }, http_.port);
    sip_ = registrar_->address();
    http_ = api_->address();
    if (faults_.lights_nothing) return;
    // What was on its way when it went is lost: everything is told again.
    for (const auto& [aor, phone] : phones_) {
      for (const auto& [name, key] : phone.keys) tell(phone, name, key, {});
    }
  }
  std::size_t requests() {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

 private:
  struct Key {
    std::string light, label;
  };
  using Keys = std::map<std::string, Key>;
  struct Phone {
    std::optional<sockaddr_in> bound;
    std::string contact;
    Keys keys;
    std::optional<Keys> before;  ///< the latest API write
  };

  std::vector<std::string> on_datagram(std::string_view message) {
    const std::lock_guard lock(mutex_);
    if (!registrar_) return {};  // the very first, before it has its name
    const auto to = header_value(message, "From", 'f');
    const auto from = to.find("sip:") + 4;
    const std::string aor(to.substr(from, to.find('>') - from));
    if (is(message, "OPTIONS")) return {answer(message, "200 OK")};
    if (is(message, "REGISTER")) {
      auto& phone = phones_[aor];
      if (!contact_uri(message).empty()) {
        const bool ends = header_value(message, "Expires") == "0";
        const bool fresh = !phone.bound && !ends;
        phone.bound = ends ? std::nullopt : std::optional(registrar_->from());
        phone.contact = ends ? "" : contact_uri(message);
        if (fresh)
          for (const auto& [name, key] : phone.keys) tell(phone, name, key, {});
      }
      return {answer(message, "200 OK", phone.bound ? "Contact: <" + phone.contact + ">;expires=60\r\n" : "")};
    }
    if (!is(message, "INVITE")) return {};
    auto& phone = phones_[aor];
    auto& key = phone.keys["2"];
    const auto code = message.substr(11, 3);  // "INVITE sip:431@"
    const bool on = code == "431" || (code == "441" && (key.light.empty() || key.light == "off"));
    if (code != "441" || presses_.emplace(header_value(message, "Call-ID")).second) {
      key = on ? Key{"on", "Light is on"} : Key{"off", "Light is off"};
      phone.before.reset();
      tell(phone, "2", key, registrar_->from(), contact_uri(message));
    }
    return {answer(message, "404 Not a call")};
  }

  void tell(const Phone& phone, const std::string& name, const Key& key, std::optional<sockaddr_in> caller,
            const std::string& contact = {}) {
    if (!phone.bound && !caller) return;
    ++requests_;
    const auto body = fmt::format("k={}\r\nc={}\r\na=invite\r\nl={}", name, key.light, key.label);
    const auto text = fmt::format(
        "MESSAGE {} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKl{}\r\nFrom: <sip:server@127.0.0.1>;tag=s\r\n"
        "To: <sip:x@127.0.0.1>\r\nCall-ID: l\r\nCSeq: 1 MESSAGE\r\nContent-Length: {}\r\n\r\n{}",
        phone.bound ? phone.contact : contact, requests_, body.size(), body);
    registrar_->send(phone.bound ? *phone.bound : *caller, text);
    if (faults_.repeats_messages) registrar_->send(phone.bound ? *phone.bound : *caller, text);
  }

  std::string on_request(const HttpResponder::Request& request) {
    const std::lock_guard lock(mutex_);
    const auto path = request.target.substr(0, request.target.find('?'));
    if (path == "/healthz") return HttpResponder::json("{}");
    if (path == "/v1/phones") return HttpResponder::json(R"({"phones":[{"phone":"a","unconfirmed":0}]})");
    const auto aor = path.substr(11, path.find('/', 11) - 11);
    if (request.method == "GET") return show(aor);
    if (faults_.refuses_writes) return HttpResponder::json(R"({"title":"no"})", "503 Service Unavailable");
    auto& phone = phones_[aor];
    phone.before = phone.keys;
    const auto body = boost::json::parse(request.body);
    if (path.ends_with("/keys")) {
      for (auto& [name, key] : phone.keys) {
        if (!body.at("keys").as_object().contains(name)) set(phone, name, Key{"off", ""});
      }
      std::erase_if(phone.keys, [&](const auto& entry) { return !body.at("keys").as_object().contains(entry.first); });
      for (const auto& entry : body.at("keys").as_object()) set(phone, std::string(entry.key()), key_of(entry.value()));
    } else {
      set(phone, path.substr(path.rfind('/') + 1), key_of(body));
    }
    return HttpResponder::json(R"({"changed":true,"confirmed":true})");
  }

  static Key key_of(const boost::json::value& value) {
    const auto& object = value.as_object();
    const auto* label = object.if_contains("label");
    return {std::string(object.at("light").as_string()), label == nullptr ? "" : std::string(label->as_string())};
  }
  void set(Phone& phone, const std::string& name, const Key& key) {
    phone.keys[name] = key;
    if (!faults_.lights_nothing) tell(phone, name, key, {});
  }
  std::string show(const std::string& aor) {
    const auto place = phones_.find(aor);
    if (place == phones_.end()) return HttpResponder::json("{}", "404 Not Found");
    const auto& phone = place->second;
    boost::json::array contacts, keys;
    if (phone.bound) contacts.push_back(boost::json::object{{"contact", phone.contact}});
    for (const auto& [name, key] : phone.keys) {
      const boost::json::object desired{{"light", key.light}, {"label", key.label}};
      keys.push_back(boost::json::object{{"key", name}, {"desired", desired}});
    }
    return HttpResponder::json(boost::json::serialize(boost::json::object{{"phone", aor},
                                                                          {"registered", phone.bound.has_value()},
                                                                          {"confirmed", true},
                                                                          {"contacts", contacts},
                                                                          {"keys", keys}}));
  }

  LampFaults faults_;
  SocketAddress sip_, http_;
  std::mutex mutex_;
  std::map<std::string, Phone> phones_;
  std::set<std::string, std::less<>> presses_;
  std::size_t requests_ = 0;
  std::unique_ptr<Responder> registrar_;
  std::unique_ptr<HttpResponder> api_;
};

}  // namespace lamplighter::load
