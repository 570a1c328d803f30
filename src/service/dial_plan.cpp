#include "service/dial_plan.h"

namespace lamplighter::service {
namespace {

std::string with_light(std::string text, lamp::Light light) {
  constexpr std::string_view kPlace = "{light}";
  for (auto at = text.find(kPlace); at != std::string::npos; at = text.find(kPlace, at)) {
    text.replace(at, kPlace.size(), lamp::name_of(light));
    at += lamp::name_of(light).size();
  }
  return text;
}

}  // namespace

DialPlan::DialPlan(DialPlanSettings settings) : settings_(std::move(settings)) {
  for (const auto& [number, light] : settings_.lights) {
    orders_[number] = Order{settings_.key, lamp::Key{.light = light,
                                                     .color = {},
                                                     .label = with_light(settings_.label, light),
                                                     .number = settings_.number,
                                                     .press = settings_.press}};
  }
}

const DialPlan::Order* DialPlan::match(std::string_view user_agent, std::string_view user) const {
  if (!settings_.enabled || user_agent.find(settings_.user_agent) == std::string_view::npos) return nullptr;
  const auto found = orders_.find(user);
  return found == orders_.end() ? nullptr : &found->second;
}

}  // namespace lamplighter::service
