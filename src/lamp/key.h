#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace lamplighter::lamp {

/// What a key's lamp shows. The names are those of application/x-buttons `c=`.
enum class Light : std::uint8_t { kOff, kOn, kHold, kPickup, kPark, kMessage, kOffline, kError, kSeized, kRecord };
std::string_view name_of(Light light);
std::optional<Light> light_from(std::string_view name);
/// All of them, for messages ("expected one of …"), completion and tests.
std::span<const Light> lights();
/// "off on hold …": every name, for messages.
std::string light_names();

/// Colour, where the phone has a choice. `local` and `remote` are Snom's words for green and red.
enum class Color : std::uint8_t { kRed, kGreen, kOrange, kLocal, kRemote };
std::string_view name_of(Color color);
std::optional<Color> color_from(std::string_view name);

/// What a press does: the phone dials `number`, or sends it a MESSAGE; or the server flips the key's own light. For the
/// last the phone is told to dial `number`, or without a number to send a MESSAGE.
enum class Press : std::uint8_t { kInvite, kMessage, kToggle };
std::string_view name_of(Press press);
std::optional<Press> press_from(std::string_view name);

/// Everything one key shows and does. Replaced as a whole: what is not said falls back to these defaults.
struct Key {
  Light light = Light::kOff;
  std::optional<Color> color = std::nullopt;
  // With initializers that look redundant, g++ lets `Key{.light = …}` leave members out.
  // NOLINTBEGIN(readability-redundant-member-init)
  std::string label = {};
  std::string number = {};  ///< empty: a press does nothing
  // NOLINTEND(readability-redundant-member-init)
  Press press = Press::kInvite;

  friend bool operator==(const Key&, const Key&) = default;
};

/// A key's name on the phone: normally the P-key number as text ("2"); a token of at most 32 characters.
using KeyName = std::string;
inline constexpr std::size_t kMaxKeyName = 32;

/// Whether text may be a key's name. The error says what was expected.
std::expected<void, std::string> check_key_name(std::string_view text);

}  // namespace lamplighter::lamp
