#pragma once

#include <boost/json/object.hpp>
#include <cstddef>
#include <string_view>

#include "base/clock.h"
#include "lamp/phones.h"
#include "location/location.h"

namespace lamplighter::api {

/// A page of all phones that are registered or have keys, by address of record: those behind `after`, at most `limit`.
/// Looks at every phone, keeps only the page.
boost::json::object list_phones(const lamp::Phones& phones, const location::Location& location, WallTime now,
                                std::string_view after, std::size_t limit);

}  // namespace lamplighter::api
