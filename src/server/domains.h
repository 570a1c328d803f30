#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/flow.h"
#include "sip/uri.h"

namespace lamplighter::server {

/// Which hosts are this server (RFC 3261 §16.4, "the domain this element is responsible for"), and how addresses of
/// record are named. A phone may register as 101@pbx.example.com and be called as 101@192.0.2.5: every name and address
/// of the server that is not a configured domain of its own stands for the first domain.
class Domains {
 public:
  /// `names`: configured domains; the first is the default ("localhost" when there is none).
  /// `addresses`: the machine's own; `ports`: those listened on.
  Domains(std::vector<std::string> names, std::vector<IpAddress> addresses, std::vector<std::uint16_t> ports);

  /// A URI without a port names the domain; with one, it must be a port we listen on (127.0.0.1:40001 is a phone on the
  /// same machine). `arrival`: the address the request came in on is ours, whatever the machine's list says.
  bool is_ours(const sip::Uri& uri, const Flow& arrival) const;
  bool is_ours(std::string_view host, std::uint16_t port, const Flow& arrival) const;

  /// "101@localhost": the key of the location table. Cleared first. The URI's host is one of ours.
  void canonical_aor(const sip::Uri& uri, std::string& out) const;

  const std::string& default_domain() const { return names_.front(); }

 private:
  bool has_name(std::string_view host) const;

  std::vector<std::string> names_;  ///< lower case
  std::vector<IpAddress> addresses_;
  std::vector<std::uint16_t> ports_;
};

}  // namespace lamplighter::server
