#include "app/server.h"

#include <fmt/format.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <future>
#include <thread>

#include "api/http_server.h"
#include "api/phones_api.h"
#include "app/certificate_watch.h"
#include "app/secret.h"
#include "app/settings_to.h"
#include "base/log.h"
#include "location/credentials.h"
#include "server/core.h"
#include "server/desk_store.h"
#include "server/restore.h"
#include "sip/uri.h"

namespace lamplighter::app {
namespace {

const SystemClock kMachineClock;

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
  Impl(config::Settings s, const Clock& given)
      : settings(std::move(s)),
        clock(given),
        core_settings(app::core_settings(settings)),
        dial_plan(dial_plan_settings(settings)),
        location({static_cast<std::size_t>(settings.integer("registrar.contacts_per_aor"))}, same_uri),
        phones(phones_settings(settings), clock) {}

  std::expected<void, std::string> open_store();
  std::expected<void, std::string> open_workers();
  std::expected<void, std::string> open_http();
  bool reach(location::Binding& binding);
  std::expected<void, std::string> restore();
  std::optional<std::string> canonical_aor(std::string_view phone) const;
  void make_cores();
  boost::json::object connections() const;

  config::Settings settings;
  JumpGuard clock;
  server::CoreSettings core_settings;
  service::DialPlan dial_plan;
  location::Location location;
  location::Credentials credentials;
  lamp::Phones phones;
  service::RecentPresses presses;
  std::string secret;
  std::unique_ptr<store::SqliteStore> store;
  std::unique_ptr<service::LampDesk> desk;
  std::unique_ptr<server::Domains> domains;
  std::unique_ptr<server::Authenticator> authenticator;
  std::unique_ptr<server::DialogCookie> cookie;
  std::vector<Lane> lanes;
  std::shared_ptr<transport::ConnectionBudget> budget;
  std::unique_ptr<CertificateWatch> certificate;
  std::unique_ptr<api::HttpServer> http;
  TimePoint started_at{};
  bool running = false;
};

std::expected<void, std::string> Server::Impl::open_store() {
  auto opened = store::SqliteStore::open(store_settings(settings));
  if (!opened) return std::unexpected(opened.error().what);
  store = std::move(*opened);
  if (const auto pruned = store->prune_cleared(); !pruned) {
    log::warn("store: old cleared keys are kept: {}", pruned.error().what);
  } else if (*pruned > 0) {
    log::info("store: {} keys that were cleared long ago, and are known to be dark, are forgotten", *pruned);
  }
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
  budget = wanted.streams.budget;
  if (wants_tls(settings)) {
    auto tls = transport::TlsContext::load(tls_settings(settings));
    if (!tls) return std::unexpected(std::move(tls.error()));
    wanted.streams.tls = *tls;
    certificate = std::make_unique<CertificateWatch>(std::move(*tls));
  }
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
bool Server::Impl::reach(location::Binding& binding) {
  auto& flow = binding.flow;
  if (is_reliable(flow.kind)) {  // its connection ended with the server that had it; the phone will come back
    flow.connection = flow.generation = 0;
    flow.worker = static_cast<std::uint8_t>(flow.worker % lanes.size());
    return true;
  }
  flow.worker = static_cast<std::uint8_t>(flow.worker % lanes.size());
  const auto& bound = lanes[flow.worker].worker->bound();
  const bool still_there =
      flow.listener < bound.size() && bound[flow.listener].kind == flow.kind &&
      bound[flow.listener].address.port == flow.local.port &&
      (bound[flow.listener].address.ip == flow.local.ip || bound[flow.listener].address.ip.is_any());
  if (still_there) return true;
  const auto near = lanes[flow.worker].worker->flow_to(flow.remote, flow.kind);
  if (near) flow = *near;
  return near.has_value();
}

std::expected<void, std::string> Server::Impl::restore() {
  auto restored = server::restore(*store, location, phones, *desk, presses, clock.wall(), lanes.size(),
                                  [this](location::Binding& binding) { return reach(binding); });
  if (!restored) return std::unexpected(restored.error().what);
  std::size_t behind = 0;
  for (std::size_t i = 0; i < lanes.size(); ++i) {
    for (const auto& [wake, keys] : restored->behind[i]) behind += keys;
    auto& core = *lanes[i].core;
    core.executor().post(
        [&core, list = std::move(restored->behind[i])]() mutable { core.restore_lamps(std::move(list)); });
  }
  if (restored->bindings + restored->keys > 0) {
    log::info("store: restored {} contacts, {} keys, {} confirmed lamps; {} lamps to be sent", restored->bindings,
              restored->keys, restored->confirmations, behind);
  }
  return {};
}

void Server::Impl::make_cores() {
  std::vector<std::uint16_t> ports;
  for (const auto& listen : lanes.front().worker->bound()) ports.push_back(listen.address.port);
  domains = std::make_unique<server::Domains>(settings.strings("sip.domains"), own_addresses(), std::move(ports));
  authenticator = std::make_unique<server::Authenticator>(authenticator_settings(settings), credentials, clock, secret);
  cookie = std::make_unique<server::DialogCookie>(secret);

  desk = std::make_unique<service::LampDesk>(phones, location, clock,
                                             server::desk_hooks(*store, [this](const lamp::Wake& wake) {
                                               auto& core = *lanes[wake.worker % lanes.size()].core;
                                               core.executor().post([&core, wake] { core.look_after(wake); });
                                             }));
  const server::Shared shared{.clock = clock,
                              .settings = core_settings,
                              .dial_plan = dial_plan,
                              .domains = *domains,
                              .authenticator = *authenticator,
                              .credentials = credentials,
                              .cookie = *cookie,
                              .location = location,
                              .phones = phones,
                              .desk = *desk,
                              .presses = presses,
                              .store = *store};
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

Server::Server(config::Settings settings) : Server(std::move(settings), kMachineClock) {}
Server::Server(config::Settings settings, const Clock& clock)
    : impl_(std::make_unique<Impl>(std::move(settings), clock)) {}

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
  if (auto restored = s.restore(); !restored) return fail(restored.error());
  if (auto opened = s.open_http(); !opened) return fail(opened.error());
  s.started_at = s.clock.now();
  s.running = true;
  for (auto& lane : s.lanes) lane.worker->start(*lane.core);
  if (s.http) s.http->start();
  return {};
}

/// "101" is 101 of the default domain; "101@example.com" must name a domain of ours.
std::optional<std::string> Server::Impl::canonical_aor(std::string_view phone) const {
  const auto at = phone.rfind('@');
  const auto user = phone.substr(0, at);
  if (user.empty()) return std::nullopt;
  const auto host = at == std::string_view::npos ? domains->default_domain() : std::string(phone.substr(at + 1));
  const auto text = fmt::format("sip:{}@{}", sip::escape_user(user), host);
  const auto uri = sip::parse_uri(text);
  if (!uri || !domains->is_ours(*uri, Flow{})) return std::nullopt;
  std::string aor;
  domains->canonical_aor(*uri, aor);
  return aor;
}

/// How many connections there are, and why others were ended or refused since the start.
boost::json::object Server::Impl::connections() const {
  using Counters = transport::StreamCounters;
  constexpr std::array<std::pair<std::string_view, Counter Counters::*>, 10> kShown{
      {{"accepted", &Counters::accepted},
       {"refused_total", &Counters::refused_total},
       {"refused_source", &Counters::refused_source},
       {"refused_unproven", &Counters::refused_unproven},
       {"accept_pauses", &Counters::accept_pauses},
       {"handshakes_failed", &Counters::handshakes_failed},
       {"broken", &Counters::broken},
       {"slow_readers", &Counters::slow_readers},
       {"slow_senders", &Counters::slow_senders},
       {"idle", &Counters::idle}}};
  boost::json::object out{{"open", budget->total()}};
  for (const auto& [name, counter] : kShown) {
    std::uint64_t sum = 0;
    for (const auto& lane : lanes) {
      if (const auto* counters = lane.worker->stream_counters()) sum += (counters->*counter).value();
    }
    out[name] = sum;
  }
  return out;
}

std::expected<void, std::string> Server::Impl::open_http() {
  const auto& listen = settings.text("http.listen");
  if (listen.empty()) return {};
  api::HttpSettings http_settings{.listen = listen};
  if (const auto& path = settings.text("http.token_file"); !path.empty()) {
    auto token = load_token(path);
    if (!token) return std::unexpected("http.token_file: " + token.error());
    http_settings.token = std::move(*token);
  }
  http = std::make_unique<api::HttpServer>(std::move(http_settings));
  api::add_phones(*http, {.desk = *desk,
                          .phones = phones,
                          .location = location,
                          .credentials = credentials,
                          .realm = authenticator->realm(),
                          .clock = clock,
                          .canonical_aor = [this](std::string_view phone) { return canonical_aor(phone); }});
  api::add_health(*http, [this] {
    const auto up = std::chrono::duration_cast<std::chrono::seconds>(clock.now() - started_at);
    std::uint64_t requests = 0;
    std::uint64_t pressed = 0;
    for (const auto& lane : lanes) {
      requests += lane.core->counters().requests.value();
      pressed += lane.core->counters().presses.value();
    }
    return boost::json::object{{"uptime_seconds", up.count()},
                               {"phones", location.aors()},
                               {"bindings", location.bindings()},
                               {"requests", requests},
                               {"presses", pressed},
                               {"connections", connections()},
                               {"keys_not_stored", desk->unstored()}};
  });
  return http->open();
}

void Server::reload_certificate() {
  if (impl_->certificate) impl_->certificate->reload();
}

void Server::stop() {
  auto& s = *impl_;
  s.certificate.reset();
  if (s.http) s.http->stop();
  for (auto& lane : s.lanes) lane.worker->stop();
  for (auto& lane : s.lanes) {
    if (lane.core) lane.core->flush();
  }
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
  out.connections = impl_->budget ? impl_->budget->total() : 0;
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
    out.lamps_retrying += lamps.retrying.value();
    out.lamps_abandoned += lamps.abandoned.value();
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
