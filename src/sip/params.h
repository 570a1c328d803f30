#pragma once

#include <optional>
#include <string_view>

namespace lamplighter::sip {

/// Walks ";name=value;name" without allocating. Names compare without case; a value may be a token or a quoted string
/// (kept with its quotes); white space and folds around ';' and '=' are skipped.
class Params {
 public:
  Params() = default;
  /// `text` starts at the first ';' or is empty.
  explicit Params(std::string_view text) : text_(text) {}

  struct Param {
    std::string_view name;
    std::string_view value;
    bool has_value = false;
  };

  /// nullopt when absent; an empty view when present without a value (";lr").
  std::optional<std::string_view> get(std::string_view name) const;
  bool has(std::string_view name) const { return get(name).has_value(); }
  std::string_view text() const { return text_; }

  /// Takes the next parameter off `rest`; nullopt at the end or where the text is malformed.
  static std::optional<Param> next(std::string_view& rest);

 private:
  std::string_view text_;
};

}  // namespace lamplighter::sip
