#include "transport/connection_budget.h"

#include <algorithm>

namespace lamplighter::transport {
namespace {

IpAddress source_of(const IpAddress& address) {
  if (address.is_v4()) return address;
  auto bytes = address.bytes();
  std::fill(bytes.begin() + 8, bytes.end(), std::uint8_t{0});
  return IpAddress::v6(bytes);
}

}  // namespace

ConnectionBudget::Admission ConnectionBudget::admit(const IpAddress& source) {
  return sources_.with([&](auto& sources) {
    if (total_ >= limits_.total) return Admission::kTooMany;
    if (unproven_ >= limits_.unproven) return Admission::kTooManyUnproven;
    auto& count = sources[source_of(source)];
    if (count >= limits_.per_source) return Admission::kTooManyOfSource;
    ++count;
    ++total_;
    ++unproven_;
    return Admission::kWelcome;
  });
}

void ConnectionBudget::release(const IpAddress& source, bool was_proven) {
  sources_.with([&](auto& sources) {
    if (const auto found = sources.find(source_of(source)); found != sources.end() && --found->second == 0) {
      sources.erase(found);
    }
    --total_;
    if (!was_proven) --unproven_;
  });
}

}  // namespace lamplighter::transport
