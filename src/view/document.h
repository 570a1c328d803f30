#pragma once

#include <boost/json/kind.hpp>
#include <boost/json/object.hpp>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

// Reading what a server answered, for showing it: members that are missing or of another type read as nothing, since a
// server may be older or newer. Text comes out safe to print, whatever a phone put into it.
namespace lamplighter::view {

/// Text without control characters and broken bytes: they become '?', so that nothing steers the terminal.
std::string clean(std::string_view text);

/// The document of an answer. The error says what was expected: `member`, which every such document has, as a value of
/// that kind.
std::expected<boost::json::object, std::string> parse_document(std::string_view text, std::string_view member,
                                                               boost::json::kind kind = boost::json::kind::array);

/// The text of a member, clean(); empty when there is none.
std::string text_of(const boost::json::object& object, std::string_view member);
std::int64_t number_of(const boost::json::object& object, std::string_view member);
double real_of(const boost::json::object& object, std::string_view member);
bool is(const boost::json::object& object, std::string_view member);
/// The object of a member; none when it is null or missing.
const boost::json::object* object_of(const boost::json::object& object, std::string_view member);
/// The objects of an array, in its order.
std::vector<const boost::json::object*> objects_of(const boost::json::object& object, std::string_view member);

/// What a server that does not do it says, in one line: the detail of a problem (RFC 9457), or what there is.
std::string problem_line(unsigned status, std::string_view body);

}  // namespace lamplighter::view
