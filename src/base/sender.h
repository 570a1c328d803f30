#pragma once

#include <string_view>

#include "base/flow.h"

namespace lamplighter {

/// Puts bytes on a flow. One per worker, used only on the worker's thread. The bytes are copied or sent before the call
/// returns; UDP datagrams are collected and leave together at the end of the loop's turn.
class Sender {
 public:
  virtual ~Sender() = default;
  /// False when the flow is gone (closed connection, another generation): nothing was or will be sent.
  virtual bool send(const Flow& flow, std::string_view bytes) = 0;
};

}  // namespace lamplighter
