// lamplighter user: who may register with a password. Only HA1 digests are stored, never the password.

#include <fmt/format.h>
#include <signal.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cstdio>
#include <expected>
#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "cli/commands.h"
#include "config/settings.h"
#include "sip/digest.h"
#include "store/sqlite_store.h"

namespace lamplighter::cli {
namespace {

constexpr std::size_t kMaxName = 128;
constexpr std::size_t kMaxPassword = 1024;

struct UserOptions {
  std::string name, realm, store, config, password;
  bool password_given = false, password_stdin = false, json = false;
};

/// Ends the command: a line on stderr and the exit status.
struct Failure {
  int status;  ///< 2: asked wrongly, 1: it failed
  std::string what;
};
template <typename T>
using Expected = std::expected<T, Failure>;

std::unexpected<Failure> wrong(std::string what) { return std::unexpected(Failure{2, std::move(what)}); }
std::unexpected<Failure> failed(std::string what) { return std::unexpected(Failure{1, std::move(what)}); }

/// Whose record, and where: names and paths settled from options and settings.
struct Target {
  std::string user, realm, store;
};

bool printable(std::string_view text) {
  return std::ranges::none_of(text, [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

Expected<Target> target_of(const UserOptions& options) {
  config::Settings settings;
  if (!options.config.empty()) {
    const auto errors = settings.load_file(options.config);
    if (!errors.empty()) return wrong(errors.front().to_string());
  }
  Target target{options.name, options.realm, options.store.empty() ? settings.text("store.path") : options.store};
  if (const auto at = target.user.rfind('@'); at != std::string::npos) {
    const auto realm = target.user.substr(at + 1);
    if (!target.realm.empty() && target.realm != realm) {
      return wrong(fmt::format("{} names the realm {}, --realm another: {}", options.name, realm, target.realm));
    }
    target.realm = realm;
    target.user.resize(at);
    if (target.realm.empty()) return wrong(fmt::format("{}: nothing after the @, expected a realm", options.name));
  }
  if (target.realm.empty()) target.realm = settings.text("auth.realm");
  return target;
}

/// The user part must survive "user:realm:password" (RFC 7616 §3.4.2) and a quoted string.
Expected<void> check_name(const Target& target) {
  const auto& user = target.user;
  if (user.empty()) return wrong("no name before the @, expected a user such as 101");
  if (user.size() > kMaxName) return wrong(fmt::format("the name has {} bytes, at most {} fit", user.size(), kMaxName));
  if (!printable(user) || user.find_first_of(": \"\\<>") != std::string::npos) {
    return wrong("a name cannot have blanks, quotes, colons, backslashes, angle brackets or control characters");
  }
  if (!printable(target.realm) || target.realm.find_first_of("\"\\") != std::string::npos) {
    return wrong("a realm cannot have quotes, backslashes or control characters");
  }
  return {};
}

Expected<std::unique_ptr<store::SqliteStore>> open_store(const std::string& path, bool create) {
  std::error_code ignored;
  if (!create && !std::filesystem::exists(path, ignored)) {
    return failed(
        fmt::format("{}: there is no such database; name it with --store, or its settings file with --config", path));
  }
  store::SqliteSettings settings;
  settings.path = path;
  settings.durability = store::Durability::kPower;
  auto opened = store::SqliteStore::open(std::move(settings));
  if (!opened) return failed(opened.error().what);
  return std::move(*opened);
}

// --- Passwords
// ---------------------------------------------------------------------------------------------------------

termios terminal_before;  // what a signal handler can reach

extern "C" void restore_terminal(int signal) {
  ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &terminal_before);
  ::_exit(128 + signal);
}

/// Switches the terminal's echo off as long as it lives; Ctrl-C at the prompt switches it on again.
class NoEcho {
 public:
  NoEcho() {
    ::tcgetattr(STDIN_FILENO, &terminal_before);
    struct sigaction action{};
    action.sa_handler = restore_terminal;
    ::sigaction(SIGINT, &action, &interrupt_);
    ::sigaction(SIGTERM, &action, &terminate_);
    auto silent = terminal_before;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
  }
  ~NoEcho() {
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &terminal_before);
    ::sigaction(SIGINT, &interrupt_, nullptr);
    ::sigaction(SIGTERM, &terminate_, nullptr);
  }
  NoEcho(const NoEcho&) = delete;
  NoEcho& operator=(const NoEcho&) = delete;

 private:
  struct sigaction interrupt_{};
  struct sigaction terminate_{};
};

std::optional<std::string> read_line() {
  std::string line;
  if (!std::getline(std::cin, line)) return std::nullopt;
  if (line.ends_with('\r')) line.pop_back();
  return line;
}

Expected<std::string> prompt(const Target& target) {
  if (!::isatty(STDIN_FILENO)) return wrong("no terminal to ask for a password; use --password-stdin");
  const NoEcho quiet;
  const auto ask = [](const std::string& question) {
    fmt::print(stderr, "{}", question);
    std::fflush(stderr);
    auto line = read_line();
    fmt::print(stderr, "\n");
    return line;
  };
  const auto first = ask(fmt::format("Password of {}@{}: ", target.user, target.realm));
  if (!first || first->empty()) return failed("no password given, nothing changed");
  const auto second = ask("The same again: ");
  if (first != second) return failed("the passwords differ, nothing changed");
  return *first;
}

Expected<std::string> password_for(const UserOptions& options, const Target& target) {
  std::string password = options.password;
  if (options.password_stdin) {
    auto line = read_line();
    if (!line) return wrong("nothing on standard input, expected the password as its first line");
    password = std::move(*line);
  } else if (!options.password_given) {
    auto typed = prompt(target);
    if (!typed) return typed;
    password = std::move(*typed);
  }
  if (password.empty()) return wrong("the password is empty");
  if (password.size() > kMaxPassword) return wrong(fmt::format("the password is longer than {} bytes", kMaxPassword));
  return password;
}

// --- Subcommands
// -------------------------------------------------------------------------------------------------------

Expected<void> add(const UserOptions& options) {
  const auto target = target_of(options);
  if (!target) return std::unexpected(target.error());
  if (auto good = check_name(*target); !good) return good;
  const auto password = password_for(options, *target);
  if (!password) return std::unexpected(password.error());
  const auto opened = open_store(target->store, true);
  if (!opened) return std::unexpected(opened.error());
  const auto before = (*opened)->credentials();
  if (!before) return failed(before.error().what);
  const bool known = std::ranges::any_of(*before, [&](const location::Credential& credential) {
    return credential.user == target->user && credential.realm == target->realm;
  });
  const auto ha1 = [&](sip::DigestAlgorithm algorithm) {
    return sip::digest_ha1(algorithm, target->user, target->realm, *password);
  };
  const auto stored = (*opened)->put_credential(
      {target->user, target->realm, ha1(sip::DigestAlgorithm::kMd5), ha1(sip::DigestAlgorithm::kSha256)});
  if (!stored) return failed(stored.error().what);
  fmt::print("{}@{} {} {}\n", target->user, target->realm, known ? "has a new password in" : "added to", target->store);
  return {};
}

Expected<void> list(const UserOptions& options) {
  const auto target = target_of(options);
  if (!target) return std::unexpected(target.error());
  const auto opened = open_store(target->store, false);
  if (!opened) return std::unexpected(opened.error());
  const auto all = (*opened)->credentials();
  if (!all) return failed(all.error().what);
  if (options.json) {
    boost::json::array users;
    for (const auto& credential : *all) users.push_back({{"user", credential.user}, {"realm", credential.realm}});
    fmt::print("{}\n", boost::json::serialize(users));
    return {};
  }
  for (const auto& credential : *all) fmt::print("{}@{}\n", credential.user, credential.realm);
  return {};
}

Expected<void> remove(const UserOptions& options) {
  const auto target = target_of(options);
  if (!target) return std::unexpected(target.error());
  const auto opened = open_store(target->store, false);
  if (!opened) return std::unexpected(opened.error());
  const auto removed = (*opened)->remove_credential(target->user, target->realm);
  if (!removed) return failed(removed.error().what);
  if (!*removed) return failed(fmt::format("{}: no user {}@{}", target->store, target->user, target->realm));
  fmt::print("{}@{} removed from {}\n", target->user, target->realm, target->store);
  return {};
}

using Command = Expected<void> (*)(const UserOptions&);

int finish(const char* name, Command command, const UserOptions& options) {
  const auto done = command(options);
  if (done) return 0;
  fmt::print(stderr, "lamplighter user {}: {}\n", name, done.error().what);
  return done.error().status;
}

void add_common(CLI::App& command, UserOptions& options) {
  command.add_option("--store", options.store, "Database file; default: store.path of the settings")->type_name("PATH");
  command.add_option("--config", options.config, "Settings file to take store.path and auth.realm from")
      ->type_name("FILE");
}

void add_name(CLI::App& command, UserOptions& options) {
  command.add_option("name", options.name, "The user: 101, or 101@REALM")->type_name("NAME")->required();
  command.add_option("--realm", options.realm, "Realm of the password; default: auth.realm of the settings")
      ->type_name("REALM");
}

}  // namespace

void add_user(CLI::App& app, Run& run) {
  auto options = std::make_shared<UserOptions>();
  auto* user = app.add_subcommand("user", "Add, list and remove phones that register with a password");
  user->description(
      "Users and their passwords for digest authentication. A running server on the same database takes up changes\n"
      "within a second; registrations that exist stay until they expire. Passwords are stored as HA1 digests only.");
  user->require_subcommand(1);

  const auto leave = [&run, options](CLI::App* command, const char* name, Command what) {
    command->callback(
        [&run, options, name, what] { run = [options, name, what] { return finish(name, what, *options); }; });
  };

  auto* adding = user->add_subcommand("add", "Add a user, or give one a new password");
  add_name(*adding, *options);
  auto* password = adding->add_option_function<std::string>(
      "--password",
      [options](const std::string& given) {
        options->password = given;
        options->password_given = true;
      },
      "The password; other users of this machine can see it while the command runs");
  password->type_name("PASSWORD");
  adding->add_flag("--password-stdin", options->password_stdin, "Read it from the first line of standard input")
      ->excludes(password);
  add_common(*adding, *options);
  adding->footer(R"(
Without a password option it is asked for twice, without echo.

Examples:
  lamplighter user add 101
  lamplighter user add 101@pbx.example.com --password-stdin < secret.txt)");
  leave(adding, "add", add);

  auto* listing = user->add_subcommand("list", "List users, one NAME@REALM a line");
  listing->add_flag("--json", options->json, "As a JSON array of {\"user\", \"realm\"}");
  add_common(*listing, *options);
  leave(listing, "list", list);

  auto* removing = user->add_subcommand("remove", "Remove a user");
  add_name(*removing, *options);
  add_common(*removing, *options);
  leave(removing, "remove", remove);
}

}  // namespace lamplighter::cli
