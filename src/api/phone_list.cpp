#include "api/phone_list.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <iterator>
#include <map>
#include <optional>
#include <string>

namespace lamplighter::api {
namespace {

namespace json = boost::json;

struct Row {
  std::size_t contacts = 0;
  std::size_t keys = 0;
  std::size_t unconfirmed = 0;
};

/// The first rows behind a name. What does not fit on the page any more never comes back, since its end only moves
/// down: so a phone that is met twice is either found or still out of place.
class Page {
 public:
  Page(std::string_view after, std::size_t limit) : after_(after), limit_(limit) {}

  /// nullptr: not on this page.
  Row* row(std::string_view aor) {
    if (aor <= after_) return nullptr;
    auto place = rows_.lower_bound(aor);
    if (place != rows_.end() && place->first == aor) return &place->second;
    if (rows_.size() >= limit_) {
      if (place == rows_.end()) return nullptr;
      rows_.erase(std::prev(rows_.end()));
      place = rows_.lower_bound(aor);
    }
    return &rows_.emplace_hint(place, aor, Row{})->second;
  }
  /// nullptr: not on this page so far.
  Row* find(std::string_view aor) {
    const auto place = rows_.find(aor);
    return place == rows_.end() ? nullptr : &place->second;
  }
  const std::map<std::string, Row, std::less<>>& rows() const { return rows_; }

 private:
  std::string_view after_;
  std::size_t limit_;
  std::map<std::string, Row, std::less<>> rows_;
};

}  // namespace

json::object list_phones(const lamp::Phones& phones, const location::Location& location, WallTime now,
                         const PhoneList& wanted) {
  const auto limit = wanted.limit;
  Page page(wanted.after, limit + 1);  // one more shows that there is more
  phones.for_each([&](std::string_view aor, std::size_t keys, std::size_t unconfirmed) {
    if (unconfirmed == 0 && (keys == 0 || wanted.unconfirmed)) return;
    if (auto* row = page.row(aor)) {
      row->keys = keys;
      row->unconfirmed = unconfirmed;
    }
  });
  location.for_each([&](std::string_view aor, std::span<const location::Binding> bindings) {
    const auto contacts = std::ranges::count_if(bindings, [&](const auto& binding) { return binding.expires > now; });
    if (contacts == 0) return;
    if (auto* row = wanted.unconfirmed ? page.find(aor) : page.row(aor))
      row->contacts = static_cast<std::size_t>(contacts);
  });

  json::array rows;
  for (const auto& [aor, row] : page.rows()) {
    if (rows.size() == limit) break;
    rows.push_back(json::object{{"phone", aor},
                                {"registered", row.contacts > 0},
                                {"contacts", row.contacts},
                                {"keys", row.keys},
                                {"unconfirmed", row.unconfirmed}});
  }
  const auto more = page.rows().size() > limit ? std::optional(rows.back().at("phone")) : std::nullopt;
  json::object document{{"phones", std::move(rows)}};
  if (more) document["next"] = *more;
  return document;
}

}  // namespace lamplighter::api
