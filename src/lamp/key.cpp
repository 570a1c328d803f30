#include "lamp/key.h"

#include <algorithm>
#include <array>

namespace lamplighter::lamp {
namespace {

// Indexed by the enumerators' values: the one place that spells them.
constexpr std::array<std::string_view, 10> kLightNames = {"off",     "on",      "hold",  "pickup", "park",
                                                          "message", "offline", "error", "seized", "record"};
constexpr std::array<Light, 10> kLights = {Light::kOff,    Light::kOn,      Light::kHold,    Light::kPickup,
                                           Light::kPark,   Light::kMessage, Light::kOffline, Light::kError,
                                           Light::kSeized, Light::kRecord};
constexpr std::array<std::string_view, 5> kColorNames = {"red", "green", "orange", "local", "remote"};
constexpr std::array<std::string_view, 3> kPressNames = {"invite", "message", "toggle"};

template <typename Enum, std::size_t N>
std::optional<Enum> find(const std::array<std::string_view, N>& names, std::string_view name) {
  const auto found = std::ranges::find(names, name);
  if (found == names.end()) return std::nullopt;
  return static_cast<Enum>(found - names.begin());
}

// A token of RFC 3261 §25.1.
constexpr bool is_token(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         std::string_view("-.!%*_+`'~").contains(c);
}

}  // namespace

std::string_view name_of(Light light) { return kLightNames[static_cast<std::size_t>(light)]; }
std::optional<Light> light_from(std::string_view name) { return find<Light>(kLightNames, name); }
std::span<const Light> lights() { return kLights; }

std::string light_names() {
  std::string names;
  for (const auto name : kLightNames) {
    if (!names.empty()) names += ' ';
    names += name;
  }
  return names;
}

std::string_view name_of(Color color) { return kColorNames[static_cast<std::size_t>(color)]; }
std::optional<Color> color_from(std::string_view name) { return find<Color>(kColorNames, name); }

std::string_view name_of(Press press) { return kPressNames[static_cast<std::size_t>(press)]; }
std::optional<Press> press_from(std::string_view name) { return find<Press>(kPressNames, name); }

std::expected<void, std::string> check_key_name(std::string_view text) {
  if (text.empty() || text.size() > kMaxKeyName || !std::ranges::all_of(text, is_token)) {
    return std::unexpected("expected a key name of 1 to " + std::to_string(kMaxKeyName) +
                           " letters, digits or -.!%*_+`'~, normally the key's number");
  }
  return {};
}

}  // namespace lamplighter::lamp
