#include "api/http.h"

#include <boost/beast/core/string.hpp>
#include <boost/beast/http/status.hpp>
#include <cassert>

#include "api/strict_json.h"
#include "lamp/utf8.h"

namespace lamplighter::api {

std::string_view Request::header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (boost::beast::iequals(key, name)) return value;
  }
  return {};
}

std::string_view Request::param(std::string_view name) const {
  for (const auto& [key, value] : params) {
    if (key == name) return value;
  }
  assert(false && "the route's pattern has no such segment");
  return {};
}

std::string quoted(std::string_view text) {
  constexpr std::size_t kLongest = 64;
  std::string out = "\"";
  auto shown = text.substr(0, kLongest);
  if (shown.size() < text.size()) {  // not in the middle of a character
    while (!shown.empty() && (static_cast<unsigned char>(text[shown.size()]) & 0xc0) == 0x80) shown.remove_suffix(1);
  }
  const bool cut = shown.size() < text.size();
  while (auto fault = lamp::find_fault(shown)) {
    out.append(shown.substr(0, fault->offset)) += '?';
    shown.remove_prefix(fault->offset + 1);
  }
  out += shown;
  return out += cut ? "…\"" : "\"";
}

Response json(const boost::json::object& document) { return {.body = to_text(document), .headers = {}}; }

Response problem(unsigned status, std::string_view detail, boost::json::object extra) {
  boost::json::object document{
      {"type", "about:blank"},  // RFC 9457 §4.2.1: the status says it all
      {"title", boost::beast::http::obsolete_reason(static_cast<boost::beast::http::status>(status))},
      {"status", status},
      {"detail", detail},
  };
  for (auto& member : extra) document.insert_or_assign(member.key(), std::move(member.value()));
  return {.status = status, .content_type = "application/problem+json", .body = to_text(document), .headers = {}};
}

Response problem(const Fault& fault) {
  auto field = quoted(fault.field);  // may be a name from outside
  return problem(fault.status, fault.what, {{"field", std::string_view(field).substr(1, field.size() - 2)}});
}

Answer::~Answer() {
  if (send_) send_(problem(500, "the server gave no answer"));
}

void Answer::operator()(Response response) {
  if (auto send = std::exchange(send_, nullptr)) send(std::move(response));
}

}  // namespace lamplighter::api
