#include "load/ledger.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace lamplighter::load {
namespace {

const std::string& text_in(const Ledger::Keys& keys, const std::string& name) {
  static const std::string kNone;
  const auto place = keys.find(name);
  return place == keys.end() ? kNone : place->second;
}

}  // namespace

void Ledger::writes(const Keys& keys, bool whole) {
  writing_.clear();
  for (const auto& [name, text] : keys) {
    auto [place, fresh] = keys_.try_emplace(name, States{std::string()});
    place->second.push_back(text);
    writing_.push_back(name);
  }
  if (!whole) return;
  for (auto& [name, states] : keys_) {
    if (keys.contains(name)) continue;
    states.emplace_back();
    writing_.push_back(name);
  }
}

void Ledger::written() {
  for (const auto& name : writing_) forget_older(keys_.at(name));
  writing_.clear();
}

void Ledger::unwritten() {
  for (const auto& name : writing_) keys_.at(name).pop_back();
  writing_.clear();
}

void Ledger::registers(bool on) { registration_.push_back(on); }

void Ledger::registered() { registration_.erase(registration_.begin(), registration_.end() - 1); }

// A registration that could not be stored is not in force (decision 004), but may have reached the disk.
void Ledger::unregistered_as_before() { registration_.push_back(*(registration_.end() - 2)); }

std::string Ledger::in_force(std::string_view key) const {
  const auto place = keys_.find(key);
  return place == keys_.end() ? std::string() : place->second.back();
}

bool Ledger::is_certain(std::string_view key) const {
  const auto place = keys_.find(key);
  return place == keys_.end() ||
         std::ranges::all_of(place->second, [&](const auto& state) { return state == place->second.back(); });
}

std::optional<std::string> Ledger::check(const Keys& found, bool registered) const {
  if (std::ranges::find(registration_, registered) == registration_.end()) {
    return registered ? "is registered, though it was acknowledged that it is not"
                      : "is not registered, though it was acknowledged";
  }
  for (const auto& [name, text] : found) {
    if (!keys_.contains(name)) return fmt::format("key {} shows \"{}\", though nobody ever set it", name, text);
  }
  for (const auto& [name, states] : keys_) {
    if (std::ranges::find(states, text_in(found, name)) != states.end()) continue;
    return fmt::format("key {} is \"{}\"; possible after what was acknowledged: \"{}\"", name, text_in(found, name),
                       fmt::join(states, "\", \""));
  }
  // A write of several keys that was under way, when nothing else is in doubt: all of it or nothing.
  std::optional<bool> took_effect;
  for (const auto& name : writing_) {
    const auto& states = keys_.at(name);
    if (states.size() != 2) return std::nullopt;
    if (states[0] == states[1]) continue;
    const bool here = text_in(found, name) == states[1];
    if (took_effect && *took_effect != here) {
      return fmt::format("only some keys of one write are there: key {} {}", name, here ? "is" : "is not");
    }
    took_effect = here;
  }
  return std::nullopt;
}

void Ledger::adopt(const Keys& found, bool registered) {
  registration_ = {registered};
  for (auto& [name, states] : keys_) states = {text_in(found, name)};
  writing_.clear();
}

}  // namespace lamplighter::load
