#pragma once

#include <boost/json/object.hpp>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace lamplighter::view {

/// Tells the new entries of a key's history from those seen in the document before: the API gives the whole ring each
/// time.
class HistoryTail {
 public:
  /// The entries that were not in the document before, oldest first. When the last one seen is gone, because more came
  /// than the ring holds or the server was started anew, all of them.
  std::expected<std::vector<boost::json::object>, std::string> fresh(std::string_view document);

 private:
  boost::json::object last_;
};

/// A key's history as lines: time, event, latency, origin or contact, Call-ID.
class HistoryTable {
 public:
  /// `width`: of the terminal; a Call-ID that does not fit gets a line of its own. 0: every entry is one line.
  explicit HistoryTable(int width) : width_(width) {}

  static std::string header();
  std::string row(const boost::json::object& entry) const;

 private:
  int width_;
};

}  // namespace lamplighter::view
