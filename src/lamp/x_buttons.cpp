#include "lamp/x_buttons.h"

#include <cassert>

namespace lamplighter::lamp {
namespace {

void append_field(std::string& out, char letter, std::string_view value) {
  if (value.empty()) return;
  out += "\r\n";
  out += letter;
  out += '=';
  out += value;
}

void append_block(std::string& out, const KeyBlock& block) {
  const auto& [name, key, extras] = block;
  assert(check_key_name(name));
  out += "k=";
  out += name;
  append_field(out, 'c', name_of(key.light));
  if (key.color) append_field(out, 'o', name_of(*key.color));
  append_field(out, 'n', key.number);
  if (!key.number.empty() || key.press != Press::kInvite) append_field(out, 'a', name_of(key.press));
  append_field(out, 'l', key.label);
  append_field(out, 'i', extras.caller);
  append_field(out, 'd', extras.name);
  append_field(out, 'b', extras.direction);
  append_field(out, 'm', extras.mailbox);
  append_field(out, 'f', extras.forward);
}

}  // namespace

void encode_x_buttons(std::string& out, const KeyBlock* blocks, std::size_t count) {
  assert(count > 0);
  for (std::size_t i = 0; i < count; ++i) {
    if (i > 0) out += "\r\n\r\n";
    append_block(out, blocks[i]);
  }
}

}  // namespace lamplighter::lamp
