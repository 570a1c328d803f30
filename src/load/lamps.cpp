#include "load/lamps.h"

#include <algorithm>

namespace lamplighter::load {

void Lamps::show(const LampBlock& block) {
  auto place = std::ranges::find(lamps_, block.key, &Lamp::key);
  if (place == lamps_.end()) {
    place = lamps_.emplace(place);
    place->key = block.key;
  }
  place->light = block.light;
  place->label = block.label;
}

const Lamps::Lamp* Lamps::find(std::string_view key) const {
  const auto place = std::ranges::find(lamps_, key, &Lamp::key);
  return place == lamps_.end() ? nullptr : &*place;
}

std::vector<LampBlock> blocks_of(std::string_view body) {
  std::vector<LampBlock> blocks;
  LampBlock block;
  const auto end_block = [&] {
    if (!block.key.empty()) blocks.push_back(block);
    block = {};
  };
  while (!body.empty()) {
    auto line = body.substr(0, body.find('\n'));
    body.remove_prefix(std::min(body.size(), line.size() + 1));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) {
      end_block();
    } else if (line.size() >= 2 && line[1] == '=') {
      const auto value = line.substr(2);
      if (line[0] == 'k') block.key = value;
      if (line[0] == 'c') block.light = value;
      if (line[0] == 'l') block.label = value;
    }
  }
  end_block();
  return blocks;
}

}  // namespace lamplighter::load
