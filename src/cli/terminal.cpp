#include "cli/terminal.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string_view>

namespace lamplighter::cli {
namespace {

bool environment_has(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0';
}

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

}  // namespace

bool terminal_knows_colour() {
  const char* term = std::getenv("TERM");
  return isatty(STDOUT_FILENO) && !environment_has("NO_COLOR") && term != nullptr && std::string_view{term} != "dumb";
}

int terminal_width() {
  if (!isatty(STDOUT_FILENO)) return 0;
  winsize size{};
  return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col != 0 ? size.ws_col : 80;
}

std::expected<std::string, std::string> read_file(const std::string& path) {
  const std::unique_ptr<std::FILE, CloseFile> opened(path == "-" ? nullptr : std::fopen(path.c_str(), "rbe"));
  auto* file = path == "-" ? stdin : opened.get();
  std::string text;
  if (file) {
    char piece[16384];
    while (const auto got = std::fread(piece, 1, sizeof piece, file)) text.append(piece, got);
  }
  if (!file || std::ferror(file) != 0) {
    return std::unexpected(fmt::format("cannot read '{}': {}", path, std::strerror(errno)));
  }
  return text;
}

}  // namespace lamplighter::cli
