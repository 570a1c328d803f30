#include "api/router.h"

#include <fmt/format.h>

#include <utility>

namespace lamplighter::api {

void Router::add(std::string method, std::string path, Handler handler) {
  auto& methods = paths_[std::move(path)];
  if (method == "GET") methods["HEAD"] = handler;  // the server leaves the body out (RFC 9110 §9.3.2)
  methods[std::move(method)] = std::move(handler);
}

void Router::dispatch(const Request& request, Answer answer) const {
  auto path = paths_.find(request.path);
  if (path == paths_.end()) {
    answer(problem(404, fmt::format("there is nothing at {}", std::string_view(request.path).substr(0, 200))));
    return;
  }
  auto method = path->second.find(request.method);
  if (method == path->second.end()) {
    std::string allow;
    for (const auto& [name, handler] : path->second) allow += (allow.empty() ? "" : ", ") + name;
    auto response = problem(405, fmt::format("{} takes {}", request.path, allow));
    response.headers.emplace_back("Allow", allow);
    answer(std::move(response));
    return;
  }
  method->second(request, std::move(answer));
}

}  // namespace lamplighter::api
