#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <memory>
#include <sstream>

#include "cli/commands.h"
#include "load/api_load.h"
#include "load/generator.h"
#include "load/hearing.h"
#include "load/kernel.h"
#include "load/keyboards.h"
#include "load/witness.h"

namespace lamplighter::cli {
namespace {

constexpr auto kMaxDuration = std::chrono::minutes{10};

struct Arguments {
  load::Options options;
  std::string server = "127.0.0.1:5060";
  std::string http = "127.0.0.1:8080";
  std::string token_file;
  std::string mode = "press";
  std::string password;
  std::string verify;
  double duration = 10;  // seconds
  double timeout = 32;
  double pace = 0;
  std::uint64_t count = 0;
  std::uint32_t expires = 3600;
  pid_t server_pid = 0;
  bool has_duration = false, has_phones = false, has_timeout = false;
  bool api = false;
  bool json = false, no_register = false, allow_remote = false, quiet = false;
};

std::atomic<bool> interrupted = false;
extern "C" void on_interrupt(int) { interrupted = true; }

int asked_wrongly(const std::string& what) {
  fmt::print(stderr, "lamplighter load: {}\n", what);
  return 2;
}

int failed(const std::string& what) {
  fmt::print(stderr, "lamplighter load: {}\n", what);
  return 1;
}

std::expected<std::vector<load::Promise>, std::string> read_promises(const std::string& path) {
  std::ifstream file(path);
  if (!file) return std::unexpected("cannot read " + path);
  std::vector<load::Promise> promises;
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    load::Promise promise;
    if (words >> promise.aor >> promise.contact) promises.push_back(std::move(promise));
  }
  if (promises.empty()) return std::unexpected(path + " holds no lines \"aor contact\"");
  return promises;
}

// One line that is written over, on a terminal; one every ten seconds elsewhere.
std::function<void(std::uint64_t, double)> progress_of(std::string what, bool quiet) {
  if (quiet) return {};
  const bool terminal = isatty(STDERR_FILENO) != 0;
  return [what = std::move(what), terminal](std::uint64_t done, double seconds) {
    if (!terminal && static_cast<int>(seconds) % 10 != 0) return;
    fmt::print(stderr, "{}{}: {} after {:.0f} s ({:.0f} per second){}", terminal ? "\r" : "", what, done, seconds,
               static_cast<double>(done) / seconds, terminal ? "\x1b[K" : "\n");
  };
}

void clear_progress(bool quiet) {
  if (!quiet && isatty(STDERR_FILENO) != 0) fmt::print(stderr, "\r\x1b[K");
}

// A run with the server's processor time around it.
load::Result measured(load::Generator& generator, load::Director* director, load::Mode mode, load::Limit limit,
                      std::optional<pid_t> server) {
  const auto before = server ? load::cpu_of(*server) : std::nullopt;
  auto result = director == nullptr ? generator.run(mode, limit) : generator.run(*director, mode, limit);
  const auto after = server ? load::cpu_of(*server) : std::nullopt;
  result.server = server;
  if (before && after) result.server_cpu = *after - *before;
  return result;
}

int report(const Arguments& arguments, const load::Result& result) {
  fmt::print("{}{}", arguments.json ? load::to_json(result) : load::describe(result), arguments.json ? "\n" : "");
  for (const auto& promise : result.missing) fmt::print(stderr, "missing: {} {}\n", promise.aor, promise.contact);
  std::fflush(stdout);
  if (result.done == 0 && result.server_gone) return failed("nobody answers at " + arguments.server);
  if (!result.missing.empty()) return failed(fmt::format("{} registrations are missing", result.missing.size()));
  const bool clean = result.refused + result.timeouts + result.unfinished == 0 && result.done > 0;
  return clean && !result.server_gone ? 0 : 1;
}

load::Mode mode_named(std::string_view name) {
  using load::Mode;
  for (const auto mode :
       {Mode::kRegister, Mode::kOptions, Mode::kCall, Mode::kLamps, Mode::kApi, Mode::kKeyboards, Mode::kWitness}) {
    if (load::name_of(mode) == name) return mode;
  }
  return Mode::kPress;
}

// What is wrong with the options for HTTP; nullopt: nothing.
std::optional<std::string> prepare_http(Arguments& arguments) {
  const auto http = SocketAddress::parse(arguments.http);
  if (!http) return "--http: " + http.error();
  arguments.options.http = *http;
  if (!http->ip.is_loopback() && !arguments.allow_remote) {
    return arguments.http + " is not on this machine; load harms a server in use. --allow-remote if it is yours";
  }
  if (arguments.token_file.empty()) return std::nullopt;
  std::ifstream file(arguments.token_file);
  if (!std::getline(file, arguments.options.token) || arguments.options.token.empty()) {
    return "--token-file: cannot read a token from the first line of " + arguments.token_file;
  }
  return std::nullopt;
}

// What was not said depends on the mode.
void set_defaults(Arguments& arguments, load::Mode mode, load::Limit& limit) {
  auto& options = arguments.options;
  using namespace std::chrono_literals;
  switch (mode) {
    case load::Mode::kApi:
      if (options.in_flight == 0) options.in_flight = 1;
      options.connections = options.in_flight;  // a write never waits for another one's connection
      break;
    case load::Mode::kKeyboards:
      if (!arguments.has_phones) options.phones = 10'000;
      if (options.in_flight == 0) options.in_flight = options.phones;
      if (!arguments.has_duration) limit.duration = kMaxDuration;
      break;
    case load::Mode::kWitness:
      if (!arguments.has_timeout) options.timeout = 5s;  // longer than any answer takes, shorter than a round
      break;
    default: break;
  }
}

int keyboards(const Arguments& arguments, load::Generator& generator, load::Limit limit, std::optional<pid_t> server,
              std::optional<load::Memory> before) {
  load::Keyboards scenario(generator, arguments.count > 0 ? static_cast<std::uint32_t>(arguments.count) : 1);
  const auto result = scenario.run(limit.duration, server, before);
  clear_progress(arguments.quiet);
  if (!scenario.complaint().empty()) fmt::print(stderr, "lamplighter load: {}\n", scenario.complaint());
  fmt::print("{}{}", arguments.json ? load::to_json(result) : load::describe(result), arguments.json ? "\n" : "");
  const auto& changes = result.changes;
  const bool clean = changes.done > 0 && changes.refused + changes.timeouts + changes.unfinished == 0;
  return clean && result.confirmed > 0 && result.wrong == 0 && result.messages == result.minimum ? 0 : 1;
}

int lamps(const Arguments& arguments, load::Generator& generator, load::Limit limit) {
  const auto say = [&](const char* what) {
    if (!arguments.quiet) fmt::print(stderr, "{}\n", what);
  };
  load::Hearing hearing(generator,
                        {.first = [&] { say("the first lamp came"); }, .all = [&] { say("every phone was told"); }});
  return report(arguments, hearing.run(limit.duration));
}

// One line for each step, at once: whoever kills the server reads along.
int witness(const Arguments& arguments, load::Generator& generator) {
  constexpr auto kPatience = std::chrono::seconds{30};
  load::Witness witness(generator);
  const auto say = [](const std::string& line) {
    fmt::print("{}\n", line);
    std::fflush(stdout);
  };
  const std::uint64_t rounds = arguments.count > 0 ? arguments.count : UINT64_MAX;
  for (std::uint64_t round = 0; round < rounds && !interrupted; ++round) {
    say("working");
    auto found = witness.work(kMaxDuration);
    if (!found.server_gone) break;
    say(fmt::format("gone: {} acknowledged, {} unsettled, {} refused", found.acknowledged, found.unsettled,
                    found.refused));
    if (!witness.wait_for_server(kPatience)) return failed("the server did not come back within 30 s");
    witness.verify(found, kPatience);
    for (const auto& line : found.broken) fmt::print(stderr, "broken: {}\n", line);
    if (!found.broken.empty()) return failed("promises were broken");
    say(fmt::format("kept: {} acknowledged, {} presses came again, {} lamps right after {:.2f} s{}", found.acknowledged,
                    found.again, found.lamps, found.recovered,
                    found.stale == 0 ? "" : fmt::format(", {} phones show what could not be stored", found.stale)));
  }
  return 0;
}

int run_load(const Arguments& given) {
  auto arguments = given;
  auto& options = arguments.options;
  if (arguments.server.find(':') == std::string::npos) arguments.server += ":5060";
  const auto server = SocketAddress::parse(arguments.server);
  if (!server) return asked_wrongly("--server: " + server.error());
  options.server = *server;
  if (!server->ip.is_loopback() && !arguments.allow_remote) {
    return asked_wrongly(arguments.server +
                         " is not on this machine; load harms a server in use. --allow-remote if it is yours");
  }
  if (arguments.duration <= 0 || arguments.duration > std::chrono::duration<double>(kMaxDuration).count()) {
    return asked_wrongly("--duration: expected more than 0 and at most 10m");
  }
  if (!arguments.password.empty()) options.password = arguments.password;
  if (arguments.api) arguments.mode = "api";
  options.pace = std::chrono::microseconds{static_cast<std::int64_t>(arguments.pace * 1e6)};
  options.timeout = std::chrono::milliseconds{static_cast<std::int64_t>(arguments.timeout * 1000)};
  options.expires = std::chrono::seconds{arguments.expires};

  load::Mode mode = mode_named(arguments.mode);
  load::Limit limit{.duration = std::chrono::milliseconds{static_cast<std::int64_t>(arguments.duration * 1000)}};
  if (arguments.count > 0) limit.count = arguments.count;
  if (arguments.count > 0 && !arguments.has_duration) limit.duration = kMaxDuration;
  if (!arguments.verify.empty()) {
    auto promises = read_promises(arguments.verify);
    if (!promises) return asked_wrongly("--verify: " + promises.error());
    limit = {.duration = kMaxDuration, .count = promises->size()};
    options.promises = std::move(*promises);
    mode = load::Mode::kQuery;
  }
  const bool over_http = mode == load::Mode::kApi || mode == load::Mode::kKeyboards || mode == load::Mode::kWitness;
  if (over_http) {
    if (auto wrong = prepare_http(arguments)) return asked_wrongly(*wrong);
    set_defaults(arguments, mode, limit);
  }

  if (mode == load::Mode::kCall && options.phones < 2) return asked_wrongly("--mode call needs two phones for a call");

  std::signal(SIGINT, on_interrupt);
  std::signal(SIGTERM, on_interrupt);
  options.stop = &interrupted;
  options.progress = progress_of(std::string(name_of(mode)), arguments.quiet);
  auto generator = load::Generator::open(options);
  if (!generator) return failed(generator.error());
  auto pid = arguments.server_pid > 0 ? std::optional(arguments.server_pid) : load::owner_of_udp(options.server);

  const auto before = pid ? load::memory_of(*pid) : std::nullopt;
  if (mode == load::Mode::kLamps) return lamps(arguments, **generator, limit);
  if (mode == load::Mode::kWitness) return witness(arguments, **generator);
  const bool needs_phones = mode == load::Mode::kPress || mode == load::Mode::kCall || over_http;
  if (needs_phones && !arguments.no_register) {
    (*generator)->set_pace({});
    const auto registered =
        (*generator)->run(load::Mode::kRegister, {.duration = kMaxDuration, .count = options.phones});
    (*generator)->set_pace(options.pace);
    clear_progress(arguments.quiet);
    if (registered.server_gone) return failed("nobody answers at " + arguments.server);
    if (registered.done < options.phones) {
      return failed(fmt::format("only {} of {} phones could register:\n{}", registered.done, options.phones,
                                load::describe(registered)));
    }
    if (!arguments.quiet) {
      fmt::print(stderr, "registered {} phones in {:.2f} s\n", options.phones, registered.seconds);
    }
  }
  if (mode == load::Mode::kKeyboards) return keyboards(arguments, **generator, limit, pid, before);
  std::optional<load::ApiLoad> api;
  if (mode == load::Mode::kApi) api.emplace(**generator);
  const auto result = measured(**generator, api ? &*api : nullptr, mode, limit, pid);
  clear_progress(arguments.quiet);
  if (api && !api->complaint().empty()) fmt::print(stderr, "lamplighter load: {}\n", api->complaint());
  return report(arguments, result);
}

}  // namespace

void add_load(CLI::App& app, Run& run) {
  auto* command = app.add_subcommand("load", "put many virtual phones to work and measure the server");
  const auto arguments = std::make_shared<Arguments>();
  auto& a = *arguments;
  command->description(
      "Puts many virtual phones to work on a server and measures it.\n\n"
      "Each phone does one thing over and over and waits for its end before the next (a closed loop):\n"
      "  press     dial 431, then 432, …: INVITE, 404, ACK, MESSAGE with the lamp, 200\n"
      "  register  REGISTER, 200; with --password the digest is computed too\n"
      "  options   OPTIONS, 200\n"
      "  call      half of the phones call the other half through the server: INVITE, 180, 200, ACK, BYE, 200. A call "
      "is\n"
      "            relayed, and ended at once; the answer is the 200 to the INVITE\n"
      "  api       somebody switches a key of the phone over HTTP and waits for the confirmation; one at a time "
      "unless\n"
      "            --in-flight says otherwise. Reported are the times to the confirmation and to the MESSAGE\n"
      "  lamps     nothing: they hear the lamps that the server sends by itself, as after a start; ends when each was "
      "told\n"
      "            one. For phones that are registered already: --first-port and --sockets as when they did\n"
      "  keyboards somebody gives every phone a whole new keyboard over HTTP; how long until all is confirmed, how "
      "many\n"
      "            messages it took, the server's memory, and whether every lamp shows what was ordered\n"
      "  witness   all of it mixed; remembers what was acknowledged. When the server goes away and comes back, all of\n"
      "            that must be there (script/crash-test)\n"
      "Lost datagrams are sent again as RFC 3261 says, and counted. The report has the rate, how long the answer\n"
      "and the lamp took, and the processor time of the server each press cost it. A run during which the kernel\n"
      "dropped datagrams is marked. Exit status: 0 every phone got what it asked for, 1 some did not, 2 bad "
      "options.\n\n"
      "  lamplighter load                                  100 phones press keys for 10 s\n"
      "  lamplighter load --mode register --count 10000 --phones 10000\n"
      "  lamplighter load --api --pace 10ms                one write at a time, a hundred a second\n"
      "  lamplighter load --mode keyboards --phones 10000\n"
      "  lamplighter load --json --duration 30s | jq .lamp_us.p99");
  const std::map<std::string, double> seconds{{"ms", 0.001}, {"s", 1}, {"m", 60}};
  const auto as_time = CLI::AsNumberWithUnit(seconds, CLI::AsNumberWithUnit::CASE_SENSITIVE, "TIME");

  command->add_option("--server", a.server, "address of the server, as IP:PORT")->capture_default_str();
  command->add_option("--mode", a.mode, "what the phones do")
      ->check(CLI::IsMember({"press", "register", "options", "call", "lamps", "api", "keyboards", "witness"}))
      ->capture_default_str();
  command->add_option("--phones", a.options.phones, "how many phones")
      ->check(CLI::Range(1, 200'000))
      ->default_str("100, for keyboards 10000")
      ->each([arguments](const std::string&) { arguments->has_phones = true; });
  command->add_flag("--api", a.api, "the same as --mode api");
  command->add_option("--http", a.http, "address of the HTTP API, as IP:PORT")->capture_default_str();
  command->add_option("--token-file", a.token_file, "its bearer token, in the first line of a file");
  command->add_option("--connections", a.options.connections, "HTTP connections that are kept open")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  command->add_option("--pace", a.pace, "start one at a time, at most one in this time")->transform(as_time);
  command->add_option("--key", a.options.key, "the key that is switched (dial.key)")->capture_default_str();
  command->add_option("--keys", a.options.keys, "keys of a whole keyboard")
      ->check(CLI::Range(1, 60))
      ->capture_default_str();
  command->add_option("--toggles", a.options.toggles, "codes that turn a dark lamp on and a lit one off, for witness")
      ->delimiter(',');
  command->add_option("--seed", a.options.seed, "what witness does, again")->capture_default_str();
  command->add_option("--doubt", a.options.doubt,
                      "while this file exists the disk may fail: witness takes refusals as they come");
  command
      ->add_option("--sockets", a.options.sockets, "UDP ports they share; more spread better over the server's workers")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  command->add_option("--first-port", a.options.first_port, "the first of these ports, the others follow it [any]")
      ->check(CLI::Range(1, 65535));
  command
      ->add_option("--in-flight", a.options.in_flight,
                   "phones busy at once, one request each; they take turns [all, at most 100]")
      ->check(CLI::Range(1, 200'000));
  command->add_option("--duration", a.duration, "how long, at most 10m")
      ->transform(as_time)
      ->default_str("10s")
      ->each([arguments](const std::string&) { arguments->has_duration = true; });
  command->add_option("--count", a.count, "end after so many, whatever the time; of keyboards: for each phone")
      ->check(CLI::PositiveNumber);
  command->add_option("--timeout", a.timeout, "give one up after this time")
      ->transform(as_time)
      ->default_str("32s, for witness 5s")
      ->each([arguments](const std::string&) { arguments->has_timeout = true; });
  command->add_option("--dial", a.options.dial, "codes dialled in turn")->delimiter(',')->default_str("431,432");
  command->add_option("--first-user", a.options.first_user, "the phones are sip:1000@…, sip:1001@…, …")
      ->capture_default_str();
  command->add_option("--domain", a.options.domain, "the phones' domain [the server's address]");
  command->add_option("--password", a.password, "of every phone, when the server asks for one");
  command->add_option("--user-agent", a.options.user_agent, "what the phones say they are")->capture_default_str();
  command->add_option("--expires", a.expires, "seconds a registration is asked to last")->capture_default_str();
  command->add_option("--server-pid", a.server_pid, "process whose CPU time is reported [the owner of the port]");
  command->add_option("--log-acknowledged", a.options.acknowledged_log,
                      "append \"aor contact\" for each phone whose registration was answered 200");
  command->add_option("--verify", a.verify, "ask for every registration in such a file; fails when one is missing");
  command->add_flag("--no-register", a.no_register, "press without registering first");
  command->add_flag("--json", a.json, "the report as one line of JSON; times in microseconds");
  command->add_flag("--quiet", a.quiet, "no progress on stderr");
  command->add_flag("--allow-remote", a.allow_remote,
                    "servers on other machines too; off, so that nobody floods somebody's telephony by a typing error");
  command->callback([arguments, &run] { run = [arguments] { return run_load(*arguments); }; });
}

}  // namespace lamplighter::cli
