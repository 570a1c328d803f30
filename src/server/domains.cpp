#include "server/domains.h"

#include <algorithm>

#include "sip/headers.h"

namespace lamplighter::server {

Domains::Domains(std::vector<std::string> names, std::vector<IpAddress> addresses, std::vector<std::uint16_t> ports)
    : names_(std::move(names)), addresses_(std::move(addresses)), ports_(std::move(ports)) {
  if (names_.empty()) names_.emplace_back("localhost");
  for (auto& name : names_) {
    std::ranges::transform(name, name.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  }
}

bool Domains::has_name(std::string_view host) const {
  return std::ranges::any_of(names_, [&](const std::string& name) { return sip::iequals(name, host); });
}

bool Domains::is_ours(const sip::Uri& uri, const Flow& arrival) const {
  return uri.is_sip() && is_ours(uri.host, uri.port, arrival);
}

bool Domains::is_ours(std::string_view host, std::uint16_t port, const Flow& arrival) const {
  if (port != 0 && port != arrival.local.port && std::ranges::find(ports_, port) == ports_.end()) return false;
  if (has_name(host) || sip::iequals(host, "localhost")) return true;
  const auto ip = IpAddress::read(host);
  if (!ip) return false;
  return *ip == arrival.local.ip || std::ranges::find(addresses_, *ip) != addresses_.end();
}

void Domains::canonical_aor(const sip::Uri& uri, std::string& out) const {
  sip::canonical_aor(uri, out);
  const auto at = out.rfind('@');
  if (at == std::string::npos || has_name(std::string_view(out).substr(at + 1))) return;
  out.replace(at + 1, std::string::npos, names_.front());
}

}  // namespace lamplighter::server
