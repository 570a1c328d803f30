#include "base/flow.h"

namespace lamplighter {

std::string_view name_of(TransportKind kind) {
  switch (kind) {
    case TransportKind::kUdp: return "UDP";
    case TransportKind::kTcp: return "TCP";
    case TransportKind::kTls: return "TLS";
    case TransportKind::kWs: return "WS";
    case TransportKind::kWss: return "WSS";
  }
  return "UDP";
}

}  // namespace lamplighter
