#include "app/settings_to.h"

#include <algorithm>
#include <charconv>
#include <map>

#include "base/random.h"
#include "config/units.h"
#include "lamp/model.h"
#include "lamp/x_buttons.h"

namespace lamplighter::app {
namespace {

using config::Settings;

std::chrono::seconds seconds(const Settings& settings, std::string_view name) {
  return std::chrono::duration_cast<std::chrono::seconds>(settings.duration(name));
}

constexpr std::string_view kToggle = "toggle";

std::string model_names() {
  std::string out;
  for (const auto& model : lamp::models()) out.append(out.empty() ? "" : " ").append(model.name);
  return out;
}

void check_tls(const Settings& settings, std::vector<config::ConfigError>& errors) {
  if (!wants_tls(settings)) return;
  for (const auto* name : {"tls.certificate", "tls.key"}) {
    if (settings.text(name).empty()) {
      errors.push_back(settings.error_at(name, "sip.listen has tls: or wss:, expected the path of a PEM file"));
    }
  }
  if (settings.text("tls.client_certificates") != "no" && settings.text("tls.ca").empty()) {
    errors.push_back(settings.error_at("tls.ca",
                                       "tls.client_certificates asks for certificates, expected the path of "
                                       "a PEM file with who signs them"));
  }
}

/// Whoever reaches the API moves everybody's lamps.
void check_api(const Settings& settings, std::vector<config::ConfigError>& errors) {
  const auto& listen = settings.text("http.listen");
  if (listen.empty() || !settings.text("http.token_file").empty()) return;
  const auto address = SocketAddress::parse(listen);
  if (address && !address->ip.is_loopback()) {
    errors.push_back(settings.error_at(
        "http.listen",
        "other machines reach " + listen + ", expected a loopback address or a token in http.token_file"));
  }
}

}  // namespace

std::vector<config::ConfigError> check_meanings(const Settings& settings) {
  std::vector<config::ConfigError> errors;
  const auto& listen = settings.strings("sip.listen");
  for (std::size_t i = 0; i < listen.size(); ++i) {
    const auto parsed = transport::Listen::parse(listen[i]);
    if (!parsed) errors.push_back(settings.error_at("sip.listen", parsed.error(), std::to_string(i)));
  }
  if (listen.empty()) {
    errors.push_back(settings.error_at("sip.listen", "no listener, expected at least one, like \"udp:0.0.0.0:5060\""));
  }
  for (const auto& [number, light] : settings.table("dial.lights")) {
    if (!lamp::light_from(light) && light != kToggle) {
      errors.push_back(settings.error_at(
          "dial.lights", "unknown light \"" + light + "\", expected toggle or one of " + lamp::light_names(), number));
    }
  }
  for (const auto* name : {"lamp.pauses", "lamp.batches"}) {
    for (const auto& [model, value] : settings.table(name)) {
      if (lamp::model_named(model) == nullptr) {
        errors.push_back(
            settings.error_at(name, "unknown model \"" + model + "\", expected one of " + model_names(), model));
      }
    }
  }
  check_api(settings, errors);
  check_tls(settings, errors);
  if (const auto good = lamp::check_key_name(settings.text("dial.key")); !good) {
    errors.push_back(settings.error_at("dial.key", good.error()));
  }
  for (const auto* name : {"dial.label", "dial.number"}) {
    if (const auto good = lamp::check_value(settings.text(name)); !good) {
      errors.push_back(settings.error_at(name, good.error()));
    }
  }
  for (auto& error : settings.check_together()) errors.push_back(std::move(error));
  if (const auto& faults = settings.text("sip.faults"); !faults.empty()) {
    if (const auto parsed = transport::FaultSettings::parse(faults); !parsed) {
      errors.push_back(settings.error_at("sip.faults", parsed.error()));
    }
  }
  return errors;
}

std::vector<transport::Listen> listeners(const Settings& settings) {
  std::vector<transport::Listen> out;
  for (const auto& text : settings.strings("sip.listen")) {
    if (auto listen = transport::Listen::parse(text)) out.push_back(*listen);
  }
  return out;
}

transport::WorkerSettings worker_settings(const Settings& settings) {
  transport::WorkerSettings out;
  out.listen = listeners(settings);
  out.receive_buffer = static_cast<std::size_t>(settings.integer("sip.receive_buffer"));
  out.send_buffer = static_cast<std::size_t>(settings.integer("sip.send_buffer"));
  const auto size = [&](std::string_view name) { return static_cast<std::size_t>(settings.integer(name)); };
  auto& streams = out.streams;
  streams.first_message = settings.duration("stream.first_message");
  streams.message = settings.duration("stream.message");
  streams.idle = settings.duration("stream.idle");
  streams.write_queue = size("stream.write_queue");
  streams.websocket_ping = settings.duration("websocket.ping");
  streams.origins = settings.strings("websocket.origins");
  streams.budget = std::make_shared<transport::ConnectionBudget>(transport::ConnectionBudget::Limits{
      size("stream.max_connections"), size("stream.max_per_source"), size("stream.max_unproven")});
  return out;
}

bool wants_tls(const Settings& settings) {
  return std::ranges::any_of(listeners(settings), [](const transport::Listen& listen) {
    return listen.kind == TransportKind::kTls || listen.kind == TransportKind::kWss;
  });
}

transport::TlsSettings tls_settings(const Settings& settings) {
  using enum transport::TlsSettings::ClientCertificates;
  const auto& clients = settings.text("tls.client_certificates");
  return {.certificate = settings.text("tls.certificate"),
          .key = settings.text("tls.key"),
          .ca = settings.text("tls.ca"),
          .client_certificates = clients == "required"   ? kRequired
                                 : clients == "optional" ? kOptional
                                                         : kNo,
          .only_tls13 = settings.text("tls.min_version") == "1.3",
          .ciphers = settings.text("tls.ciphers")};
}

server::CoreSettings core_settings(const Settings& settings) {
  server::CoreSettings out;
  out.server_name = settings.text("sip.server_name");
  out.timers = {settings.duration("sip.t1"), settings.duration("sip.t2"), settings.duration("sip.t4")};
  out.max_transactions = static_cast<std::size_t>(settings.integer("sip.max_transactions"));
  out.max_branches = static_cast<std::size_t>(settings.integer("proxy.max_branches"));
  out.relay_foreign = settings.flag("proxy.relay_foreign");
  out.registrar = {seconds(settings, "registrar.default_expires"), seconds(settings, "registrar.min_expires"),
                   seconds(settings, "registrar.max_expires")};
  out.proxy = {settings.duration("proxy.invite_timeout"), settings.flag("proxy.record_route")};
  out.dial_reply_code = static_cast<int>(settings.integer("dial.reply_code"));
  out.dial_reply_reason = settings.text("dial.reply_reason");
  out.lamps = {settings.text("dial.from"), static_cast<std::size_t>(settings.integer("lamp.restore_rate")),
               settings.duration("sip.t1")};
  return out;
}

server::AuthenticatorSettings authenticator_settings(const Settings& settings) {
  server::AuthenticatorSettings out;
  out.realm = settings.text("auth.realm");
  for (const auto& text : settings.strings("auth.trusted")) {
    if (const auto network = Network::parse(text)) out.trusted.push_back(*network);
  }
  for (const auto& name : settings.strings("auth.algorithms")) {
    out.algorithms.push_back(name == "MD5" ? sip::DigestAlgorithm::kMd5 : sip::DigestAlgorithm::kSha256);
  }
  out.nonce_lifetime = seconds(settings, "auth.nonce_lifetime");
  return out;
}

service::DialPlanSettings dial_plan_settings(const Settings& settings) {
  service::DialPlanSettings out;
  out.enabled = settings.flag("dial.enabled");
  out.user_agent = settings.text("dial.user_agent");
  for (const auto& [number, light] : settings.table("dial.lights")) {
    if (light == kToggle) out.toggles.insert(number);
    if (const auto known = lamp::light_from(light)) out.lights[number] = *known;
  }
  out.key = settings.text("dial.key");
  out.number = settings.text("dial.number");
  out.label = settings.text("dial.label");
  out.press = lamp::press_from(settings.text("dial.press")).value_or(lamp::Press::kInvite);
  return out;
}

lamp::PhonesSettings phones_settings(const Settings& settings) {
  lamp::PhonesSettings out;
  out.keys_per_phone = static_cast<std::size_t>(settings.integer("lamp.keys_per_phone"));
  out.phones = static_cast<std::size_t>(settings.integer("lamp.phones"));
  out.history = static_cast<std::size_t>(settings.integer("lamp.history"));
  out.timing.retry_first = settings.duration("lamp.retry_first");
  out.timing.retry_max = settings.duration("lamp.retry_max");
  out.timing.linger = settings.duration("sip.t4");
  out.unknown_models = settings.flag("lamp.unknown_models");
  out.pace.gap = settings.duration("lamp.pause");
  std::map<std::string, lamp::DeliveryPace> paces;
  for (const auto& [model, text] : settings.table("lamp.pauses")) {
    auto& pace = paces.try_emplace(model, out.pace).first->second;
    pace.gap = config::parse_duration(text).value_or(std::chrono::milliseconds{0});
  }
  for (const auto& [model, text] : settings.table("lamp.batches")) {
    auto& pace = paces.try_emplace(model, out.pace).first->second;
    std::from_chars(text.data(), text.data() + text.size(), pace.batch);
  }
  out.paces.assign(paces.begin(), paces.end());
  out.seed = secret_u64();
  return out;
}

store::SqliteSettings store_settings(const Settings& settings) {
  store::SqliteSettings out;
  out.path = settings.text("store.path");
  out.durability =
      settings.text("store.durability") == "power" ? store::Durability::kPower : store::Durability::kProcess;
  out.queue_limit = static_cast<std::size_t>(settings.integer("store.queue"));
  return out;
}

}  // namespace lamplighter::app
