#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "api/http_server.h"
#include "base/clock.h"
#include "lamp/phones.h"
#include "location/credentials.h"
#include "location/location.h"
#include "service/lamp_desk.h"

namespace lamplighter::api {

/// What the control API works on. Everything must outlive the server.
struct PhonesApi {
  service::LampDesk& desk;
  const lamp::Phones& phones;
  const location::Location& location;
  const location::Credentials& credentials;
  std::string realm;  ///< in which users are looked for
  const Clock& clock;
  /// "101" or "101@example.com" to the address of record; nothing: not a domain of ours, or no user.
  std::function<std::optional<std::string>(std::string_view phone)> canonical_aor;
  std::size_t max_value = 256;   ///< bytes of a label or number, as PhonesSettings::value
  std::size_t max_waits = 1000;  ///< clients waiting for phones (?wait) at a time
};

/// Adds /v1/phones and what is below it: keys are read, set and cleared, phones are listed and shown.
void add_phones(HttpServer& server, PhonesApi api);

}  // namespace lamplighter::api
