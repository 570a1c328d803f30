#pragma once

#include <boost/json/object.hpp>
#include <expected>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/http.h"
#include "lamp/key.h"
#include "lamp/keyboard.h"

// Keys as they stand in bodies: {"light":"on","color":"red","label":"Night","number":"432","action":"invite"}, all but
// `light` optional. What one reads the other writes.
namespace lamplighter::api {

/// Reads the body of a single key. `max_value`: bytes of a label or number.
std::expected<lamp::Key, Fault> read_key(std::string_view body, std::size_t max_value);

/// Reads the body of a whole keyboard: {"keys":{"1":{"light":"on"},"2":{…}}}. Keys come in the order of the body.
std::expected<std::vector<std::pair<lamp::KeyName, lamp::Key>>, Fault> read_keyboard(std::string_view body,
                                                                                     std::size_t max_value);

boost::json::object json_of(const lamp::Key& key);
boost::json::object json_of(const lamp::Look& look);

}  // namespace lamplighter::api
