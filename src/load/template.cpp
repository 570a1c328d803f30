#include "load/template.h"

#include <stdexcept>

namespace lamplighter::load {
namespace {

constexpr std::array<std::string_view, static_cast<std::size_t>(Slot::kCount_)> kNames = {
    "server", "domain", "user",     "dial",  "uri",     "local", "branch", "tag",
    "callid", "cseq",   "instance", "agent", "expires", "auth",  "to",     "route"};

Slot slot_named(std::string_view name) {
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == name) return static_cast<Slot>(i);
  }
  throw std::invalid_argument("no slot named {" + std::string(name) + "}");
}

void append_with_crlf(std::string& out, std::string_view text) {
  for (const char c : text) {
    if (c == '\n' && !out.ends_with('\r')) out += '\r';
    out += c;
  }
}

}  // namespace

Template::Template(std::string_view text, const Values& fixed) {
  Piece piece;
  while (!text.empty()) {
    const auto open = text.find('{');
    append_with_crlf(piece.text, text.substr(0, open));
    if (open == std::string_view::npos) break;
    const auto close = text.find('}', open);
    if (close == std::string_view::npos) throw std::invalid_argument("a hole is not closed");
    const auto slot = slot_named(text.substr(open + 1, close - open - 1));
    const auto value = fixed[static_cast<std::size_t>(slot)];
    if (value.empty()) {
      piece.slot = slot;
      pieces_.push_back(std::move(piece));
      piece = {};
    } else {
      piece.text += value;
    }
    text.remove_prefix(close + 1);
  }
  if (!piece.text.empty()) pieces_.push_back(std::move(piece));
}

}  // namespace lamplighter::load
