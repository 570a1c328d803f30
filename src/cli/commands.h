#pragma once

#include <CLI/CLI.hpp>
#include <functional>

// One function a subcommand: adds it with its options and help, and on a match leaves in `run` what to do. `run`
// returns the exit status: 0 done, 1 it failed, 2 it was asked wrongly. Errors are one line on stderr: "lamplighter
// phone: what".
namespace lamplighter::cli {

using Run = std::function<int()>;

void add_serve(CLI::App& app, Run& run);
void add_phone(CLI::App& app, Run& run);
void add_user(CLI::App& app, Run& run);
void add_lamp(CLI::App& app, Run& run);
void add_phones(CLI::App& app, Run& run);
void add_check(CLI::App& app, Run& run);
void add_load(CLI::App& app, Run& run);

}  // namespace lamplighter::cli
