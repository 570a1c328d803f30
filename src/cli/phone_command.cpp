// lamplighter phone: options, checked, and a session made of them.

#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <expected>
#include <memory>

#include "cli/commands.h"
#include "cli/phone_session.h"
#include "cli/terminal.h"
#include "phone/script.h"
#include "phone/settings.h"
#include "transport/interceptor.h"

namespace lamplighter::cli {

namespace {

struct Options {
  std::string aor = "sip:101@127.0.0.1";
  std::string model = "snom370";
  std::string server, listen, user, password, password_file, script, faults;
  std::uint32_t expires = 3600;
  bool json = false, no_color = false, auto_answer = false, call_waiting = false;
};

constexpr std::string_view kFooter =
    R"(Type a number and Enter to dial; F1 to F12, or 'p 2', press keys; '?' lists the rest.

A script (--script) has one command a line:
  register  unregister  dial 431  press 2  answer  reject 486  hangup
  reboot  unplug  plug  sleep 500ms  show  quit
  wait registered|unregistered|calling|ringing|incoming|talking|idle [TIME]
  wait key 2 on [TIME]       (10 s when no time is given)
  expect key 2 off           (must be so now)
  # a comment
A wait or expect that fails is told on stderr as FILE:LINE and ends with status 1.

Examples:
  lamplighter phone --aor sip:101@127.0.0.1 --model snom370
  printf 'register\nwait registered\ndial 431\nwait key 2 on\n' | lamplighter phone --aor sip:101@127.0.0.1 --script -)";

int wrong(std::string_view what) {
  fmt::print(stderr, "lamplighter phone: {}\n", what);
  return 2;
}

int failed(std::string_view what) {
  fmt::print(stderr, "lamplighter phone: {}\n", what);
  return 1;
}

struct FreeAddresses {
  void operator()(addrinfo* list) const { freeaddrinfo(list); }
};

/// A host by number or name.
std::expected<IpAddress, std::string> resolve(const std::string& host) {
  if (const auto ip = IpAddress::parse(host)) return *ip;
  addrinfo hints{};
  hints.ai_socktype = SOCK_DGRAM;
  addrinfo* found = nullptr;
  if (const int error = getaddrinfo(host.c_str(), nullptr, &hints, &found); error != 0) {
    return std::unexpected(fmt::format("the server's name '{}' cannot be resolved: {}", host, gai_strerror(error)));
  }
  const std::unique_ptr<addrinfo, FreeAddresses> list(found);
  sockaddr_storage storage{};
  std::copy_n(reinterpret_cast<const char*>(list->ai_addr), list->ai_addrlen, reinterpret_cast<char*>(&storage));
  return SocketAddress::from(storage).ip;
}

/// "HOST:PORT", "HOST" (port 5060), "[::1]:5060".
std::expected<SocketAddress, std::string> parse_server(const std::string& text) {
  if (const auto address = SocketAddress::parse(text)) return *address;
  const auto colon = text.ends_with(']') ? std::string::npos : text.rfind(':');
  const auto ip = resolve(text.substr(0, colon));
  if (!ip) return std::unexpected(ip.error());
  if (colon == std::string::npos) return SocketAddress{*ip, 5060};
  const auto address = SocketAddress::parse(ip->to_host() + text.substr(colon));
  if (!address)
    return std::unexpected(fmt::format("'{}' is no server, expected HOST:PORT such as 127.0.0.1:5060", text));
  return *address;
}

/// Which of this machine's addresses a datagram to the server leaves from: the kernel's route says.
std::expected<IpAddress, std::string> local_address_towards(const SocketAddress& server) {
  sockaddr_storage storage{};
  auto length = static_cast<socklen_t>(server.to(storage));
  const int fd = socket(storage.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const bool routed = fd >= 0 && connect(fd, reinterpret_cast<sockaddr*>(&storage), length) == 0;
  length = sizeof storage;
  const bool known = routed && getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &length) == 0;
  if (fd >= 0) close(fd);
  if (!known) return std::unexpected(fmt::format("there is no route to {}", server.to_string()));
  return SocketAddress::from(storage).ip;
}

std::expected<phone::Settings, std::string> settings_from(const Options& options) {
  const auto identity = phone::Identity::parse(options.aor);
  if (!identity) return std::unexpected(identity.error());
  const auto model = phone::find_model(options.model);
  if (!model) return std::unexpected(model.error());
  auto settings = phone::Settings::of(*identity, **model);
  settings.auth_user = options.user;
  settings.password = options.password;
  if (!options.password_file.empty()) {
    const auto text = read_file(options.password_file);
    if (!text) return std::unexpected(text.error());
    settings.password = text->substr(0, text->find_first_of("\r\n"));
  }
  settings.expires = std::chrono::seconds{options.expires};
  settings.call_waiting = options.call_waiting;
  if (options.auto_answer) settings.auto_answer = std::chrono::milliseconds{500};
  return settings;
}

int run_phone(const Options& options) {
  auto settings = settings_from(options);
  if (!settings) return wrong(settings.error());
  const auto& identity = settings->identity;
  const auto server =
      parse_server(options.server.empty() ? fmt::format("{}:{}", identity.host, identity.port) : options.server);
  if (!server) return wrong(server.error());

  transport::Listen listen;
  if (options.listen.empty()) {
    const auto local = local_address_towards(*server);
    if (!local) return failed(local.error());
    listen.address = {*local, 0};
  } else {
    const auto address = SocketAddress::parse(options.listen);
    if (!address) return wrong(fmt::format("--listen: {}", address.error()));
    listen.address = *address;
  }

  SessionOptions session_options;
  session_options.json = options.json;
  session_options.colour = !options.no_color && terminal_knows_colour();
  session_options.panel = !options.json && options.script.empty() && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
  if (!options.script.empty()) {
    const auto text = read_file(options.script);
    if (!text) return wrong(text.error());
    session_options.script_name = options.script == "-" ? "stdin" : options.script;
    auto script = phone::parse_script(*text);
    if (!script) {
      fmt::print(stderr, "{}:{}: {}\n", session_options.script_name, script.error().line, script.error().what);
      return 2;
    }
    session_options.script = std::move(*script);
  }

  const SystemClock clock;
  transport::Worker worker({.listen = {listen}, .reuse_port = false, .receive_buffer = 212'992, .send_buffer = 212'992},
                           clock);
  if (!options.faults.empty()) {
    const auto faults = transport::FaultSettings::parse(options.faults);
    if (!faults) return wrong(fmt::format("--faults: {}", faults.error()));
    worker.intercept(transport::make_faults(*faults));
  }
  if (const auto opened = worker.open(); !opened) return failed(opened.error());
  auto flow = worker.flow_to(*server);
  if (!flow) return wrong(fmt::format("{} cannot be reached from {}", server->to_string(), listen.to_string()));
  if (flow->local.ip.is_any()) {
    // Bound to every address, the phone still has to say in Contact and Via which one it is.
    const auto local = local_address_towards(*server);
    if (!local) return failed(local.error());
    flow->local.ip = *local;
  }
  PhoneSession session(std::move(*settings), worker, clock, *flow, std::move(session_options));
  return session.run();
}

}  // namespace

void add_phone(CLI::App& app, Run& run) {
  auto options = std::make_shared<Options>();
  auto* phone = app.add_subcommand("phone", "A virtual desk phone: keys with lamps, calls without sound");
  phone->footer(std::string{kFooter});
  phone->add_option("--aor", options->aor, "Who the phone is: its address of record")->capture_default_str();
  phone->add_option("--model", options->model, "Which phone it is: sets the keys and the User-Agent")
      ->capture_default_str();
  phone->add_option("--server", options->server, "HOST:PORT of the server; by default the address of record's");
  phone->add_option("--listen", options->listen,
                    "ADDRESS:PORT of the phone itself; by default whatever leads to the server");
  phone->add_option("--user", options->user, "User name for authentication; by default the address of record's");
  auto* password = phone->add_option("--password", options->password, "Password (others on this machine can see it)");
  phone->add_option("--password-file", options->password_file, "File whose first line is the password")
      ->excludes(password);
  phone->add_option("--expires", options->expires, "How long to be registered, in seconds; renewed at half of it")
      ->capture_default_str()
      ->check(CLI::Range(1u, 604800u));
  phone->add_option("--script", options->script, "Follow this script (- for standard input) instead of asking");
  phone->add_flag("--json", options->json, "Tell events as JSON, one object a line");
  phone->add_flag("--no-color", options->no_color, "No colours; NO_COLOR in the environment does the same");
  phone->add_flag("--auto-answer", options->auto_answer, "Answer every call after half a second");
  phone->add_flag("--call-waiting", options->call_waiting, "Ring for a second call instead of being busy");
  phone->add_option("--faults", options->faults, "Faults between the phone and the network")->group("");
  phone->callback([options, &run] { run = [options] { return run_phone(*options); }; });
}

}  // namespace lamplighter::cli
