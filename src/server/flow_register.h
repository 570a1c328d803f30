#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "base/flow.h"

namespace lamplighter::server {

/// Which addresses of record were registered over each connection of a worker: whom its end concerns. UDP is not noted.
class FlowRegister {
 public:
  using Aors = std::set<std::string, std::less<>>;

  void note(const Flow& flow, std::string_view aor) {
    if (is_gone(flow) || !is_reliable(flow.kind)) return;
    auto& aors = by_flow_[key_of(flow)];
    if (!aors.contains(aor)) aors.emplace(aor);
  }
  /// And forgets them.
  Aors take(const Flow& flow) {
    auto node = by_flow_.extract(key_of(flow));
    return node ? std::move(node.mapped()) : Aors{};
  }
  std::size_t size() const { return by_flow_.size(); }

 private:
  static std::uint64_t key_of(const Flow& flow) { return (std::uint64_t{flow.generation} << 32) | flow.connection; }

  std::unordered_map<std::uint64_t, Aors> by_flow_;
};

}  // namespace lamplighter::server
