#pragma once

#include <functional>

#include "service/lamp_desk.h"
#include "store/store.h"

namespace lamplighter::server {

/// The desk's way to the store, and to the workers. Both outlive the desk.
service::LampDesk::Hooks desk_hooks(store::Store& store, std::function<void(const lamp::Wake&)> wake);

}  // namespace lamplighter::server
