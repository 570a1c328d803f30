#include "phone/keyboard.h"

#include <fmt/format.h>

#include <algorithm>

namespace lamplighter::phone {

Keyboard::Keyboard(const lamp::Model& model) {
  keys_.resize(model.keys);
  for (std::size_t i = 0; i < keys_.size(); ++i) keys_[i].name = fmt::format("{}", i + 1);
}

bool Keyboard::replace(const lamp::KeyBlock& block) {
  const auto found = std::ranges::find(keys_, block.name, &lamp::KeyBlock::name);
  if (found == keys_.end()) return false;
  *found = block;
  return true;
}

const lamp::KeyBlock* Keyboard::find(std::string_view name) const {
  const auto found = std::ranges::find(keys_, name, &lamp::KeyBlock::name);
  return found == keys_.end() ? nullptr : &*found;
}

}  // namespace lamplighter::phone
