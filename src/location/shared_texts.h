#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace lamplighter::location {

/// Texts that many have in common, each kept once, under a small number, as long as it has users.
class SharedTexts {
 public:
  /// The number of this text, which has one more user now.
  std::uint32_t use(std::string_view text);
  void use(std::uint32_t number) { ++texts_[number].users; }
  /// One user less; with the last the text goes, and its number is given to another.
  void leave(std::uint32_t number);
  std::string_view operator[](std::uint32_t number) const { return texts_[number].text; }
  std::size_t size() const { return numbers_.size(); }

 private:
  struct Text {
    std::string text;
    std::uint32_t users = 0;
  };
  std::deque<Text> texts_;  ///< they never move: numbers_ points at them
  std::unordered_map<std::string_view, std::uint32_t> numbers_;
  std::vector<std::uint32_t> free_;
};

}  // namespace lamplighter::location
