#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "lamp/key.h"

namespace lamplighter::service {

/// Dialled numbers that are not calls but orders to a lamp: the tutorial's 431–440 (PROTOCOL §1). An immutable
/// snapshot; a reload makes a new one.
struct DialPlanSettings {
  bool enabled = true;
  std::string user_agent = "snom";            ///< must occur in User-Agent, case-sensitive; empty: every phone
  std::map<std::string, lamp::Light> lights;  ///< number → light
  lamp::KeyName key = "2";
  std::string number = "432";  ///< what the key dials afterwards
  std::string label = "Light is {light}";
  lamp::Press press = lamp::Press::kInvite;
};

class DialPlan {
 public:
  explicit DialPlan(DialPlanSettings settings);

  struct Order {
    lamp::KeyName name;
    lamp::Key key;
  };
  /// What an INVITE to `user` (unescaped) from this User-Agent orders; nullptr: it is a call. Valid as long as the
  /// plan.
  const Order* match(std::string_view user_agent, std::string_view user) const;

 private:
  DialPlanSettings settings_;
  std::map<std::string, Order, std::less<>> orders_;
};

}  // namespace lamplighter::service
