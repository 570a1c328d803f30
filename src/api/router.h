#pragma once

#include <map>
#include <string>
#include <string_view>

#include "api/http.h"

namespace lamplighter::api {

/// Finds the handler of a request by path and method. Filled before the server starts, only read afterwards.
class Router {
 public:
  /// A GET route answers HEAD too.
  void add(std::string method, std::string path, Handler handler);

  /// Calls the handler, or answers 404 for an unknown path, 405 with Allow for an unknown method (RFC 9110 §15.5.6).
  void dispatch(const Request& request, Answer answer) const;

 private:
  using Methods = std::map<std::string, Handler, std::less<>>;
  std::map<std::string, Methods, std::less<>> paths_;
};

}  // namespace lamplighter::api
