#include "view/change_view.h"

#include <fmt/format.h>

#include "view/document.h"
#include "view/words.h"

namespace lamplighter::view {

std::expected<ChangeReport, std::string> report_change(std::string_view document, std::string_view what,
                                                       std::optional<std::chrono::milliseconds> waited) {
  const auto change = parse_document(document, "phone", boost::json::kind::string);
  if (!change) return std::unexpected(change.error());

  const auto contacts = objects_of(*change, "contacts");
  std::size_t confirmed = 0;
  std::string who_not;
  for (const auto* contact : contacts) {
    if (text_of(*contact, "state") == "confirmed") {
      ++confirmed;
      continue;
    }
    who_not += fmt::format("{}{}: {}", who_not.empty() ? "" : "; ", text_of(*contact, "contact"),
                           state_text(*contact, std::nullopt, {}));
  }
  if (contacts.empty()) who_not = "no phone with lamps is registered";

  std::string line = text_of(*change, "phone");
  if (const auto key = text_of(*change, "key"); !key.empty()) line += " key " + key;
  line += fmt::format(": {}: ", what);
  const auto* changed = change->if_contains("changed");
  if (changed && changed->is_bool() && !changed->get_bool()) line += "as before, ";
  if (contacts.empty()) {
    line += "stored, no phone with lamps is registered";
  } else {
    const bool all = confirmed == contacts.size();
    line += fmt::format("{}confirmed by {} of {} phones{}", all ? "" : "stored, ", confirmed, contacts.size(),
                        all || waited ? "" : " so far");
    if (waited) line += waited->count() < 1 ? " (under 1 ms)" : fmt::format(" ({} ms)", waited->count());
  }
  return ChangeReport{std::move(line), is(*change, "confirmed"), std::move(who_not)};
}

}  // namespace lamplighter::view
