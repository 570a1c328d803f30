#include "lamp/model.h"

#include <algorithm>
#include <array>

namespace lamplighter::lamp {
namespace {

constexpr bool kLabels = true, kNoLabels = false;
constexpr bool kXButtons = true, kNoXButtons = false;
// No model is proven to take several keys in one document, so none gets them.
constexpr bool kOneByOne = false;

struct Colors {
  bool red, green, orange;
};
constexpr Colors kUnknown{false, false, false};
constexpr Colors kOrange{false, false, true};
constexpr Colors kRedGreen{true, true, false};
constexpr Colors kAll{true, true, true};

// Keys of the modules: a 42-key keyboard for the 3xx, 18 keys on D3 and D7, 48 on the D7C. Up to three of them is
// documented for the 3xx and assumed for the others: it only bounds how many keys are accepted.
constexpr std::uint16_t kKeyboards = 3 * 42;
constexpr std::uint16_t kModulesD3 = 3 * 18;
constexpr std::uint16_t kModulesD7 = 3 * 18;
constexpr std::uint16_t kModulesD7C = 3 * 48;

constexpr Model row(std::string_view name, std::uint16_t keys, std::uint16_t expansion, bool labels, Colors colors,
                    bool x_buttons = kXButtons) {
  return {name, keys, expansion, labels, colors.red, colors.green, colors.orange, x_buttons, kOneByOne};
}

// The one table. A Snom phone that nobody listed is taken for the largest there is.
constexpr std::array kModels = {
    row("snom190", 5, 0, kNoLabels, kUnknown),
    row("snom200", 5, 0, kNoLabels, kUnknown),
    row("snom220", 5, 0, kNoLabels, kUnknown),
    row("snom300", 6, 0, kNoLabels, kOrange),
    row("snom320", 12, kKeyboards, kNoLabels, kOrange),
    row("snom360", 12, kKeyboards, kNoLabels, kOrange),
    row("snom370", 12, kKeyboards, kNoLabels, kOrange),
    row("snom720", 18, kModulesD7, kNoLabels, kUnknown),
    row("snom725", 18, kModulesD7, kNoLabels, kUnknown),
    row("snom820", 16, 0, kNoLabels, kAll),
    row("snom821", 16, 0, kNoLabels, kAll),
    row("snomD335", 32, kModulesD3, kNoLabels, kRedGreen),
    row("snomD385", 48, kModulesD3, kLabels, kUnknown),
    row("snomD735", 32, kModulesD7C, kLabels, kRedGreen),
    row("snomD785", 24, kModulesD7C, kLabels, kUnknown),
    row("snomD862", 32, kModulesD7C, kLabels, kRedGreen),
    row("snomD865", 40, kModulesD7C, kLabels, kRedGreen),
    row("snom", 48, kModulesD7C, kNoLabels, kUnknown),
    row("generic", 48, kModulesD7C, kNoLabels, kUnknown, kNoXButtons),
};
constexpr const Model& kAnySnom = kModels[kModels.size() - 2];
constexpr const Model& kGeneric = kModels.back();

constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool same(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return lower(x) == lower(y); });
}

}  // namespace

std::span<const Model> models() { return kModels; }

const Model* model_named(std::string_view name) {
  const auto found = std::ranges::find_if(kModels, [&](const Model& model) { return same(model.name, name); });
  return found == kModels.end() ? nullptr : &*found;
}

const Model& model_of_user_agent(std::string_view user_agent) {
  // "snom370/8.4.35"; some firmware writes "snom370-SIP 8.4.35" or nothing behind the name.
  const auto name = user_agent.substr(0, user_agent.find_first_of("/- "));
  if (const Model* model = model_named(name)) return *model;
  return same(name.substr(0, kAnySnom.name.size()), kAnySnom.name) ? kAnySnom : kGeneric;
}

}  // namespace lamplighter::lamp
