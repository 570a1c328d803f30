#include "api/http_server.h"

namespace lamplighter::api {

void add_health(HttpServer& server, std::function<boost::json::object()> fields) {
  server.route("GET", "/healthz", [fields = std::move(fields)](const Request&, Answer answer) {
    boost::json::object document{{"status", "ok"}};
    for (auto& member : fields()) document.insert_or_assign(member.key(), member.value());
    auto response = json(document);
    response.headers.emplace_back("Cache-Control", "no-store");
    answer(std::move(response));
  });
}

}  // namespace lamplighter::api
