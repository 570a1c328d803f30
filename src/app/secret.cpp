#include "app/secret.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "base/random.h"

namespace lamplighter::app {
namespace {

constexpr std::size_t kSecretHex = 64;

std::expected<std::string, std::string> make(const std::string& path) {
  auto secret = secret_hex(kSecretHex / 2);
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  const bool written = file >= 0 && ::write(file, secret.data(), secret.size()) == static_cast<ssize_t>(secret.size());
  const int error = errno;
  if (file >= 0) ::close(file);
  if (written) return secret;
  if (file >= 0) ::unlink(path.c_str());
  return std::unexpected(
      fmt::format("{}: cannot be written: {}; the server keeps a secret there", path, std::strerror(error)));
}

}  // namespace

std::expected<std::string, std::string> load_or_make_secret(const std::string& path) {
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) return make(path);
  std::ifstream file(path);
  std::string secret;
  if (file >> secret && secret.size() == kSecretHex) return secret;
  return std::unexpected(fmt::format(
      "{}: does not hold a secret of {} hex digits; remove the file and a new one is made", path, kSecretHex));
}

std::expected<std::string, std::string> load_token(const std::string& path) {
  constexpr std::size_t kShortest = 16;
  std::ifstream file(path);
  std::string token;
  if (!file || !std::getline(file, token)) {
    return std::unexpected(fmt::format("{}: cannot be read: {}; make it with: openssl rand -hex 32 > {}", path,
                                       std::strerror(errno), path));
  }
  const bool visible = std::ranges::all_of(token, [](char c) { return c > 0x20 && c < 0x7f; });
  if (token.size() >= kShortest && visible) return token;
  return std::unexpected(fmt::format(
      "{}: the first line is no token, expected at least {} visible characters without blanks", path, kShortest));
}

}  // namespace lamplighter::app
