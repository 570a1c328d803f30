#pragma once

#include <string>
#include <string_view>

namespace lamplighter::phone {

/// How many terminal columns UTF-8 text takes: 2 for East Asian wide characters and emoji, 0 for combining marks and
/// control characters, 1 for the rest. Bytes that are not UTF-8 count as one column each.
int text_width(std::string_view text);

/// Text in exactly `columns` columns: padded with blanks, or cut with an ellipsis at its end. Control characters and
/// broken bytes become '?', so that what a server sends cannot steer the terminal.
std::string fit(std::string_view text, int columns);

}  // namespace lamplighter::phone
