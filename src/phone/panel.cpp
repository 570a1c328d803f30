#include "phone/panel.h"

#include <fmt/format.h>

#include <algorithm>

#include "phone/text_width.h"

namespace lamplighter::phone {

namespace {

constexpr int kMinWidth = 40;
constexpr int kColumnWidth = 30;  // the narrowest column in which a key can be read
constexpr int kLightWidth = 7;    // "message"

std::string_view ansi_of(const lamp::Key& key) {
  switch (key.color.value_or(lamp::Color::kRed)) {
    case lamp::Color::kGreen:
    case lamp::Color::kLocal: return "\x1b[92m";
    case lamp::Color::kOrange: return "\x1b[38;5;208m";
    case lamp::Color::kRed:
    case lamp::Color::kRemote: break;
  }
  return "\x1b[91m";
}

std::string repeat(std::string_view piece, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out += piece;
  return out;
}

std::string glyph_of(const lamp::Key& key, unsigned phase, bool colour) {
  if (is_lit(key.light, phase)) return colour ? fmt::format("{}●\x1b[0m", ansi_of(key)) : "●";
  return colour ? "\x1b[90m○\x1b[0m" : "○";
}

/// "  2 ● on      Light is on          → 432" in exactly `width` columns.
std::string draw_key(const PanelKey& entry, unsigned phase, bool colour, int width) {
  const auto& key = entry.key;
  std::string light = key.light == lamp::Light::kOff ? std::string{} : std::string{lamp::name_of(key.light)};
  std::string behind;
  if (!key.number.empty()) behind = fmt::format("{} {}", key.press == lamp::Press::kInvite ? "→" : "»", key.number);
  const int fixed = 3 + 1 + 1 + 1 + kLightWidth + 1;  // number, glyph and light with their blanks
  const int room = std::max(0, width - fixed);
  const int behind_width = std::min(text_width(behind), room / 2);
  const int gap = behind_width > 0 ? 1 : 0;
  const auto number = fit(entry.name, std::min(3, text_width(entry.name)));
  return fmt::format("{}{} {} {} {}{}{}", std::string(static_cast<std::size_t>(3 - text_width(number)), ' '), number,
                     glyph_of(key, phase, colour), fit(light, kLightWidth), fit(key.label, room - behind_width - gap),
                     gap ? " " : "", fit(behind, behind_width));
}

int columns_for(std::size_t keys, int width) {
  const int wanted = keys <= 6 ? 1 : keys <= 24 ? 2 : 4;
  return std::clamp((width - 1) / (kColumnWidth + 3), 1, wanted);
}

}  // namespace

Blink blink_of(lamp::Light light) {
  using enum lamp::Light;
  switch (light) {
    case kOff: return Blink::kDark;
    case kOn:
    case kSeized: return Blink::kSteady;
    case kHold:
    case kPark:
    case kMessage:
    case kOffline:
    case kRecord: return Blink::kSlow;
    case kPickup:
    case kError: return Blink::kFast;
  }
  return Blink::kDark;
}

bool is_lit(lamp::Light light, unsigned phase) {
  switch (blink_of(light)) {
    case Blink::kDark: return false;
    case Blink::kSteady: return true;
    case Blink::kSlow: return phase / 2 % 2 == 0;
    case Blink::kFast: return phase % 2 == 0;
  }
  return false;
}

bool blinks(const PanelState& state) {
  return std::ranges::any_of(state.keys, [](const PanelKey& entry) {
    const auto blink = blink_of(entry.key.light);
    return blink == Blink::kSlow || blink == Blink::kFast;
  });
}

std::string draw_lamp(const lamp::Look& look, bool colour) {
  return glyph_of({.light = look.light, .color = look.color}, 0, colour);  // all that blinks is lit in phase 0
}

std::string draw(const PanelState& state, unsigned phase, bool colour, int width) {
  width = std::max(width, kMinWidth);
  const int columns = columns_for(state.keys.size(), width);
  const int column = (width - 1) / columns - 3;               // text between "│ " and " "
  const int last = width - 4 - (columns - 1) * (column + 3);  // the last one takes what is left over
  const auto rows = (state.keys.size() + static_cast<std::size_t>(columns) - 1) / static_cast<std::size_t>(columns);

  const auto model_width = std::min(text_width(state.model), width / 2 - 6);
  const auto name_width = std::min(text_width(state.name), width - 8 - model_width);
  const int line = width - 8 - model_width - name_width;
  std::string out =
      fmt::format("┌─ {} {} {} ─┐\n", fit(state.name, name_width), repeat("─", line), fit(state.model, model_width));

  // Registration on the left, call on the right; the call may push, it is what one looks for.
  const int inner = width - 4;
  const int call_width = std::min(text_width(state.call), inner * 2 / 3);
  out += fmt::format("│ {} {} │\n", fit(state.registration, inner - 1 - call_width), fit(state.call, call_width));

  out += "├";
  for (int c = 0; c < columns; ++c) {
    out += repeat("─", (c + 1 < columns ? column : last) + 2);
    out += c + 1 < columns ? "┬" : "┤\n";
  }
  for (std::size_t row = 0; row < rows; ++row) {
    for (int c = 0; c < columns; ++c) {
      const auto index = static_cast<std::size_t>(c) * rows + row;
      const int room = c + 1 < columns ? column : last;
      out += "│ ";
      out += index < state.keys.size() ? draw_key(state.keys[index], phase, colour, room) : fit("", room);
      out += " ";
    }
    out += "│\n";
  }
  out += "└";
  for (int c = 0; c < columns; ++c) {
    out += repeat("─", (c + 1 < columns ? column : last) + 2);
    out += c + 1 < columns ? "┴" : "┘\n";
  }
  return out;
}

}  // namespace lamplighter::phone
