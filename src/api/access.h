#pragma once

#include <optional>
#include <string_view>

#include "api/http.h"

namespace lamplighter::api {

/// Whether a request may be carried out; if not, the answer to it. With a token: everything under /v1/ must bring it
/// (401). Without: everything under /v1/ must name a loopback address or localhost as its Host (403), since the name of
/// a web page that was made to point here could not be another (DNS rebinding).
std::optional<Response> check_access(const Request& request, std::string_view token);

}  // namespace lamplighter::api
