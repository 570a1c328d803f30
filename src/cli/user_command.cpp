#include <termios.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <cstdio>
#include <iostream>
#include <memory>
#include <optional>
#include <string>

#include "cli/commands.h"
#include "config/settings.h"
#include "sip/digest.h"
#include "store/sqlite_store.h"

namespace lamplighter::cli {
namespace {

struct UserOptions {
  std::string name;
  std::string realm;
  std::string password;
  std::string store;
  std::string config;
  bool password_stdin = false;
  bool json = false;
};

int fail(const std::string& what, int status = 1) {
  std::fprintf(stderr, "lamplighter user: %s\n", what.c_str());
  return status;
}

/// Where the users are: --store and --realm, else what the settings say. An error has been printed when nothing comes.
struct Place {
  std::string user;
  std::string realm;
  std::unique_ptr<store::SqliteStore> store;
};

std::optional<Place> open(const UserOptions& options, int& status) {
  config::Settings settings;
  if (!options.config.empty()) {
    const auto errors = settings.load_file(options.config);
    for (const auto& error : errors) std::fprintf(stderr, "%s\n", error.to_string().c_str());
    if (!errors.empty()) {
      status = 2;
      return std::nullopt;
    }
  }
  Place place{options.name, options.realm.empty() ? settings.text("auth.realm") : options.realm, nullptr};
  if (const auto at = options.name.find('@'); at != std::string::npos) {
    place.user = options.name.substr(0, at);
    place.realm = options.name.substr(at + 1);
  }
  auto opened = store::SqliteStore::open({.path = options.store.empty() ? settings.text("store.path") : options.store});
  if (!opened) {
    status = fail(opened.error().what);
    return std::nullopt;
  }
  place.store = std::move(*opened);
  return place;
}

/// Asks on the terminal without showing what is typed.
std::optional<std::string> ask(const char* prompt) {
  std::fputs(prompt, stderr);
  termios before{};
  const bool terminal = tcgetattr(STDIN_FILENO, &before) == 0;
  if (terminal) {
    auto quiet = before;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
  }
  std::string line;
  const bool got = static_cast<bool>(std::getline(std::cin, line));
  if (terminal) {
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
    std::fputs("\n", stderr);
  }
  if (!got) return std::nullopt;
  return line;
}

std::optional<std::string> password_of(const UserOptions& options, int& status) {
  std::optional<std::string> password;
  if (!options.password.empty()) {
    password = options.password;
  } else if (options.password_stdin) {
    std::string line;
    if (std::getline(std::cin, line)) password = line;
  } else if (isatty(STDIN_FILENO) == 0) {
    status = fail("no password given and no terminal to ask on; use --password-stdin or --password", 2);
    return std::nullopt;
  } else {
    password = ask("Password: ");
    if (password && password != ask("Again: ")) {
      status = fail("the two passwords differ; nothing was changed");
      return std::nullopt;
    }
  }
  if (!password || password->empty()) {
    status = fail("the password is empty; nothing was changed", 2);
    return std::nullopt;
  }
  return password;
}

int add(const UserOptions& options) {
  int status = 0;
  auto place = open(options, status);
  if (!place) return status;
  if (place->user.empty() || place->realm.empty()) return fail("expected a name like 101 or 101@realm", 2);
  const auto password = password_of(options, status);
  if (!password) return status;
  using enum sip::DigestAlgorithm;
  const auto put = place->store->put_credential({place->user, place->realm,
                                                 sip::digest_ha1(kMd5, place->user, place->realm, *password),
                                                 sip::digest_ha1(kSha256, place->user, place->realm, *password)});
  if (!put) return fail(put.error().what);
  std::printf("%s may register (realm %s). A running server knows within a second.\n", place->user.c_str(),
              place->realm.c_str());
  return 0;
}

int list(const UserOptions& options) {
  int status = 0;
  auto place = open(options, status);
  if (!place) return status;
  const auto all = place->store->credentials();
  if (!all) return fail(all.error().what);
  if (options.json) {
    boost::json::array out;
    for (const auto& user : *all) out.push_back({{"user", user.user}, {"realm", user.realm}});
    std::printf("%s\n", boost::json::serialize(out).c_str());
    return 0;
  }
  for (const auto& user : *all) std::printf("%s@%s\n", user.user.c_str(), user.realm.c_str());
  if (all->empty()) std::fprintf(stderr, "no users yet; lamplighter user add 101 makes one\n");
  return 0;
}

int remove(const UserOptions& options) {
  int status = 0;
  auto place = open(options, status);
  if (!place) return status;
  const auto removed = place->store->remove_credential(place->user, place->realm);
  if (!removed) return fail(removed.error().what);
  if (!*removed) return fail("no user " + place->user + " in realm " + place->realm + "; see lamplighter user list");
  std::printf("%s (realm %s) is removed. A phone that is registered stays so until its registration expires.\n",
              place->user.c_str(), place->realm.c_str());
  return 0;
}

}  // namespace

void add_user(CLI::App& app, Run& run) {
  auto options = std::make_shared<UserOptions>();
  auto* user = app.add_subcommand("user", "Add, list and remove users: phones that register with a password");
  user->require_subcommand(1);
  user->footer(R"(
Passwords are not kept, only digests of them. A running server notices changes within a second.

Examples:
  lamplighter user add 101                        asks for the password
  echo secret | lamplighter user add 101@pbx.example.com --password-stdin
  lamplighter user list --json)");

  const auto common = [&](CLI::App* command) {
    command->add_option("--store", options->store, "Database (default: store.path of the settings)")->type_name("FILE");
    command->add_option("-c,--config", options->config, "Settings file (TOML)")->type_name("FILE");
  };
  auto* add_command = user->add_subcommand("add", "Add a user, or give one a new password");
  add_command->add_option("name", options->name, "Like 101, or 101@realm")->required();
  add_command->add_option("--realm", options->realm, "Realm (default: auth.realm of the settings)");
  add_command->add_option("--password", options->password, "Seen by everyone who can list processes: for tests");
  add_command->add_flag("--password-stdin", options->password_stdin, "Read the password from standard input");
  common(add_command);
  add_command->callback([options, &run] { run = [options] { return add(*options); }; });

  auto* list_command = user->add_subcommand("list", "List users");
  list_command->add_flag("--json", options->json, "As JSON");
  common(list_command);
  list_command->callback([options, &run] { run = [options] { return list(*options); }; });

  auto* remove_command = user->add_subcommand("remove", "Remove a user");
  remove_command->add_option("name", options->name, "Like 101, or 101@realm")->required();
  remove_command->add_option("--realm", options->realm, "Realm (default: auth.realm of the settings)");
  common(remove_command);
  remove_command->callback([options, &run] { run = [options] { return remove(*options); }; });
}

}  // namespace lamplighter::cli
