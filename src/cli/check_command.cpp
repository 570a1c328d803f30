#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "app/settings_to.h"
#include "cli/commands.h"
#include "config/settings.h"

namespace lamplighter::cli {
namespace {

struct CheckOptions {
  std::vector<std::string> files;
  bool markdown = false;
};

/// 0: fine, 1: it has errors, 2: it could not be read.
int check_file(const std::string& path) {
  config::Settings settings;
  auto errors = settings.load_file(path);
  // An error without a line is one about the file itself.
  const bool unreadable = std::ranges::any_of(errors, [](const config::ConfigError& error) { return error.line == 0; });
  if (errors.empty()) errors = app::check_meanings(settings);
  for (const auto& error : errors) std::fprintf(stderr, "%s\n", error.to_string().c_str());
  if (unreadable) return 2;
  if (!errors.empty()) return 1;
  std::printf("%s: ok (%zu settings)\n", path.c_str(), settings.set_count());
  return 0;
}

int check(const CheckOptions& options) {
  if (options.markdown) {
    std::fputs(config::settings_markdown().c_str(), stdout);
    return 0;
  }
  if (options.files.empty()) {
    std::fprintf(stderr,
                 "lamplighter check: no file, expected at least one settings file (see lamplighter check --help)\n");
    return 2;
  }
  int status = 0;
  for (const auto& file : options.files) status = std::max(status, check_file(file));
  return status;
}

}  // namespace

void add_check(CLI::App& app, Run& run) {
  auto options = std::make_shared<CheckOptions>();
  auto* command = app.add_subcommand("check", "Find mistakes in settings files");
  command->description(
      "Read settings files and print every mistake, one a line: file:line:column: what, what was expected. Each file "
      "is\n"
      "checked by itself, over the defaults. Nothing is started or changed.");
  command->add_option("file", options->files, "Settings files (TOML); docs/settings.md lists what may stand in them")
      ->type_name("FILE");
  // Writes docs/settings.md.
  command->add_flag("--settings-markdown", options->markdown, "")->group("");
  command->footer(R"(
Example:
  lamplighter check /etc/lamplighter.toml
  /etc/lamplighter.toml:3:1: unknown setting sip.lisen, did you mean sip.listen?

Exit status: 0 no mistakes, 1 mistakes, 2 a file could not be read.)");
  command->callback([options, &run] { run = [options] { return check(*options); }; });
}

}  // namespace lamplighter::cli
