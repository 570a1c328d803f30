#include "load/witness.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <thread>
#include <utility>

#include "load/api_load.h"

namespace lamplighter::load {
namespace {

using namespace std::chrono_literals;

constexpr std::array<std::string_view, 6> kLights = {"on", "off", "hold", "pickup", "park", "message"};
constexpr std::size_t kComplaints = 20;
// A phone repeats a request for 64*T1 (RFC 3261 §17.1.1.2); an older press never comes again.
constexpr auto kRepeatsFor = 30s;
constexpr auto kLookAgain = 20ms;

TimePoint now_on_clock() { return std::chrono::steady_clock::now(); }

// A key as one text: its light and its label. Empty: not set.
std::string text_of(std::string_view light, std::string_view label) { return fmt::format("{}|{}", light, label); }

bool is_dark(std::string_view text) { return text.empty() || text.starts_with("off|"); }

// What the dial plan makes of a light, with the settings' own dial.label.
std::string dialled_text(bool on) { return on ? "on|Light is on" : "off|Light is off"; }

std::string_view text_at(const boost::json::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::string_view(value->as_string()) : std::string_view();
}

bool flag_at(const boost::json::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  return value != nullptr && value->is_bool() && value->as_bool();
}

const boost::json::array& list_at(const boost::json::object& object, std::string_view name) {
  static const boost::json::array kNone;
  const auto* value = object.if_contains(name);
  return value != nullptr && value->is_array() ? value->as_array() : kNone;
}

}  // namespace

Witness::Witness(Generator& generator)
    : generator_(generator), random_(generator.options().seed), phones_(generator.phones()) {}

Witness::Report Witness::work(std::chrono::milliseconds longest) {
  report_ = {};
  phase_ = Phase::kWork;
  const auto result = generator_.run(*this, Mode::kWitness, {.duration = longest});
  report_.server_gone = result.server_gone;
  report_.unsettled = static_cast<std::uint64_t>(std::ranges::count_if(
      phones_, [](const Phone& phone) { return phone.kind != Kind::kNone && !phone.acknowledged; }));
  return report_;
}

bool Witness::wait_for_server(std::chrono::milliseconds longest) {
  reached_ = false;
  const auto end = now_on_clock() + longest;
  while (!reached_ && now_on_clock() < end) {
    run(Phase::kReach, 2s);
    if (!reached_) std::this_thread::sleep_for(kLookAgain);
  }
  return reached_;
}

void Witness::verify(Report& report, std::chrono::milliseconds patience) {
  report_ = std::move(report);
  const auto begin = now_on_clock();
  run(Phase::kLook, patience);
  for (auto& phone : phones_) {
    phone.send_again =
        phone.kind == Kind::kPress && phone.was_certain && begin - phone.pressed < kRepeatsFor && random_.chance(0.7);
  }
  run(Phase::kAgain, patience);
  run(Phase::kAsk, patience);

  phase_ = Phase::kSettle;
  for (auto& phone : phones_) phone.handled = false;
  const auto end = now_on_clock() + patience;
  const auto all_handled = [&] { return std::ranges::all_of(phones_, &Phone::handled); };
  while (!all_handled()) {
    last_look_ = now_on_clock() >= end;
    for (auto& phone : phones_) phone.asked = false;
    generator_.run(*this, Mode::kWitness, {.duration = patience});
    if (last_look_) break;
    if (!all_handled()) generator_.listen(*this, kLookAgain);
  }
  report_.recovered = std::chrono::duration<double>(now_on_clock() - begin).count();

  for (std::uint32_t i = 0; i < phones_.size(); ++i) {
    auto& phone = phones_[i];
    if (!phone.handled) complain(i, "the API did not answer after the restart");
    if (phone.found) phone.ledger.adopt(phone.found->keys, phone.found->registered);
    phone.kind = Kind::kNone;
    phone.acknowledged = phone.rests = phone.repeat = false;
  }
  report = std::move(report_);
}

void Witness::run(Phase phase, std::chrono::milliseconds longest) {
  phase_ = phase;
  for (auto& phone : phones_) phone.handled = false;
  generator_.run(*this, Mode::kWitness, {.duration = longest});
}

// --- What is done

std::optional<Order> Witness::next(std::uint32_t index) {
  auto& phone = phones_[index];
  if (phase_ != Phase::kWork) return order_of_phase(index);
  if (phone.rests) return std::nullopt;
  phone.acknowledged = false;
  return phone.repeat ? repeat_order(phone) : work_order(index);
}

Order Witness::work_order(std::uint32_t index) {
  auto& phone = phones_[index];
  const auto dice = random_.below(100);
  if (!phone.ledger.is_registered()) {
    if (dice < 50) return register_order(index, true);
  } else if (dice < 12) {
    return register_order(index, true);
  } else if (dice < 18) {
    return register_order(index, false);
  }
  if (dice < 55) return press_order(index);
  return write_order(index, dice >= 88);
}

Order Witness::register_order(std::uint32_t index, bool on) {
  auto& phone = phones_[index];
  // A phone that comes anew has booted: it shows nothing.
  if (on && !phone.ledger.is_registered()) generator_.lamps_of(index).forget();
  phone.kind = on ? Kind::kRegister : Kind::kUnregister;
  phone.ledger.registers(on);
  return {.deed = on ? Deed::kRegister : Deed::kUnregister};
}

Order Witness::press_order(std::uint32_t index) {
  auto& phone = phones_[index];
  const auto& options = generator_.options();
  phone.kind = Kind::kPress;
  phone.was_certain = phone.ledger.is_certain(options.key);
  phone.pressed = now_on_clock();
  // A phone that is behind may be sent what is not stored yet (decision 007): only one that has confirmed the state
  // before is sent the next one when that is stored.
  const auto* lamp = generator_.lamps_of(index).find(options.key);
  phone.proves = phone.ledger.is_registered() && lamp != nullptr &&
                 text_of(lamp->light, lamp->label) == phone.ledger.in_force(options.key);
  const auto codes = options.dial.size() + options.toggles.size();
  // Toggles are what can go wrong twice.
  const bool toggles = !options.toggles.empty() && random_.chance(0.6);
  const auto chosen = random_.below(codes);
  std::string dialled;
  if (toggles) {
    dialled = options.toggles[chosen % options.toggles.size()];
    phone.ordered = dialled_text(is_dark(phone.ledger.in_force(options.key)));
  } else {
    const auto which = chosen % std::min<std::size_t>(options.dial.size(), 2);  // the first is on, the second off
    dialled = options.dial[which];
    phone.ordered = dialled_text(which == 0);
  }
  phone.ledger.writes({{options.key, phone.ordered}}, false);
  return {.deed = Deed::kPress, .dialled = std::move(dialled), .lamps = 1};
}

Order Witness::write_order(std::uint32_t index, bool whole) {
  auto& phone = phones_[index];
  phone.keys.clear();
  phone.whole = whole;
  boost::json::object keys;
  for (std::uint32_t key = 1; key <= generator_.options().keys; ++key) {
    if (whole ? random_.chance(0.25) : key != 1) continue;
    const auto name = std::to_string(whole ? key : 1 + random_.below(generator_.options().keys));
    const std::string light(kLights[random_.below(kLights.size())]);
    const auto label = fmt::format("{}-{}", index, ++labels_);  // no two writes look alike
    keys[name] = boost::json::object{{"light", light}, {"label", label}};
    phone.keys[name] = text_of(light, label);
  }
  const auto keys_of_phone = target_of_phone(generator_, index) + "/keys";
  if (whole) {
    phone.target = keys_of_phone + "?create=yes";
    phone.body = boost::json::serialize(boost::json::object{{"keys", keys}});
  } else {
    phone.target = fmt::format("{}/{}?create=yes", keys_of_phone, phone.keys.begin()->first);
    phone.body = boost::json::serialize(keys.begin()->value());
  }
  return repeat_order(phone);
}

Order Witness::repeat_order(Phone& phone) {
  phone.kind = Kind::kWrite;
  phone.repeat = false;
  phone.ledger.writes(phone.keys, phone.whole);
  return {.method = "PUT", .target = phone.target, .body = phone.body};
}

std::optional<Order> Witness::order_of_phase(std::uint32_t index) {
  auto& phone = phones_[index];
  if (phone.handled) return std::nullopt;
  const Order look{.method = "GET", .target = target_of_phone(generator_, index)};
  switch (phase_) {
    case Phase::kReach:
      phone.handled = true;
      return index == 0 ? std::optional(Order{.method = "GET", .target = "/healthz"}) : std::nullopt;
    case Phase::kLook: phone.handled = true; return look;
    case Phase::kAgain:
      phone.handled = true;
      if (!phone.send_again) return std::nullopt;
      ++report_.again;
      return Order{.deed = Deed::kPress, .again = true};
    case Phase::kAsk: phone.handled = true; return Order{.deed = Deed::kQuery};
    case Phase::kSettle: {
      // Handled when it has settled; until then it is looked at once in each run.
      if (!phone.found || std::exchange(phone.asked, true)) return std::nullopt;
      return look;
    }
    case Phase::kWork: break;
  }
  return std::nullopt;
}

// --- What is heard

Verdict Witness::answered(std::uint32_t index, const Answer& answer) {
  switch (phase_) {
    case Phase::kWork: return worked(index, answer);
    case Phase::kReach: reached_ = answer.status == 200; return Verdict::kGood;
    case Phase::kAgain: return Verdict::kGood;
    case Phase::kAsk: {
      const auto& found = phones_[index].found;
      const bool bound = answer.status == 200 && has_contact(answer.text, generator_.contact_of(index));
      if (found && bound != found->registered) {
        complain(index, fmt::format("the API says {}registered, the registrar the opposite ({})",
                                    found->registered ? "" : "not ", answer.status));
      }
      return Verdict::kGood;
    }
    case Phase::kLook:
    case Phase::kSettle: return looked(index, answer);
  }
  return Verdict::kBad;
}

Verdict Witness::worked(std::uint32_t index, const Answer& answer) {
  auto& phone = phones_[index];
  const bool good = answer.status >= 200 && answer.status < 300;
  const bool cannot_store = answer.status == 500 || answer.status == 503;
  if (cannot_store) ++report_.refused;
  switch (phone.kind) {
    case Kind::kPress:
      // The answer says nothing about the store; the lamp does.
      if (answer.status >= 300 && answer.status < 500) return Verdict::kGood;
      phone.ledger.unwritten();
      complain(index, fmt::format("a dialled code was answered {} {}", answer.status, answer.reason));
      return Verdict::kBad;
    case Kind::kRegister:
    case Kind::kUnregister:
      if (good) {
        phone.ledger.registered();
        break;
      }
      phone.ledger.unregistered_as_before();
      if (!cannot_store || !in_doubt()) {
        complain(index, fmt::format("REGISTER was answered {} {}", answer.status, answer.reason));
      }
      return Verdict::kBad;
    case Kind::kWrite:
      if (good) {
        phone.ledger.written();
        break;
      }
      if (answer.status == 0) {
        phone.rests = true;
      } else if (answer.status == 503) {
        phone.may_lie = true;
        phone.ledger.postponed();
        phone.repeat = random_.chance(0.5);
        if (!in_doubt()) complain(index, fmt::format("a write was answered 503: {}", answer.text));
      } else {
        phone.ledger.unwritten();
        complain(index, fmt::format("a write was answered {}: {}", answer.status, answer.text));
      }
      return Verdict::kBad;
    case Kind::kNone: return Verdict::kBad;
  }
  phone.acknowledged = true;
  ++report_.acknowledged;
  return Verdict::kGood;
}

bool Witness::lit(std::uint32_t index, const LampBlock& block, bool active) {
  auto& phone = phones_[index];
  if (phase_ != Phase::kWork || !active || phone.kind != Kind::kPress || phone.acknowledged) return false;
  if (block.key != generator_.options().key || text_of(block.light, block.label) != phone.ordered) return false;
  // A server that cannot store lights the lamp all the same (decision 007): then it is no promise.
  if (in_doubt()) {
    phone.may_lie = true;
  } else if (phone.proves) {
    phone.ledger.written();
    phone.acknowledged = true;
    ++report_.acknowledged;
  }
  return true;
}

void Witness::ended(std::uint32_t index, End end) {
  if (end != End::kTimeout) return;
  auto& phone = phones_[index];
  phone.rests = true;
  if (phase_ == Phase::kWork && !in_doubt()) {
    complain(index, phone.kind == Kind::kPress ? "a press was never followed by its lamp" : "a request had no answer");
  }
}

std::optional<Witness::Found> Witness::found_in(std::uint32_t index, std::string_view document) const {
  boost::system::error_code error;
  const auto value = boost::json::parse(document, error);
  if (error || !value.is_object()) return std::nullopt;
  const auto& phone = value.as_object();
  Found found{.registered = false, .confirmed = flag_at(phone, "confirmed"), .keys = {}};
  const auto ours = generator_.contact_of(index);
  for (const auto& contact : list_at(phone, "contacts")) {
    if (contact.is_object() && text_at(contact.as_object(), "contact") == ours) found.registered = true;
  }
  found.registered = found.registered && flag_at(phone, "registered");
  for (const auto& entry : list_at(phone, "keys")) {
    const auto* desired = entry.is_object() ? entry.as_object().if_contains("desired") : nullptr;
    if (desired == nullptr || !desired->is_object()) continue;  // cleared
    const auto& key = desired->as_object();
    found.keys[std::string(text_at(entry.as_object(), "key"))] = text_of(text_at(key, "light"), text_at(key, "label"));
  }
  return found;
}

Verdict Witness::looked(std::uint32_t index, const Answer& answer) {
  auto& phone = phones_[index];
  auto found = answer.status == 404 ? std::optional(Found{}) : std::nullopt;  // it never did anything that was kept
  if (answer.status == 200) found = found_in(index, answer.text);
  if (phase_ == Phase::kSettle) {
    if (found) settle(index, *found);
    return Verdict::kGoodAtOnce;
  }
  phone.found = std::move(found);
  if (!phone.found) {
    complain(index, fmt::format("the API answered {} {}", answer.status, answer.text));
  } else if (const auto wrong = phone.ledger.check(phone.found->keys, phone.found->registered)) {
    complain(index, *wrong);
  }
  return Verdict::kGood;
}

void Witness::settle(std::uint32_t index, const Found& now) {
  auto& phone = phones_[index];
  auto expected = phone.found->keys;
  if (phone.send_again) expected[generator_.options().key] = phone.ordered;
  if (now.keys != expected) {
    complain(index, phone.send_again ? fmt::format("a press that came again counted twice, or not at all: key {} is "
                                                   "\"{}\" instead of \"{}\"",
                                                   generator_.options().key,
                                                   now.keys.contains(generator_.options().key)
                                                       ? now.keys.at(generator_.options().key)
                                                       : std::string(),
                                                   phone.ordered)
                                     : std::string("its keys changed by themselves after the restart"));
  }
  std::optional<std::string> wrong;
  if (now.registered) {
    wrong = wrong_lamp(index, now.keys);
    if (!wrong && !now.confirmed) wrong = "the API does not say that all is confirmed, though every lamp is right";
    if (wrong && now.confirmed && phone.may_lie) {
      ++report_.stale;
    } else if (wrong && now.confirmed) {
      complain(index, "the API says that all is confirmed, but " + *wrong);
    } else if (wrong && !last_look_) {
      return;  // it may still be on its way
    } else if (wrong) {
      complain(index, "in the end " + *wrong);
    }
    report_.lamps += now.keys.size();
    phone.may_lie = wrong.has_value();
  }
  phone.handled = true;
  phone.found = now;
}

std::optional<std::string> Witness::wrong_lamp(std::uint32_t index, const Ledger::Keys& keys) const {
  for (std::uint32_t key = 1; key <= generator_.options().keys; ++key) {
    const auto name = std::to_string(key);
    const auto place = keys.find(name);
    const auto wanted = place == keys.end() ? std::string() : place->second;
    const auto* lamp = generator_.lamps_of(index).find(name);
    // A phone that has booted is dark without being told.
    if (lamp == nullptr  ? is_dark(wanted)
        : wanted.empty() ? lamp->light == "off"
                         : text_of(lamp->light, lamp->label) == wanted) {
      continue;
    }
    return fmt::format("key {} shows \"{}\" instead of \"{}\"", name,
                       lamp == nullptr ? std::string() : text_of(lamp->light, lamp->label), wanted);
  }
  return std::nullopt;
}

void Witness::complain(std::uint32_t index, std::string_view what) {
  if (report_.broken.size() < kComplaints)
    report_.broken.push_back(fmt::format("{}: {}", generator_.aor_of(index), what));
}

bool Witness::in_doubt() const {
  const auto& file = generator_.options().doubt;
  return !file.empty() && access(file.c_str(), F_OK) == 0;
}

}  // namespace lamplighter::load
