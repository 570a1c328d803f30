#pragma once

#include <boost/json/object.hpp>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/address.h"

namespace lamplighter::api {

using Headers = std::vector<std::pair<std::string, std::string>>;

/// A whole HTTP request, within the server's limits.
struct Request {
  std::string method;    ///< "GET"
  std::string path;      ///< percent-decoded, "/v1/phones/a/b"; UTF-8 without control characters
  std::string raw_path;  ///< as sent, "/v1/phones/a%2Fb"
  std::string query;     ///< as sent, without the "?"
  Headers headers;
  std::string body;
  SocketAddress remote;
  /// What stands for the `{name}` segments of the route's pattern, percent-decoded; filled by the router.
  Headers params;

  /// The first header of this name (any case), or empty.
  std::string_view header(std::string_view name) const;
  /// The text of the `{name}` segment; the route has one.
  std::string_view param(std::string_view name) const;
};

struct Response {
  unsigned status = 200;
  std::string content_type = "application/json";
  std::string body;
  Headers headers;
};

/// A 200 with this document.
Response json(const boost::json::object& document);

/// An error as a problem document (RFC 9457): type, title and status, `detail` for people, `extra` members for
/// programs.
Response problem(unsigned status, std::string_view detail, boost::json::object extra = {});

/// What is wrong with one part of a request.
struct Fault {
  std::string field;  ///< "color", "keys.2.color", "wait", "phone"
  std::string what;   ///< for people: what is there and what was expected
  unsigned status = 400;
};
/// With the member `field`.
Response problem(const Fault& fault);

/// Text from outside for a message: in quotes, cut when long, without what a terminal would obey.
std::string quoted(std::string_view text);

/// Where a handler puts its response: once, now or later, on any thread. Dropped unused, it answers 500 by itself, so
/// no client waits for ever.
class Answer {
 public:
  explicit Answer(std::move_only_function<void(Response)> send) : send_(std::move(send)) {}
  Answer(Answer&& other) noexcept : send_(std::exchange(other.send_, nullptr)) {}
  Answer& operator=(Answer&&) = delete;
  ~Answer();

  void operator()(Response response);

 private:
  std::move_only_function<void(Response)> send_;
};

/// Called on the server's thread; must not block. The request lives only during the call.
using Handler = std::function<void(const Request&, Answer)>;

}  // namespace lamplighter::api
