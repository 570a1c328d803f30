#include "base/log.h"

#include <spdlog/sinks/stdout_sinks.h>

#include <stdexcept>
#include <string>

namespace lamplighter {
namespace {

spdlog::level::level_enum level_of(std::string_view name) {
  if (name == "trace") return spdlog::level::trace;
  if (name == "debug") return spdlog::level::debug;
  if (name == "info") return spdlog::level::info;
  if (name == "warn") return spdlog::level::warn;
  if (name == "error") return spdlog::level::err;
  if (name == "off") return spdlog::level::off;
  throw std::invalid_argument("unknown log level \"" + std::string(name) +
                              "\", expected trace, debug, info, warn, error or off");
}

}  // namespace

void set_up_log(std::string_view level) {
  auto chosen = level_of(level);
  auto logger = std::make_shared<spdlog::logger>("lamplighter", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  logger->set_pattern("%Y-%m-%d %H:%M:%S.%e %L %v");
  logger->set_level(chosen);
  spdlog::set_default_logger(std::move(logger));
}

}  // namespace lamplighter
