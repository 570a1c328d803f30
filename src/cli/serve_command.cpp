
#include <csignal>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "app/server.h"
#include "app/settings_to.h"
#include "base/log.h"
#include "cli/commands.h"
#include "config/settings.h"

namespace lamplighter::cli {
namespace {

struct ServeOptions {
  std::string config;
  std::vector<std::string> sets;
  bool print_config = false;
  std::string faults;
};

/// Prints errors, one a line; returns whether there were any.
bool complain(const std::vector<config::ConfigError>& errors) {
  for (const auto& error : errors) std::fprintf(stderr, "%s\n", error.to_string().c_str());
  return !errors.empty();
}

/// Waits for the signal that ends the program. The signals are blocked in every thread and read here, on the main one.
int wait_for_end(const sigset_t& signals, app::Server& server) {
  for (;;) {
    int signal = 0;
    if (sigwait(&signals, &signal) != 0) continue;
    if (signal == SIGHUP) {
      log::info("serve: SIGHUP: users are reloaded by themselves; other settings are read at the next start");
      server.reload_certificate();
      continue;
    }
    return signal;
  }
}

void announce(const app::Server& server) {
  for (const auto& listen : server.listening()) log::info("serve: SIP on {}", listen.to_string());
  if (!server.http_address().empty()) log::info("serve: HTTP on http://{}/healthz", server.http_address());
  const auto totals = server.totals();
  log::info("serve: ready, {} phones restored. Ctrl-C ends it.", totals.phones);
}

int serve(const ServeOptions& options) {
  config::Settings settings;
  if (!options.config.empty() && complain(settings.load_file(options.config))) return 2;
  std::vector<config::ConfigError> errors;
  for (const auto& assignment : options.sets) {
    for (auto& error : settings.set(assignment)) errors.push_back(std::move(error));
  }
  if (complain(errors) || complain(app::check_meanings(settings))) return 2;
  if (options.print_config) {
    std::fputs(settings.print().c_str(), stdout);
    return 0;
  }
  set_up_log(settings.text("log.level"));

  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);

  app::Server server(std::move(settings));
  if (const auto started = server.start(); !started) {
    std::fprintf(stderr, "lamplighter serve: %s\n", started.error().c_str());
    return 1;
  }
  announce(server);
  const int signal = wait_for_end(signals, server);
  log::info("serve: {}, stopping", signal == SIGINT ? "Ctrl-C" : "SIGTERM");
  server.stop();
  return 0;
}

}  // namespace

void add_serve(CLI::App& app, Run& run) {
  auto options = std::make_shared<ServeOptions>();
  auto* command = app.add_subcommand("serve", "Run the server");
  command->description(
      "Run the server: phones register and call each other, dialled codes light their keys. Without options it listens "
      "on\n"
      "udp port 5060 and keeps its data in data/lamplighter.db.");
  command->add_option("-c,--config", options->config, "Settings file (TOML); see docs/settings.md")->type_name("FILE");
  command->add_option("-s,--set", options->sets, "Override one setting, e.g. --set sip.listen=udp:127.0.0.1:5070")
      ->type_name("SECTION.KEY=VALUE")
      ->allow_extra_args(false);
  command->add_flag("--print-config", options->print_config, "Print all settings as they would be used, and exit");
  command->add_option("--faults", options->faults, "")->group("");
  command->footer(R"(
Examples:
  lamplighter serve --set sip.listen=udp:192.168.1.5:5060 --set 'auth.trusted=["192.168.1.0/24"]'
  lamplighter serve --config config/snom-led-remote-control.toml
  lamplighter serve --print-config > lamplighter.toml

Signals: SIGINT and SIGTERM end it cleanly; SIGHUP reads the TLS certificate again.)");
  command->callback([options, &run] {
    if (!options->faults.empty()) options->sets.push_back("sip.faults=" + options->faults);
    run = [options] { return serve(*options); };
  });
}

}  // namespace lamplighter::cli
