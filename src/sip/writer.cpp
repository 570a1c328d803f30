#include "sip/writer.h"

#include "base/text.h"

namespace lamplighter::sip {

Writer& Writer::request_line(std::string_view method, std::string_view uri) {
  out_.append(method).append(" ").append(uri).append(" SIP/2.0\r\n");
  return *this;
}

Writer& Writer::status_line(int status, std::string_view reason) {
  out_.append("SIP/2.0 ");
  append_number(out_, static_cast<std::uint64_t>(status));
  out_.append(" ").append(reason).append("\r\n");
  return *this;
}

Writer& Writer::header(std::string_view name, std::string_view value) {
  out_.append(name).append(": ").append(value).append("\r\n");
  return *this;
}

Writer& Writer::header(std::string_view name, std::uint64_t value) {
  out_.append(name).append(": ");
  append_number(out_, value);
  out_.append("\r\n");
  return *this;
}

Writer& Writer::copy(const Message& message, const HeaderField& field) {
  out_.append(message.line(field));
  return *this;
}

Writer& Writer::copy_all(const Message& message, HeaderId id) {
  for (const auto& field : message.headers()) {
    if (field.id == id) copy(message, field);
  }
  return *this;
}

Writer& Writer::raw(std::string_view text) {
  out_.append(text);
  return *this;
}

Writer& Writer::body(std::string_view content_type, std::string_view body) {
  if (!body.empty() && !content_type.empty()) header("Content-Type", content_type);
  header("Content-Length", std::uint64_t{body.size()});
  out_.append("\r\n").append(body);
  return *this;
}

}  // namespace lamplighter::sip
