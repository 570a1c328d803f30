#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace lamplighter::load {

/// What one block of an application/x-buttons document says about a key: the lines k=, c= and l=.
struct LampBlock {
  std::string_view key, light, label;
};

/// The lamps and labels of one virtual phone, as it was told to show them. Small: there are many phones.
class Lamps {
 public:
  struct Lamp {
    std::string key, light, label;
  };

  /// Takes one block over; it replaces the key's whole state.
  void show(const LampBlock& block);
  /// nullptr: never heard of this key.
  const Lamp* find(std::string_view key) const;
  /// The phone booted.
  void forget() { lamps_.clear(); }

 private:
  std::vector<Lamp> lamps_;
};

/// The blocks of a document, read the way phones do: lines end in CRLF or LF, an empty line starts the next block, and
/// letters nobody knows are passed over. A block without k= is left out.
std::vector<LampBlock> blocks_of(std::string_view body);

}  // namespace lamplighter::load
