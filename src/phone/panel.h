#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "lamp/key.h"
#include "lamp/keyboard.h"
#include "phone/event.h"

namespace lamplighter::phone {

/// One key as the panel shows it.
struct PanelKey {
  lamp::KeyName name;
  lamp::Key key;
  friend bool operator==(const PanelKey&, const PanelKey&) = default;
};

/// Everything that is drawn: nothing else decides how the panel looks, so it is drawn again only when this changed.
struct PanelState {
  std::string name;          ///< "101@127.0.0.1"
  std::string model;         ///< "snom370"
  std::string registration;  ///< "registered at 127.0.0.1:5060"
  std::string call;          ///< "talking with sip:102@127.0.0.1", "idle"
  std::vector<PanelKey> keys;
  friend bool operator==(const PanelState&, const PanelState&) = default;
};

/// A phase of the panel's clock. Slow blinking changes every second one, fast blinking every one.
inline constexpr std::chrono::milliseconds kPanelPhase{250};

enum class Blink : std::uint8_t { kDark, kSteady, kSlow, kFast };
/// How a light is shown. Phones let their owner choose; this is the choice made here: things that want a hand quickly
/// (a call to pick up, a fault) blink fast, things that wait blink slowly, plain states are steady.
Blink blink_of(lamp::Light light);
/// Whether a light is lit in this phase.
bool is_lit(lamp::Light light, unsigned phase);
/// Whether any key blinks, so that the panel must be drawn every phase.
bool blinks(const PanelState& state);

/// One lamp, a column wide: lit or dark whatever its blinking, in its colour with `colour`.
std::string draw_lamp(const lamp::Look& look, bool colour);

/// The whole panel, one "\n" after each line: a title with name and model, registration and call, and the keys in
/// columns as on the phone (a snom370: 1–6 left, 7–12 right). `width` below 40 is taken as 40. With `colour`, lamps
/// carry ANSI colours; without, the words say it all.
std::string draw(const PanelState& state, unsigned phase, bool colour, int width);

}  // namespace lamplighter::phone
