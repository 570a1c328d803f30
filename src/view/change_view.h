#pragma once

#include <chrono>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

namespace lamplighter::view {

/// What became of a change, for people.
struct ChangeReport {
  std::string line;     ///< `101@127.0.0.1 key 2: on, red: confirmed by 1 of 1 phones (3 ms)`
  bool confirmed;       ///< by every contact, and there is one
  std::string who_not;  ///< "sip:101@…: refused (415); …": the contacts that have not confirmed; why not
};

/// Reads the answer to a PUT or DELETE. `what`: the change in words, `on, red, "Night"`. `waited`: how long the answer
/// took, when phones were waited for.
std::expected<ChangeReport, std::string> report_change(std::string_view document, std::string_view what,
                                                       std::optional<std::chrono::milliseconds> waited);

}  // namespace lamplighter::view
