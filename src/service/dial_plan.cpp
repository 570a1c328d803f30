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

lamp::Key key_of(const DialPlanSettings& settings, lamp::Light light) {
  return {.light = light,
          .color = {},
          .label = with_light(settings.label, light),
          .number = settings.number,
          .press = settings.press};
}

}  // namespace

lamp::Edit DialPlan::Order::edit() const {
  const auto kind = off ? lamp::Edit::Kind::kToggle : lamp::Edit::Kind::kSet;
  return {.name = name, .kind = kind, .key = &key, .off = off ? &*off : nullptr};
}

DialPlan::DialPlan(DialPlanSettings settings) : settings_(std::move(settings)) {
  for (const auto& [number, light] : settings_.lights) {
    orders_[number] = {settings_.key, key_of(settings_, light), std::nullopt};
  }
  for (const auto& number : settings_.toggles) {
    orders_[number] = {settings_.key, key_of(settings_, lamp::Light::kOn), key_of(settings_, lamp::Light::kOff)};
  }
}

const DialPlan::Order* DialPlan::match(std::string_view user_agent, std::string_view user) const {
  if (user_agent.find(settings_.user_agent) == std::string_view::npos) return nullptr;
  return find(user);
}

const DialPlan::Order* DialPlan::find(std::string_view user) const {
  if (!settings_.enabled) return nullptr;
  const auto found = orders_.find(user);
  return found == orders_.end() ? nullptr : &found->second;
}

}  // namespace lamplighter::service
