#include "location/shared_texts.h"

namespace lamplighter::location {

std::uint32_t SharedTexts::use(std::string_view text) {
  if (const auto known = numbers_.find(text); known != numbers_.end()) {
    ++texts_[known->second].users;
    return known->second;
  }
  if (free_.empty()) {
    free_.push_back(static_cast<std::uint32_t>(texts_.size()));
    texts_.emplace_back();
  }
  const auto number = free_.back();
  free_.pop_back();
  texts_[number] = {.text = std::string(text), .users = 1};
  numbers_.emplace(texts_[number].text, number);
  return number;
}

void SharedTexts::leave(std::uint32_t number) {
  auto& text = texts_[number];
  if (--text.users > 0) return;
  numbers_.erase(text.text);
  text.text = {};
  free_.push_back(number);
}

}  // namespace lamplighter::location
