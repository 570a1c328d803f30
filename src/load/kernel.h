#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/address.h"

// What the kernel knows about the run, read from /proc.
namespace lamplighter::load {

/// Processor time a process has used so far, all threads, user and system; nullopt when there is no such process.
std::optional<std::chrono::nanoseconds> cpu_of(pid_t pid);
/// utime + stime of a line of /proc/PID/stat, in clock ticks. The program's name in it may hold blanks and brackets.
std::optional<std::uint64_t> ticks_of_stat(std::string_view line);

/// Memory of a process, in bytes.
struct Memory {
  std::uint64_t rss = 0;  ///< resident, pages shared with others included
  std::uint64_t pss = 0;  ///< its share: a page that n processes have counts 1/n
};
/// From /proc/PID/smaps_rollup; nullopt when it cannot be read: no such process, or somebody else's.
std::optional<Memory> memory_of(pid_t pid);
/// The `Rss` and `Pss` lines of such a file.
std::optional<Memory> memory_in(std::string_view rollup);

/// The process that has a UDP socket on this address (or on any address with its port); nullopt when it cannot be seen.
std::optional<pid_t> owner_of_udp(const SocketAddress& address);

/// Datagrams the kernel threw away so far because a receive buffer was full: the whole machine, IPv4 and IPv6.
std::uint64_t receive_buffer_errors();
/// The `RcvbufErrors` column of /proc/net/snmp.
std::uint64_t receive_buffer_errors_in(std::string_view snmp);

}  // namespace lamplighter::load
