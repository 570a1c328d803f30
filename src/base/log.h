#pragma once

#include <spdlog/spdlog.h>

#include <string_view>

namespace lamplighter {

/// The program's log: stderr, one line an event, `2026-01-31 23:59:59.123 W store: message`. Set up once by the command
/// line; libraries and tests may log before that. Level names: trace debug info warn error off; another name throws
/// std::invalid_argument.
void set_up_log(std::string_view level);

}  // namespace lamplighter

// Arguments are formatted only when the level is on: log_info("registrar: {} bound to {}", aor, contact).
namespace lamplighter::log {
using spdlog::debug;
using spdlog::error;
using spdlog::info;
using spdlog::trace;
using spdlog::warn;
}  // namespace lamplighter::log
