#include "api/router.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/url/pct_string_view.hpp>
#include <cassert>
#include <utility>

namespace lamplighter::api {
namespace {

/// "/v1/phones" → "v1", "phones".
std::vector<std::string_view> split(std::string_view path) {
  std::vector<std::string_view> segments;
  if (path.starts_with('/')) path.remove_prefix(1);
  for (;;) {
    auto slash = path.find('/');
    segments.push_back(path.substr(0, slash));
    if (slash == std::string_view::npos) return segments;
    path.remove_prefix(slash + 1);
  }
}

std::vector<std::string> decoded(std::string_view raw_path) {
  std::vector<std::string> segments;
  for (auto encoded : split(raw_path)) {
    // The server has parsed the path already.
    segments.push_back(boost::urls::make_pct_string_view(encoded)->decode());
  }
  return segments;
}

}  // namespace

void Router::add(std::string method, std::string_view pattern, Handler handler) {
  Pattern segments;
  for (auto text : split(pattern)) {
    const bool named = text.starts_with('{') && text.ends_with('}');
    segments.push_back({named, std::string(named ? text.substr(1, text.size() - 2) : text)});
  }
  auto& methods = routes_[std::move(segments)];
  if (method == "GET") methods["HEAD"] = handler;  // the server leaves the body out (RFC 9110 §9.3.2)
  methods[std::move(method)] = std::move(handler);
}

bool Router::matches(const Pattern& pattern, const std::vector<std::string>& path) {
  return std::ranges::equal(pattern, path, [](const Segment& segment, const std::string& text) {
    return segment.named ? !text.empty() : segment.text == text;
  });
}

void Router::dispatch(Request& request, Answer answer) const {
  auto path = decoded(request.raw_path);
  auto route = std::ranges::find_if(routes_, [&](const auto& entry) { return matches(entry.first, path); });
  if (route == routes_.end()) {
    answer(problem(404, fmt::format("there is nothing at {}", std::string_view(request.raw_path).substr(0, 200))));
    return;
  }
  const auto& [pattern, methods] = *route;
  auto method = methods.find(request.method);
  if (method == methods.end()) {
    std::string allow;
    for (const auto& [name, handler] : methods) allow += (allow.empty() ? "" : ", ") + name;
    auto response = problem(405, fmt::format("{} takes {}", request.raw_path, allow));
    response.headers.emplace_back("Allow", allow);
    answer(std::move(response));
    return;
  }
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i].named) request.params.emplace_back(pattern[i].text, std::move(path[i]));
  }
  method->second(request, std::move(answer));
}

}  // namespace lamplighter::api
