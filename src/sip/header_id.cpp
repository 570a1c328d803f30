#include "sip/header_id.h"

#include <array>

#include "sip/chars.h"

namespace lamplighter::sip {
namespace {

struct Name {
  std::string_view text;
  char compact = 0;  // RFC 3261 §7.3.3 and the registry of header fields
};

// In the order of HeaderId.
constexpr auto kNames = std::to_array<Name>({
    {""},
    {"Accept"},
    {"Alert-Info"},
    {"Allow"},
    {"Allow-Events", 'u'},
    {"Authentication-Info"},
    {"Authorization"},
    {"Call-ID", 'i'},
    {"Contact", 'm'},
    {"Content-Disposition"},
    {"Content-Encoding", 'e'},
    {"Content-Length", 'l'},
    {"Content-Type", 'c'},
    {"CSeq"},
    {"Date"},
    {"Event", 'o'},
    {"Expires"},
    {"From", 'f'},
    {"Max-Forwards"},
    {"Min-Expires"},
    {"Path"},
    {"Proxy-Authenticate"},
    {"Proxy-Authorization"},
    {"Proxy-Require"},
    {"Record-Route"},
    {"Refer-To", 'r'},
    {"Require"},
    {"Retry-After"},
    {"Route"},
    {"Server"},
    {"Subject", 's'},
    {"Subscription-State"},
    {"Supported", 'k'},
    {"Timestamp"},
    {"To", 't'},
    {"Unsupported"},
    {"User-Agent"},
    {"Via", 'v'},
    {"Warning"},
    {"WWW-Authenticate"},
});
static_assert(kNames.size() == static_cast<std::size_t>(HeaderId::kCount_));

constexpr auto kCompact = [] {
  std::array<HeaderId, 26> table{};
  for (std::size_t id = 1; id < kNames.size(); ++id) {
    if (kNames[id].compact) table[static_cast<std::size_t>(kNames[id].compact - 'a')] = static_cast<HeaderId>(id);
  }
  return table;
}();

constexpr std::size_t kSlots = 256;

// Length, first, middle and last letter tell all names apart; the multipliers are searched for by the compiler.
struct Hash {
  unsigned first = 0;
  unsigned middle = 0;

  constexpr std::size_t operator()(std::string_view name) const {
    const auto letter = [](char c) { return static_cast<unsigned>(static_cast<unsigned char>(chars::lower(c))); };
    return (letter(name.front()) * first + letter(name[name.size() / 2]) * middle + letter(name.back()) +
            static_cast<unsigned>(name.size()) * 8) %
           kSlots;
  }
};

constexpr bool is_perfect(Hash hash) {
  std::array<bool, kSlots> taken{};
  for (std::size_t id = 1; id < kNames.size(); ++id) {
    auto& slot = taken[hash(kNames[id].text)];
    if (slot) return false;
    slot = true;
  }
  return true;
}

constexpr Hash kHash = [] {
  for (unsigned first = 1; first < 64; ++first) {
    for (unsigned middle = 1; middle < 64; ++middle) {
      if (is_perfect({first, middle})) return Hash{first, middle};
    }
  }
  return Hash{};
}();
static_assert(is_perfect(kHash), "give the hash more slots");

constexpr auto kTable = [] {
  std::array<HeaderId, kSlots> table{};
  for (std::size_t id = 1; id < kNames.size(); ++id) table[kHash(kNames[id].text)] = static_cast<HeaderId>(id);
  return table;
}();

}  // namespace

HeaderId header_id_from(std::string_view name) {
  if (name.size() < 2) {
    if (name.empty() || !chars::is_alpha(name[0])) return HeaderId::kOther;
    return kCompact[static_cast<std::size_t>(chars::lower(name[0]) - 'a')];
  }
  const auto id = kTable[kHash(name)];
  const auto known = kNames[static_cast<std::size_t>(id)].text;
  if (known.size() != name.size()) return HeaderId::kOther;
  if (known == name) return id;
  for (std::size_t at = 0; at < name.size(); ++at) {
    if (chars::lower(name[at]) != chars::lower(known[at])) return HeaderId::kOther;
  }
  return id;
}

std::string_view name_of(HeaderId id) { return kNames[static_cast<std::size_t>(id)].text; }

}  // namespace lamplighter::sip
