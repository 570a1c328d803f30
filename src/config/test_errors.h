#pragma once

#include <string>
#include <vector>

#include "config/settings.h"

namespace lamplighter::config {

/// Errors as an administrator sees them.
inline std::vector<std::string> text_of(const std::vector<ConfigError>& errors) {
  std::vector<std::string> out;
  for (const auto& error : errors) out.push_back(error.to_string());
  return out;
}

}  // namespace lamplighter::config
