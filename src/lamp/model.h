#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace lamplighter::lamp {

/// What is known about a phone model (PROTOCOL §6): one table, and a generic row for what nobody listed.
struct Model {
  std::string_view name;    ///< "snom370"
  std::uint16_t keys;       ///< function keys on the phone itself
  std::uint16_t expansion;  ///< further keys of the expansion modules it takes, 0: none
  bool labels;              ///< keys have on-screen labels
  bool red, green, orange;  ///< colours its lamps can show; none: not known, so no colour should be sent
  bool x_buttons;           ///< speaks application/x-buttons
  bool batch;               ///< takes several keys in one document
};

/// All rows, the generic one last.
std::span<const Model> models();
/// By exact name, without case ("snom370", "snomD785"); nullptr when not listed.
const Model* model_named(std::string_view name);
/// By User-Agent ("snom370/8.4.35"): the text before the slash, without case; for a Snom phone that is not listed the
/// row "snom", for any other the generic row.
const Model& model_of_user_agent(std::string_view user_agent);

}  // namespace lamplighter::lamp
