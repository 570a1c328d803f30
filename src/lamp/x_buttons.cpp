#include "lamp/x_buttons.h"

#include <cassert>

#include "lamp/pressed_key.h"

namespace lamplighter::lamp {
namespace {

void append_field(std::string& out, char letter, std::string_view value) {
  if (value.empty()) return;
  out += "\r\n";
  out += letter;
  out += '=';
  out += value;
}

struct WirePress {
  Press press;
  std::string number;
};

// A phone knows no toggle: it dials, or says which key was pressed, and the server flips the light.
WirePress on_the_wire(std::string_view name, const Key& key) {
  if (key.press != Press::kToggle) return {key.press, key.number};
  if (!key.number.empty()) return {Press::kInvite, key.number};
  return {Press::kMessage, target_of_key(name)};
}

void append_block(std::string& out, const KeyBlock& block) {
  const auto& [name, key, extras] = block;
  assert(check_key_name(name));
  out += "k=";
  out += name;
  append_field(out, 'c', name_of(key.light));
  if (key.color) append_field(out, 'o', name_of(*key.color));
  const auto [press, number] = on_the_wire(name, key);
  append_field(out, 'n', number);
  if (!number.empty() || press != Press::kInvite) append_field(out, 'a', name_of(press));
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
