#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <exception>
#include <memory>
#include <string>
#include <string_view>

#include "cli/commands.h"
#include "cli/version.h"

namespace {

constexpr const char* kAbout =
    "Lamplighter keeps the lamps of desk phones true: a SIP server that registers phones, routes their calls, and "
    "lights\n"
    "their function keys.";

constexpr const char* kExamples = R"(
First minute, in two terminals:
  lamplighter serve                                        the server, on udp port 5060
  lamplighter phone --aor sip:101@127.0.0.1 --model snom370
                                                           a desk phone on your screen: dial 431, key 2 lights;
                                                           press F2, it goes dark

Everyday:
  lamplighter serve --config /etc/lamplighter.toml         with your settings (docs/settings.md)
  lamplighter check /etc/lamplighter.toml                  what is wrong with them, file:line:column
  lamplighter user add 101                                 a phone that registers with a password
  lamplighter lamp set 101 2 on --label Night --wait       a lamp, lit from the shell
  lamplighter lamp show 101                                what it should show, and what it does show
  lamplighter load --phones 100 --duration 10s             how many key presses a second this machine does

Each subcommand has its own --help.)";

/// In the list of subcommands only the first sentence of what each does; the rest is for its own --help.
class Summaries final : public CLI::Formatter {
 public:
  std::string make_subcommand(const CLI::App* command) const override {
    auto summary = command->get_description();
    summary.resize(std::min({summary.size(), summary.find('\n'), summary.find(". "), summary.find(": ")}));
    if (summary.ends_with('.')) summary.pop_back();
    auto name = command->get_name();
    name.resize(std::max<std::size_t>(name.size() + 2, 12), ' ');
    return "  " + name + summary + "\n";
  }
};

bool has_command(const CLI::App& app, std::string_view name) {
  return std::ranges::any_of(app.get_subcommands({}),
                             [&](const CLI::App* command) { return command->get_name() == name; });
}

/// The command whose name is nearest to what was typed, for "did you mean"; empty when none is near.
std::string nearest_command(const CLI::App& app, std::string_view typed) {
  for (const auto* command : app.get_subcommands({})) {
    const std::string_view name = command->get_name();
    if (name.starts_with(typed) || typed.starts_with(name)) return std::string(name);
  }
  return {};
}

/// One line on stderr and status 2 for what was asked wrongly; help and version go to stdout with status 0.
int explain(const CLI::App& app, const CLI::ParseError& error) {
  if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success)) return app.exit(error);
  const CLI::App* asked = &app;
  std::string name = "lamplighter";
  while (!asked->get_subcommands().empty()) {  // "lamp", "set"
    asked = asked->get_subcommands().back();
    name += " " + asked->get_name();
  }
  std::fprintf(stderr, "%s: %s (see %s --help)\n", name.c_str(), error.what(), name.c_str());
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app(kAbout, "lamplighter");
  app.set_version_flag("--version", std::string("lamplighter ") + lamplighter::cli::kVersion, "Print the version");
  app.require_subcommand(1);
  app.formatter(std::make_shared<Summaries>());

  lamplighter::cli::Run run;
  lamplighter::cli::add_serve(app, run);
  lamplighter::cli::add_phone(app, run);
  lamplighter::cli::add_user(app, run);
  lamplighter::cli::add_lamp(app, run);
  lamplighter::cli::add_phones(app, run);
  lamplighter::cli::add_check(app, run);
  lamplighter::cli::add_load(app, run);
  app.footer(kExamples);  // last: subcommands would inherit it

  if (argc > 1 && argv[1][0] != '-' && !has_command(app, argv[1])) {
    const auto near = nearest_command(app, argv[1]);
    std::fprintf(stderr, "lamplighter: no subcommand '%s'%s (see lamplighter --help)\n", argv[1],
                 near.empty() ? "" : (", did you mean " + near + "?").c_str());
    return 2;
  }
  try {
    app.parse(argc, argv);
    return run ? run() : 0;
  } catch (const CLI::ParseError& error) {
    return explain(app, error);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "lamplighter: %s\n", error.what());
    return 1;
  }
}
