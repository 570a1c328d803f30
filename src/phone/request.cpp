#include "phone/request.h"

#include <fmt/format.h>

#include "sip/writer.h"

namespace lamplighter::phone {

void render(const Request& request, std::string_view via, std::string_view user_agent, std::string& out) {
  const auto method = sip::name_of(request.method);
  sip::Writer writer(out);
  writer.request_line(method, request.uri).header("Via", via);
  for (const auto& route : request.routes) writer.header("Route", route);
  writer.header("Max-Forwards", 70)
      .header("From", request.from)
      .header("To", request.to)
      .header("Call-ID", request.call_id)
      .header("CSeq", fmt::format("{} {}", request.cseq, method));
  writer.raw(request.credentials).raw(request.headers).header("User-Agent", user_agent);
  writer.body(request.content_type, request.body);
}

}  // namespace lamplighter::phone
