#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>

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
  lamplighter load --phones 100 --duration 10s             how many key presses a second this machine does

Each subcommand has its own --help.)";

/// One line on stderr and status 2 for what was asked wrongly; help and version go to stdout with status 0.
int explain(const CLI::App& app, const CLI::ParseError& error) {
  if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success)) return app.exit(error);
  const CLI::App* asked = &app;
  for (const auto* command : app.get_subcommands()) asked = command;
  std::fprintf(stderr, "lamplighter%s%s: %s (see lamplighter%s%s --help)\n", asked == &app ? "" : " ",
               asked == &app ? "" : asked->get_name().c_str(), error.what(), asked == &app ? "" : " ",
               asked == &app ? "" : asked->get_name().c_str());
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app(kAbout, "lamplighter");
  app.footer(kExamples);
  app.set_version_flag("--version", std::string("lamplighter ") + lamplighter::cli::kVersion, "Print the version");
  app.require_subcommand(1);

  lamplighter::cli::Run run;
  lamplighter::cli::add_serve(app, run);
  lamplighter::cli::add_phone(app, run);
  lamplighter::cli::add_user(app, run);
  lamplighter::cli::add_check(app, run);
  lamplighter::cli::add_load(app, run);

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
