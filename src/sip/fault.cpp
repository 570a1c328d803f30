#include "sip/fault.h"

#include <algorithm>
#include <array>

namespace lamplighter::sip {
namespace {

struct Text {
  std::array<char, 48> chars;
  std::size_t size = 0;

  void append(std::string_view part) {
    std::copy(part.begin(), part.end(), chars.begin() + static_cast<std::ptrdiff_t>(size));
    size += part.size();
  }
};

constexpr auto kIds = static_cast<std::size_t>(HeaderId::kCount_);

// One static phrase per fault and header, because a SipError only points to its reason.
std::array<std::array<Text, kIds>, 3> make_phrases() {
  constexpr std::array<std::string_view, 3> kKinds{"Bad ", "Missing ", "Repeated "};
  std::array<std::array<Text, kIds>, 3> phrases;
  for (std::size_t kind = 0; kind < kKinds.size(); ++kind) {
    for (std::size_t id = 0; id < kIds; ++id) {
      auto& phrase = phrases[kind][id];
      phrase.append(kKinds[kind]);
      phrase.append(name_of(static_cast<HeaderId>(id)));
      phrase.append(id == 0 ? "header" : " header");
    }
  }
  return phrases;
}

}  // namespace

SipError header_fault(Fault fault, HeaderId id, std::size_t offset) {
  static const auto phrases = make_phrases();
  const auto& phrase = phrases[static_cast<std::size_t>(fault)][static_cast<std::size_t>(id)];
  return {400, {phrase.chars.data(), phrase.size}, offset};
}

}  // namespace lamplighter::sip
