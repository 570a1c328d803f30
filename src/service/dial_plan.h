#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "lamp/key.h"
#include "lamp/phones.h"

namespace lamplighter::service {

/// Dialled numbers that are not calls but orders to a lamp: the tutorial's 431–440 (PROTOCOL §1). An immutable
/// snapshot; a reload makes a new one.
struct DialPlanSettings {
  bool enabled = true;
  std::string user_agent = "snom";            ///< must occur in User-Agent, case-sensitive; empty: every phone
  std::map<std::string, lamp::Light> lights;  ///< number → light
  std::set<std::string> toggles;              ///< numbers that flip the light between on and off
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
    std::optional<lamp::Key> off;  ///< a toggle: `key` for a dark lamp, this for a lit one
    lamp::Edit edit() const;
  };
  /// What an INVITE to `user` (unescaped) from this User-Agent orders; nullptr: it is a call. Valid as long as the
  /// plan.
  const Order* match(std::string_view user_agent, std::string_view user) const;
  /// What this number orders, whoever dials it: for keys of phones that have one.
  const Order* find(std::string_view user) const;

 private:
  DialPlanSettings settings_;
  std::map<std::string, Order, std::less<>> orders_;
};

}  // namespace lamplighter::service
