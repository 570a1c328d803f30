#include "base/bind_error.h"

#include <fmt/format.h>

#include <cerrno>
#include <system_error>

namespace lamplighter {
namespace {

std::string advice(const SocketAddress& address, SocketKind kind, int error) {
  switch (error) {
    case EADDRINUSE:
      return fmt::format("; another program has this port, `ss -l{}np 'sport = :{}'` shows which",
                         kind == SocketKind::kDatagram ? 'u' : 't', address.port);
    case EACCES: return "; ports below 1024 are for root and programs with CAP_NET_BIND_SERVICE";
    case EADDRNOTAVAIL:
      return fmt::format("; no interface of this machine has the address {}, `ip address` lists what there is",
                         address.ip.to_string());
    case EAFNOSUPPORT: return address.ip.is_v6() ? "; IPv6 is switched off on this machine" : "";
    case EMFILE: return "; too many open files, see `ulimit -n`";
    default: return "";
  }
}

}  // namespace

std::string bind_error(std::string_view listener, const SocketAddress& address, SocketKind kind, int error) {
  std::string what = std::system_category().message(error);
  if (!what.empty() && what[0] >= 'A' && what[0] <= 'Z') what[0] = static_cast<char>(what[0] | 0x20);
  return fmt::format("{}: {}{}", listener, what, advice(address, kind, error));
}

}  // namespace lamplighter
