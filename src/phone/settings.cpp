#include "phone/settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <vector>

#include "sip/uri.h"

namespace lamplighter::phone {

namespace {

std::string lower(std::string_view text) {
  std::string out{text};
  std::ranges::transform(out, out.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

/// Levenshtein distance: how many letters to add, drop or change.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    auto diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const auto change = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, change});
    }
  }
  return row[b.size()];
}

}  // namespace

std::expected<Identity, std::string> Identity::parse(std::string_view text) {
  const std::string with_scheme = text.find(':') == std::string_view::npos || !lower(text).starts_with("sip")
                                      ? fmt::format("sip:{}", text)
                                      : std::string{text};
  const auto uri = sip::parse_uri(with_scheme);
  if (!uri || uri->scheme != sip::Uri::Scheme::kSip || uri->user.empty() || uri->host.empty()) {
    return std::unexpected(
        fmt::format("'{}' is no address of record, expected something like sip:101@127.0.0.1", text));
  }
  Identity identity;
  identity.user = sip::unescape(uri->user);
  identity.host = uri->host;
  identity.port = uri->port_or_default();
  identity.uri = fmt::format("sip:{}@{}", uri->user, uri->host);
  if (uri->port) identity.uri += fmt::format(":{}", uri->port);
  return identity;
}

std::string user_agent_of(const lamp::Model& model) {
  const bool d_series = model.name.size() > 4 && (model.name[4] == 'D' || model.name[4] == 'd');
  return fmt::format("{}/{}", model.name, d_series ? "10.1.140.18" : "8.7.5.35");
}

Settings Settings::of(Identity identity, const lamp::Model& model) {
  Settings settings;
  settings.identity = std::move(identity);
  settings.model = model;
  settings.user_agent = user_agent_of(model);
  return settings;
}

std::expected<const lamp::Model*, std::string> find_model(std::string_view name) {
  if (const auto* model = lamp::model_named(name)) return model;
  const auto wanted = lower(name);
  const auto all = lamp::models();
  const auto nearest =
      std::ranges::min_element(all, {}, [&](const lamp::Model& model) { return distance(wanted, lower(model.name)); });
  std::string known;
  for (const auto& model : all) known += fmt::format("{}{}", known.empty() ? "" : " ", model.name);
  const bool near = nearest != all.end() && distance(wanted, lower(nearest->name)) <= 3;
  return std::unexpected(fmt::format("unknown model '{}'{}; known are {}", name,
                                     near ? fmt::format(", did you mean {}?", nearest->name) : "", known));
}

}  // namespace lamplighter::phone
