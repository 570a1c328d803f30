#pragma once

#include <boost/json/object.hpp>
#include <cstddef>
#include <string_view>

#include "base/clock.h"
#include "lamp/phones.h"
#include "location/location.h"

namespace lamplighter::api {

struct PhoneList {
  std::string_view after;    ///< only phones behind this address of record
  std::size_t limit = 0;     ///< at most so many
  bool unconfirmed = false;  ///< only phones that are registered and have not confirmed everything
};

/// A page of all phones that are registered or have keys, by address of record. Looks at every phone, keeps only the
/// page.
boost::json::object list_phones(const lamp::Phones& phones, const location::Location& location, WallTime now,
                                const PhoneList& wanted);

}  // namespace lamplighter::api
