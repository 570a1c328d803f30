#pragma once

#include <expected>
#include <string>

// Standard output as a terminal, and files that may be standard input.
namespace lamplighter::cli {

/// Whether standard output shows ANSI colours and nobody said NO_COLOR (no-color.org).
bool terminal_knows_colour();

/// Columns of the terminal that standard output is; 0 when it is none.
int terminal_width();

/// A whole file; "-" is standard input. The error names the file and says what is wrong.
std::expected<std::string, std::string> read_file(const std::string& path);

}  // namespace lamplighter::cli
