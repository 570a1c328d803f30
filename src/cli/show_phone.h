#pragma once

#include <string>

#include "cli/api_client.h"

namespace lamplighter::cli {

/// `lamp show 101` and `phones 101`: the phone's panel, or its document. The exit status.
int show_phone(ApiClient& api, const std::string& phone);

}  // namespace lamplighter::cli
