#pragma once

#include <string_view>
#include <vector>

#include "lamp/model.h"
#include "lamp/x_buttons.h"

namespace lamplighter::phone {

/// The function keys of a phone, "1" to the model's last, and what was last sent for each. A block replaces its key
/// whole.
class Keyboard {
 public:
  explicit Keyboard(const lamp::Model& model);

  /// False: the phone has no such key.
  bool replace(const lamp::KeyBlock& block);
  const lamp::KeyBlock* find(std::string_view name) const;
  const std::vector<lamp::KeyBlock>& keys() const { return keys_; }

 private:
  std::vector<lamp::KeyBlock> keys_;
};

}  // namespace lamplighter::phone
