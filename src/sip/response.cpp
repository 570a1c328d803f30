#include "base/text.h"
#include "sip/chars.h"
#include "sip/writer.h"

namespace lamplighter::sip {
namespace {

// Whether the Via's host is the very address the request came from; names are not looked up (RFC 3261 §18.2.1).
bool is_from(const Via& via, const SocketAddress& source) {
  if (!chars::is_digit(via.host.front()) && via.host.front() != '[') return false;
  const auto address = IpAddress::read(via.host);
  return address && *address == source.ip;
}

// The header's line with `value` in place of its own, the rest byte for byte.
template <typename F>
void append_changed(std::string& out, const Message& message, const HeaderField& field, F&& append_value) {
  const auto line = message.line(field);
  const auto value_at = field.value - field.line;
  out.append(line.substr(0, value_at));
  append_value(message.value(field));
  out.append(line.substr(value_at + field.value_len));
}

void append_top_via(std::string& out, const Message& request, const HeaderField& field, const SocketAddress& source) {
  append_changed(out, request, field, [&](std::string_view value) {
    auto rest = value;
    const auto element = next_list_item(rest);
    if (element.empty()) {
      out.append(value);
      return;
    }
    append_via_with_source(out, element, request.top_via(), source);
    // What stood behind the element stays, its comma included.
    out.append(value.substr(static_cast<std::size_t>(element.data() - value.data()) + element.size()));
  });
}

void append_to(std::string& out, const Message& request, const HeaderField& field, std::string_view tag) {
  const auto* to = request.to();
  if (tag.empty() || !to || to->has_tag) {
    out.append(request.line(field));
    return;
  }
  append_changed(out, request, field, [&](std::string_view value) { out.append(value).append(";tag=").append(tag); });
}

}  // namespace

Writer begin_response(std::string& out, const Message& request, int status, std::string_view reason,
                      std::string_view to_tag, const SocketAddress& source) {
  Writer writer(out);
  writer.status_line(status, reason);
  const auto* top = request.find(HeaderId::kVia);
  for (const auto& field : request.headers()) {
    if (field.id != HeaderId::kVia) continue;
    if (&field == top) {
      append_top_via(out, request, field, source);
    } else {
      writer.copy(request, field);
    }
  }
  if (const auto* from = request.find(HeaderId::kFrom)) writer.copy(request, *from);
  if (const auto* to = request.find(HeaderId::kTo)) append_to(out, request, *to, to_tag);
  if (const auto* call_id = request.find(HeaderId::kCallId)) writer.copy(request, *call_id);
  if (const auto* cseq = request.find(HeaderId::kCSeq)) writer.copy(request, *cseq);
  // §8.2.6.1: a 100 tells the client how long the way was.
  const auto* timestamp = request.find(HeaderId::kTimestamp);
  if (status == 100 && timestamp) writer.copy(request, *timestamp);
  return writer;
}

void append_via_with_source(std::string& out, std::string_view via_element, const Via* via,
                            const SocketAddress& source) {
  const bool asks = via && via->rport;
  if (!via || (!asks && is_from(*via, source) && !via->params.has("received"))) {
    out.append(via_element);
    return;
  }
  const auto params = via->params.text();
  out.append(via_element.substr(0, via_element.size() - params.size()));
  auto rest = params;
  for (auto before = rest; const auto param = Params::next(rest); before = rest) {
    if (iequals(param->name, "received")) continue;  // only we can know that
    if (iequals(param->name, "rport")) {
      out.append(";rport=");
      append_number(out, source.port);
    } else {
      out.append(before.substr(0, before.size() - rest.size()));
    }
  }
  out.append(";received=");
  source.ip.append_to(out);
}

}  // namespace lamplighter::sip
