#pragma once

#include <string>

#include "phone/event.h"

namespace lamplighter::phone {

/// One JSON object without a line end: {"t":1.500,"event":"key","key":"2","light":"on",…}. `t` is in seconds; fields
/// that do not belong to the event's type are left out.
std::string to_json(const Event& event);

/// The same for people: "key 2: on, 'Light is on', dials 432".
std::string to_text(const Event& event);

}  // namespace lamplighter::phone
