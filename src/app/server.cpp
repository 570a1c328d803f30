#include "app/server.h"

#include <fmt/format.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <future>
#include <thread>

#include "api/http_server.h"
#include "app/secret.h"
#include "app/settings_to.h"
#include "base/log.h"
#include "location/credentials.h"
#include "server/core.h"
#include "sip/uri.h"

namespace lamplighter::app {
namespace {

bool same_uri(std::string_view a, std::string_view b) {
  if (a == b) return true;
  const auto left = sip::parse_uri(a);
  const auto right = sip::parse_uri(b);
  return left && right && sip::equivalent(*left, *right);
}

std::vector<IpAddress> own_addresses() {
  std::vector<IpAddress> out;
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) != 0) return out;
  for (const auto* entry = list; entry != nullptr; entry = entry->ifa_next) {
    if (entry->ifa_addr == nullptr) continue;
    const auto family = entry->ifa_addr->sa_family;
    if (family != AF_INET && family != AF_INET6) continue;
    sockaddr_storage storage{};
    std::copy_n(reinterpret_cast<const char*>(entry->ifa_addr),
                family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6), reinterpret_cast<char*>(&storage));
    out.push_back(SocketAddress::from(storage).ip);
  }
  freeifaddrs(list);
  return out;
}

/// One worker: its thread and sockets, and what they drive.
struct Lane {
  std::unique_ptr<transport::Worker> worker;
  std::unique_ptr<server::Core> core;
};

}  // namespace

struct Server::Impl {
  explicit Impl(config::Settings s)
      : settings(std::move(s)),
        core_settings(app::core_settings(settings)),
        dial_plan(dial_plan_settings(settings)),
        location({static_cast<std::size_t>(settings.integer("registrar.contacts_per_aor"))}, same_uri),
        keyboards({.keys_per_phone = static_cast<std::size_t>(settings.integer("lamp.keys_per_phone"))}) {}

  std::expected<void, std::string> open_store();
  std::expected<void, std::string> open_workers();
  std::expected<void, std::string> open_http();
  void restore(std::string aor, location::Binding binding);
  void make_cores();

  config::Settings settings;
  SystemClock clock;
  server::CoreSettings core_settings;
  service::DialPlan dial_plan;
  location::Location location;
  location::Credentials credentials;
  lamp::Keyboards keyboards;
  std::string secret;
  std::unique_ptr<store::SqliteStore> store;
  std::unique_ptr<server::Domains> domains;
  std::unique_ptr<server::Authenticator> authenticator;
  std::unique_ptr<server::DialogCookie> cookie;
  std::vector<Lane> lanes;
  std::unique_ptr<api::HttpServer> http;
  TimePoint started_at{};
  bool running = false;
};

std::expected<void, std::string> Server::Impl::open_store() {
  auto opened = store::SqliteStore::open(store_settings(settings));
  if (!opened) return std::unexpected(opened.error().what);
  store = std::move(*opened);
  const auto reload = [this] {
    if (auto all = store->credentials()) {
      credentials.replace(std::move(*all));
    } else {
      log::error("store: users could not be read again: {}", all.error().what);
    }
  };
  auto users = store->credentials();
  if (!users) return std::unexpected(users.error().what);
  credentials.replace(std::move(*users));
  store->watch_credentials(reload);

  auto key = load_or_make_secret(settings.text("store.path") + ".secret");
  if (!key) return std::unexpected(key.error());
  secret = std::move(*key);
  return {};
}

std::expected<void, std::string> Server::Impl::open_workers() {
  auto wanted = worker_settings(settings);
  auto count = static_cast<std::size_t>(settings.integer("sip.workers"));
  if (count == 0) count = std::clamp(std::thread::hardware_concurrency(), 1u, 64u);
  std::shared_ptr<transport::Interceptor> faults;
  if (const auto parsed = transport::FaultSettings::parse(settings.text("sip.faults"));
      !settings.text("sip.faults").empty() && parsed) {
    faults = transport::make_faults(*parsed);
    log::warn("transport: faults are put on purpose between the program and the network: {}",
              settings.text("sip.faults"));
  }
  for (std::size_t i = 0; i < count; ++i) {
    wanted.index = static_cast<std::uint8_t>(i);
    wanted.exclusive_probe = i == 0;
    auto worker = std::make_unique<transport::Worker>(wanted, clock);
    if (const auto opened = worker->open(); !opened) return std::unexpected(opened.error());
    if (i == 0) wanted.listen = worker->bound();  // the others share the ports it got
    if (faults) worker->intercept(faults);
    lanes.push_back({std::move(worker), nullptr});
  }
  return {};
}

/// A stored binding comes back with the flow it had. When the workers or listeners have changed since, it gets the
/// nearest flow there is now.
void Server::Impl::restore(std::string aor, location::Binding binding) {
  auto& flow = binding.flow;
  flow.worker = static_cast<std::uint8_t>(flow.worker % lanes.size());
  const auto bound = lanes[flow.worker].worker->bound();
  const bool still_there =
      flow.listener < bound.size() && bound[flow.listener].kind == flow.kind &&
      bound[flow.listener].address.port == flow.local.port &&
      (bound[flow.listener].address.ip == flow.local.ip || bound[flow.listener].address.ip.is_any());
  if (!still_there) {
    const auto near = lanes[flow.worker].worker->flow_to(flow.remote, flow.kind);
    if (!near) return;  // no listener of that kind any more: the phone cannot be reached until it registers again
    flow = *near;
  }
  location.apply({std::move(aor), {std::move(binding)}, {}});
}

void Server::Impl::make_cores() {
  std::vector<std::uint16_t> ports;
  for (const auto& listen : lanes.front().worker->bound()) ports.push_back(listen.address.port);
  domains = std::make_unique<server::Domains>(settings.strings("sip.domains"), own_addresses(), std::move(ports));
  authenticator = std::make_unique<server::Authenticator>(authenticator_settings(settings), credentials, clock, secret);
  cookie = std::make_unique<server::DialogCookie>(secret);

  const server::Shared shared{clock,       core_settings, dial_plan, *domains,  *authenticator,
                              credentials, *cookie,       location,  keyboards, *store};
  std::vector<server::Core*> peers;
  for (std::size_t i = 0; i < lanes.size(); ++i) {
    auto& worker = *lanes[i].worker;
    lanes[i].core =
        std::make_unique<server::Core>(static_cast<std::uint8_t>(i), shared, worker, worker,
                                       [&worker](const SocketAddress& remote) { return worker.flow_to(remote); });
    peers.push_back(lanes[i].core.get());
  }
  for (auto& lane : lanes) lane.core->meet(peers);
}

Server::Server(config::Settings settings) : impl_(std::make_unique<Impl>(std::move(settings))) {}

Server::~Server() { stop(); }

std::expected<void, std::string> Server::start() {
  auto& s = *impl_;
  auto fail = [&](std::string what) {
    stop();
    return std::unexpected(std::move(what));
  };
  if (auto opened = s.open_store(); !opened) return fail(opened.error());
  if (auto opened = s.open_workers(); !opened) return fail(opened.error());
  s.make_cores();
  const auto loaded = s.store->load(
      {.binding = [&](std::string aor, location::Binding binding) { s.restore(std::move(aor), std::move(binding)); },
       .key = [&](const std::string& aor, lamp::KeyName name, lamp::Key key,
                  std::uint64_t version) { s.keyboards.restore(aor, std::move(name), std::move(key), version); }});
  if (!loaded) return fail(loaded.error().what);
  if (auto opened = s.open_http(); !opened) return fail(opened.error());
  s.started_at = s.clock.now();
  s.running = true;
  for (auto& lane : s.lanes) lane.worker->start(*lane.core);
  if (s.http) s.http->start();
  return {};
}

std::expected<void, std::string> Server::Impl::open_http() {
  const auto& listen = settings.text("http.listen");
  if (listen.empty()) return {};
  http = std::make_unique<api::HttpServer>(api::HttpSettings{.listen = listen});
  api::add_health(*http, [this] {
    const auto up = std::chrono::duration_cast<std::chrono::seconds>(clock.now() - started_at);
    std::uint64_t requests = 0;
    std::uint64_t presses = 0;
    for (const auto& lane : lanes) {
      requests += lane.core->counters().requests.value();
      presses += lane.core->counters().presses.value();
    }
    return boost::json::object{{"uptime_seconds", up.count()},
                               {"phones", location.aors()},
                               {"bindings", location.bindings()},
                               {"requests", requests},
                               {"presses", presses}};
  });
  return http->open();
}

void Server::stop() {
  auto& s = *impl_;
  if (s.http) s.http->stop();
  for (auto& lane : s.lanes) lane.worker->stop();
  s.store.reset();  // commits what is queued; its answers go to workers that no longer run
  s.running = false;
}

std::vector<transport::Listen> Server::listening() const {
  return impl_->lanes.empty() ? std::vector<transport::Listen>{} : impl_->lanes.front().worker->bound();
}

std::string Server::http_address() const { return impl_->http ? impl_->http->bound().to_string() : std::string{}; }

Server::Totals Server::totals() const {
  Totals out;
  out.phones = impl_->location.aors();
  out.bindings = impl_->location.bindings();
  for (const auto& lane : impl_->lanes) {
    if (!lane.core) continue;
    const auto& core = lane.core->counters();
    const auto& lamps = lane.core->lamp_counters();
    out.requests += core.requests.value();
    out.responses += core.responses.value();
    out.presses += core.presses.value();
    out.lamps_sent += lamps.sent.value();
    out.lamps_confirmed += lamps.confirmed.value();
    out.lamps_refused += lamps.refused.value();
    out.lamps_unreachable += lamps.unreachable.value();
    out.malformed += core.malformed_answered.value() + core.malformed_dropped.value();
    out.handed_over += core.handed_over.value();
    out.datagrams_dropped += lane.worker->counters().receive_dropped;
  }
  return out;
}

bool Server::idle() const {
  if (!impl_->running) return true;
  for (const auto& lane : impl_->lanes) {
    std::promise<bool> answer;
    lane.worker->post([&] { answer.set_value(lane.core->idle()); });
    if (!answer.get_future().get()) return false;
  }
  return true;
}

}  // namespace lamplighter::app
