#include "api/http.h"

#include <boost/beast/core/string.hpp>
#include <boost/beast/http/status.hpp>
#include <boost/json/serialize.hpp>

namespace lamplighter::api {

std::string_view Request::header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (boost::beast::iequals(key, name)) return value;
  }
  return {};
}

Response json(const boost::json::object& document) { return {.body = boost::json::serialize(document), .headers = {}}; }

Response problem(unsigned status, std::string_view detail, boost::json::object extra) {
  boost::json::object document{
      {"type", "about:blank"},  // RFC 9457 §4.2.1: the status says it all
      {"title", boost::beast::http::obsolete_reason(static_cast<boost::beast::http::status>(status))},
      {"status", status},
      {"detail", detail},
  };
  for (auto& member : extra) document.insert_or_assign(member.key(), std::move(member.value()));
  return {.status = status,
          .content_type = "application/problem+json",
          .body = boost::json::serialize(document),
          .headers = {}};
}

Answer::~Answer() {
  if (send_) send_(problem(500, "the server gave no answer"));
}

void Answer::operator()(Response response) {
  if (auto send = std::exchange(send_, nullptr)) send(std::move(response));
}

}  // namespace lamplighter::api
