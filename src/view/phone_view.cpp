#include "view/phone_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "lamp/key.h"
#include "lamp/keyboard.h"
#include "phone/panel.h"
#include "phone/text_width.h"
#include "view/document.h"
#include "view/words.h"

namespace lamplighter::view {
namespace {

namespace json = boost::json;
using phone::fit;
using phone::text_width;

constexpr int kMinWidth = 64;
constexpr int kMaxWidth = 110;   // wider, the eye loses the row
constexpr int kStateWidth = 30;  // "answered 503, next try in 12 s"
constexpr int kMaxName = 12;

std::string blanks(int count) { return std::string(static_cast<std::size_t>(std::max(count, 0)), ' '); }

std::string rule(int count) {
  std::string out;
  for (int i = 0; i < count; ++i) out += "─";
  return out;
}

std::string_view ansi_of(std::string_view state) {
  if (state == "confirmed") return "\x1b[32m";
  return state == "refused" || state == "unreachable" ? "\x1b[91m" : "\x1b[33m";
}

/// "→ 432": what a press does; empty when it does nothing.
std::string press_text(const json::object& key) {
  const auto number = text_of(key, "number");
  const auto action = text_of(key, "action");
  if (number.empty()) return action == "toggle" ? "⇄" : "";
  return fmt::format("{} {}", action == "message" ? "»" : action == "toggle" ? "⇄" : "→", number);
}

/// "Light is on → 432" in exactly `room` columns; the label gives way first.
std::string label_and_press(std::string_view label, std::string_view press, int room) {
  if (label.empty() || press.empty()) return fit(label.empty() ? press : label, room);
  const int press_width = std::min(text_width(press), room / 2);
  const int label_width = std::min(text_width(label), room - press_width - 1);
  return fit(fmt::format("{} {}", fit(label, label_width), fit(press, press_width)), room);
}

class PhonePanel {
 public:
  PhonePanel(const json::object& phone, const Screen& screen, WallTime now);
  std::string draw() const;

 private:
  std::string title() const;
  std::string contact_lines() const;
  std::string key_lines(const json::object& key) const;

  std::vector<std::string> desired(const json::object& key) const;
  std::string shown(const json::object& delivery) const;
  std::string lit(const json::object* look) const;
  std::string state(const json::object& delivery) const;
  std::string contact_facts(const json::object& contact) const;
  std::size_t place_of(std::string_view contact) const;

  std::string whole_line(std::string_view text) const { return fmt::format("│ {} │\n", fit(text, left_ + right_ + 3)); }
  std::string divided(std::string_view left, std::string_view right) const {
    return fmt::format("│ {} │ {} │\n", left, right);
  }

  const json::object& phone_;
  const Screen& screen_;
  WallTime now_;
  std::vector<const json::object*> contacts_, keys_;
  int name_ = 3;      // columns of key names
  int look_ = 7;      // columns of "message"
  int marker_ = 1;    // columns of the contacts' numbers
  int left_, right_;  // columns of the two halves
};

PhonePanel::PhonePanel(const json::object& phone, const Screen& screen, WallTime now)
    : phone_(phone),
      screen_(screen),
      now_(now),
      contacts_(objects_of(phone, "contacts")),
      keys_(objects_of(phone, "keys")) {
  std::ranges::sort(keys_, [](const json::object* a, const json::object* b) {
    return lamp::name_before(text_of(*a, "key"), text_of(*b, "key"));
  });
  for (const auto* key : keys_) {
    name_ = std::clamp(text_width(text_of(*key, "key")), name_, kMaxName);
    if (const auto* wanted = object_of(*key, "desired")) look_ = std::max(look_, text_width(look_text(*wanted)));
    for (const auto* delivery : objects_of(*key, "contacts")) {
      if (const auto* look = object_of(*delivery, "shows")) look_ = std::max(look_, text_width(look_text(*look)));
    }
  }
  look_ = std::min(look_, 14);  // "message orange"
  const int width = std::clamp(screen.width, kMinWidth, kMaxWidth);
  const int least_left = name_ + 3 + look_;
  marker_ = contacts_.size() > 9 ? 2 : 1;
  right_ = std::min(marker_ + 1 + 2 + look_ + 1 + kStateWidth, width - 7 - least_left);
  left_ = width - 7 - right_;
}

std::string PhonePanel::title() const {
  const auto behind =
      std::ranges::count_if(keys_, [](const auto* key) { return text_of(*key, "state") != "confirmed"; });
  const std::string state = !is(phone_, "registered") ? "not registered"
                            : keys_.empty()           ? "no keys"
                            : behind == 0             ? "all confirmed"
                                                      : fmt::format("{} of {} not confirmed", behind, keys_.size());
  const int room = left_ + right_ + 7 - 8 - text_width(state);
  const auto name = text_of(phone_, "phone");
  const int name_width = std::min(text_width(name), room);
  const auto ansi = !screen_.colour ? "" : state == "all confirmed" ? "\x1b[32m" : "\x1b[33m";
  return fmt::format("┌─ {} {} {}{}{} ─┐\n", fit(name, name_width), rule(room - name_width), ansi, state,
                     screen_.colour ? "\x1b[0m" : "");
}

std::string PhonePanel::contact_facts(const json::object& contact) const {
  auto text = fmt::format("{} {}", text_of(contact, "address"), text_of(contact, "transport"));
  if (const auto at = parse_time(text_of(contact, "registered_at"))) {
    const std::chrono::seconds left{number_of(contact, "expires_in")};
    text += fmt::format(", registered {} ago, {} left", span_text(std::max(now_ - *at, std::chrono::milliseconds{0})),
                        span_text(left));
  } else {
    text += ", not registered: told only of what it dialled";
  }
  if (!is(contact, "delivering")) return text + "; its model has no lamps";
  if (contact.contains("connected") && !is(contact, "connected")) return text + "; its connection has ended";
  if (is(contact, "in_flight")) return text + "; asked, no answer yet";
  return text;
}

std::string PhonePanel::contact_lines() const {
  if (contacts_.empty()) {
    return whole_line(keys_.empty() ? "Not registered, and no key is set."
                                    : "Not registered: its lamps are sent as soon as it registers.");
  }
  std::string out;
  int model = 0;
  for (const auto* contact : contacts_) model = std::max(model, text_width(text_of(*contact, "model")));
  for (std::size_t i = 0; i < contacts_.size(); ++i) {
    const auto& contact = *contacts_[i];
    out += whole_line(fmt::format("{:<{}} {} {}", i + 1, marker_, fit(text_of(contact, "model"), std::min(model, 16)),
                                  text_of(contact, "contact")));
    out += whole_line(blanks(marker_ + 1) + contact_facts(contact));
  }
  return out;
}

std::size_t PhonePanel::place_of(std::string_view contact) const {
  const auto found =
      std::ranges::find_if(contacts_, [&](const auto* each) { return text_of(*each, "contact") == contact; });
  return static_cast<std::size_t>(found - contacts_.begin());
}

/// "● on red"; "· unknown" for a lamp nothing is known of.
std::string PhonePanel::lit(const json::object* look) const {
  if (!look) return "· " + fit("unknown", look_);
  // A light this program does not know is lit.
  const auto light = lamp::light_from(text_of(*look, "light")).value_or(lamp::Light::kOn);
  const auto color = lamp::color_from(text_of(*look, "color"));
  return fmt::format("{} {}", phone::draw_lamp({light, color}, screen_.colour), fit(look_text(*look), look_));
}

/// One line, or two when label and number do not fit behind the lamp.
std::vector<std::string> PhonePanel::desired(const json::object& key) const {
  const auto name = text_of(key, "key");
  const auto* wanted = object_of(key, "desired");
  auto line = blanks(name_ - text_width(name)) + fit(name, std::min(text_width(name), name_)) + " ";
  if (!wanted) return {line + "○ " + fit("cleared", left_ - name_ - 3)};
  line += lit(wanted);
  const auto label = text_of(*wanted, "label");
  const auto press = press_text(*wanted);
  const auto needed = text_width(label) + (label.empty() || press.empty() ? 0 : 1) + text_width(press);
  const int room = left_ - name_ - 3 - look_ - 1;
  if (needed <= room) return {line + " " + label_and_press(label, press, room)};
  return {line + blanks(room + 1), blanks(name_ + 3) + label_and_press(label, press, left_ - name_ - 3)};
}

std::string PhonePanel::state(const json::object& delivery) const {
  const auto place = place_of(text_of(delivery, "contact"));
  const auto next = place < contacts_.size() ? parse_time(text_of(*contacts_[place], "next_try")) : std::nullopt;
  const auto words = fit(state_text(delivery, next, now_), right_ - marker_ - 4 - look_);
  return screen_.colour ? fmt::format("{}{}\x1b[0m", ansi_of(text_of(delivery, "state")), words) : words;
}

/// "1 ● on      confirmed"
std::string PhonePanel::shown(const json::object& delivery) const {
  const auto place = place_of(text_of(delivery, "contact"));
  const auto number = place < contacts_.size() ? fmt::format("{}", place + 1) : std::string("?");
  const auto* look = object_of(delivery, "shows");
  return fmt::format("{} {} {}", fit(number, marker_), lit(look), state(delivery));
}

std::string PhonePanel::key_lines(const json::object& key) const {
  const auto left = desired(key);
  std::vector<std::string> right;
  for (const auto* delivery : objects_of(key, "contacts")) right.push_back(shown(*delivery));
  if (right.empty()) right.push_back(fit("no phone shows it", right_));
  std::string out;
  for (std::size_t i = 0; i < std::max(left.size(), right.size()); ++i) {
    out += divided(i < left.size() ? left[i] : blanks(left_), i < right.size() ? right[i] : blanks(right_));
  }
  return out;
}

std::string PhonePanel::draw() const {
  auto out = title() + contact_lines();
  if (keys_.empty()) {
    if (!contacts_.empty()) out += whole_line("No key is set.");
    return out + fmt::format("└{}┘\n", rule(left_ + right_ + 5));
  }
  const std::string_view desired = "─ desired ", shown = "─ confirmed to show ";
  out += fmt::format("├{}{}┬{}{}┤\n", desired, rule(left_ + 2 - text_width(desired)), shown,
                     rule(right_ + 2 - text_width(shown)));
  for (const auto* key : keys_) out += key_lines(*key);
  return out + fmt::format("└{}┴{}┘\n", rule(left_ + 2), rule(right_ + 2));
}

}  // namespace

std::expected<std::string, std::string> draw_phone(std::string_view document, const Screen& screen, WallTime now) {
  const auto phone = parse_document(document, "keys");
  if (!phone) return std::unexpected(phone.error());
  return PhonePanel(*phone, screen, now).draw();
}

std::expected<std::string, std::string> draw_phones(std::string_view document) {
  const auto page = parse_document(document, "phones");
  if (!page) return std::unexpected(page.error());
  const auto phones = objects_of(*page, "phones");
  if (phones.empty()) return "no phones\n";
  int name = 5;
  for (const auto* phone : phones) name = std::max(name, text_width(text_of(*phone, "phone")));
  name = std::min(name, 45);
  auto out = fmt::format("{}  registered     keys  lamps not confirmed\n", fit("phone", name));
  for (const auto* phone : phones) {
    const auto contacts = number_of(*phone, "contacts");
    const auto registered = contacts == 0   ? std::string("no")
                            : contacts == 1 ? std::string("1 contact")
                                            : fmt::format("{} contacts", contacts);
    out += fmt::format("{}  {:12} {:6} {:20}\n", fit(text_of(*phone, "phone"), name), registered,
                       number_of(*phone, "keys"), number_of(*phone, "unconfirmed"));
  }
  if (const auto next = text_of(*page, "next"); !next.empty()) out += fmt::format("more with --after {}\n", next);
  return out;
}

}  // namespace lamplighter::view
