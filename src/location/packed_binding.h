#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/flow.h"
#include "location/binding.h"
#include "location/shared_texts.h"

namespace lamplighter::location {

/// A binding whose texts lie elsewhere: in a Binding, or packed in a shard. Good while nothing of that is changed.
struct BindingView {
  std::string_view uri;
  std::string_view instance;
  std::uint32_t reg_id = 0;
  std::string_view call_id;
  std::uint32_t cseq = 0;
  std::string_view user_agent;
  std::string_view path;
  std::int16_t q = 1000;
  Flow flow;
  WallTime registered{};
  WallTime refreshed{};
  WallTime expires{};
  bool moved = false;  ///< Location::restore(): the flow on record is another

  /// Over what is there: its strings are reused.
  void copy_to(Binding& out) const;
};

BindingView view_of(const Binding& binding);

/// Appends a binding in about a hundred bytes plus its URI and Call-ID. What phones have in common (User-Agent, the
/// local end of the flow) becomes a number in `shared`, of which the packed binding is a user until unshare().
void pack(const BindingView& binding, SharedTexts& shared, std::string& out);

/// One packed binding at `at`, and where the next one begins.
struct Packed {
  std::string_view bytes;  ///< all of it, as pack() wrote it

  static Packed at(const char* begin);
  const char* end() const { return bytes.data() + bytes.size(); }

  std::string_view uri() const;
  BindingView view(const SharedTexts& shared) const;
  void unshare(SharedTexts& shared) const;
};

}  // namespace lamplighter::location
