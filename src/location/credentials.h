#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/guarded.h"
#include "location/binding.h"

namespace lamplighter::location {

/// Who may register and with which HA1. Thread safe; replaced as a whole when the store says it changed.
class Credentials {
 public:
  void replace(std::vector<Credential> all);
  std::optional<Credential> find(std::string_view user, std::string_view realm) const;
  std::size_t size() const;

 private:
  Guarded<std::unordered_map<std::string, Credential>> by_name_;  ///< "user\0realm"
};

}  // namespace lamplighter::location
