#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "api/http.h"

namespace lamplighter::api {

/// Finds the handler of a request by path and method. Filled before the server starts, only read afterwards.
class Router {
 public:
  /// A segment `{name}` of the pattern stands for any text but none: "/v1/phones/{phone}". Where a literal and such a
  /// segment both match, the literal wins. A GET route answers HEAD too.
  void add(std::string method, std::string_view pattern, Handler handler);

  /// Calls the handler with the request's `params` filled, or answers 404 for an unknown path, 405 with Allow for an
  /// unknown method (RFC 9110 §15.5.6). Segments are told apart before they are decoded: "a%2Fb" is one.
  void dispatch(Request& request, Answer answer) const;

 private:
  struct Segment {
    bool named;  ///< `text` is the name of what stands here
    std::string text;
    // Literals sort first, so that the first match is the one that wins.
    friend auto operator<=>(const Segment&, const Segment&) = default;
  };
  using Pattern = std::vector<Segment>;
  using Methods = std::map<std::string, Handler, std::less<>>;

  static bool matches(const Pattern& pattern, const std::vector<std::string>& path);

  std::map<Pattern, Methods> routes_;
};

}  // namespace lamplighter::api
