#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace lamplighter::view {

struct Screen {
  int width = 80;       ///< columns; below 64 is taken as 64
  bool colour = false;  ///< ANSI colours; without, the words and symbols say it all
};

/// The panel of GET /v1/phones/{phone}: the phone's contacts, and for every key, in number order, what is desired
/// beside what each contact is confirmed to show and how far it is, in words. `now`: for "next try in 12 s". The error
/// says what is wrong with the document.
std::expected<std::string, std::string> draw_phone(std::string_view document, const Screen& screen, WallTime now);

/// The table of GET /v1/phones, and how to see the next page.
std::expected<std::string, std::string> draw_phones(std::string_view document);

}  // namespace lamplighter::view
