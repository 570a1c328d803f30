#include "load/kernel.h"

#include <unistd.h>

#include <charconv>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string>

namespace lamplighter::load {
namespace {

namespace fs = std::filesystem;

std::string contents(const fs::path& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return std::move(text).str();
}

std::string_view next_word(std::string_view& rest) {
  const auto from = rest.find_first_not_of(" \t");
  if (from == std::string_view::npos) return rest = {};
  rest.remove_prefix(from);
  const auto word = rest.substr(0, rest.find_first_of(" \t"));
  rest.remove_prefix(word.size());
  return word;
}

std::string_view next_line(std::string_view& rest) {
  const auto line = rest.substr(0, rest.find('\n'));
  rest.remove_prefix(std::min(rest.size(), line.size() + 1));
  return line;
}

std::optional<std::uint64_t> number(std::string_view text, int base = 10) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc{} || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

// /proc/net/udp: "sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode …"; ports in hex.
void collect_inodes(const fs::path& table, std::uint16_t port, std::set<std::string, std::less<>>& inodes) {
  const auto text = contents(table);
  std::string_view rest = text;
  next_line(rest);
  while (!rest.empty()) {
    auto line = next_line(rest);
    next_word(line);
    const auto local = next_word(line);
    const auto remote = next_word(line);
    const auto colon = local.rfind(':');
    if (colon == std::string_view::npos || number(local.substr(colon + 1), 16) != port) continue;
    if (!remote.ends_with(":0000")) continue;  // connected: somebody's client socket, not the server's
    for (int skip = 0; skip < 6; ++skip) next_word(line);
    inodes.emplace(next_word(line));
  }
}

bool has_socket(const fs::path& descriptors, const std::set<std::string, std::less<>>& inodes) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(descriptors, error)) {
    const auto target = fs::read_symlink(entry.path(), error).string();
    if (!target.starts_with("socket:[")) continue;
    if (inodes.contains(std::string_view(target).substr(8, target.size() - 9))) return true;
  }
  return false;
}

}  // namespace

std::optional<std::uint64_t> ticks_of_stat(std::string_view line) {
  const auto name_end = line.rfind(')');
  if (name_end == std::string_view::npos) return std::nullopt;
  line.remove_prefix(name_end + 1);
  for (int skip = 0; skip < 11; ++skip) next_word(line);  // state is field 3, utime 14, stime 15
  const auto user = number(next_word(line));
  const auto system = number(next_word(line));
  if (!user || !system) return std::nullopt;
  return *user + *system;
}

std::optional<std::chrono::nanoseconds> cpu_of(pid_t pid) {
  const auto ticks = ticks_of_stat(contents(fs::path("/proc") / std::to_string(pid) / "stat"));
  if (!ticks) return std::nullopt;
  const auto per_second = static_cast<std::uint64_t>(sysconf(_SC_CLK_TCK));
  return std::chrono::nanoseconds{*ticks * (1'000'000'000 / per_second)};
}

std::optional<Memory> memory_in(std::string_view rollup) {
  std::optional<std::uint64_t> rss, pss;  // "Rss:     12345 kB"
  while (!rollup.empty()) {
    auto line = next_line(rollup);
    const auto name = next_word(line);
    if (name == "Rss:") rss = number(next_word(line));
    if (name == "Pss:") pss = number(next_word(line));
  }
  if (!rss || !pss) return std::nullopt;
  return Memory{*rss * 1024, *pss * 1024};
}

std::optional<Memory> memory_of(pid_t pid) {
  return memory_in(contents(fs::path("/proc") / std::to_string(pid) / "smaps_rollup"));
}

std::optional<pid_t> owner_of_udp(const SocketAddress& address) {
  std::set<std::string, std::less<>> inodes;
  collect_inodes("/proc/net/udp", address.port, inodes);
  collect_inodes("/proc/net/udp6", address.port, inodes);
  if (inodes.empty()) return std::nullopt;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator("/proc", error)) {
    const auto pid = number(entry.path().filename().string());
    if (pid && has_socket(entry.path() / "fd", inodes)) return static_cast<pid_t>(*pid);
  }
  return std::nullopt;
}

std::uint64_t receive_buffer_errors_in(std::string_view snmp) {
  std::string_view names;
  while (!snmp.empty()) {
    auto line = next_line(snmp);
    if (!line.starts_with("Udp:")) continue;
    if (names.empty()) {
      names = line;
      continue;
    }
    while (!names.empty()) {
      const auto name = next_word(names);
      const auto value = next_word(line);
      if (name == "RcvbufErrors") return number(value).value_or(0);
    }
  }
  return 0;
}

std::uint64_t receive_buffer_errors() {
  auto total = receive_buffer_errors_in(contents("/proc/net/snmp"));
  const auto six = contents("/proc/net/snmp6");
  std::string_view rest = six;
  while (!rest.empty()) {
    auto line = next_line(rest);
    if (next_word(line) == "Udp6RcvbufErrors") total += number(next_word(line)).value_or(0);
  }
  return total;
}

}  // namespace lamplighter::load
