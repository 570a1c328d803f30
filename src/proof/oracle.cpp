#include "proof/oracle.h"

#include <fmt/format.h>

#include <algorithm>

#include "lamp/x_buttons.h"
#include "transaction/action.h"

namespace lamplighter::proof {
namespace {

using namespace std::chrono_literals;

constexpr auto kTimerF = 64 * transaction::TimerBase{}.t1;

/// The value of the first header line of this name. The phones and the server write what it needs to find.
std::string_view field(std::string_view bytes, std::string_view name) {
  for (auto at = bytes.find("\r\n"); at != bytes.npos; at = bytes.find("\r\n", at)) {
    at += 2;
    const auto line = bytes.substr(at, bytes.find("\r\n", at) - at);
    if (line.empty()) return {};
    if (line.size() > name.size() + 1 && line.starts_with(name) && line[name.size()] == ':') {
      const auto value = line.substr(name.size() + 1);
      return value.substr(std::min(value.find_first_not_of(' '), value.size()));
    }
  }
  return {};
}

std::string_view parameter(std::string_view value, std::string_view name) {
  const auto at = value.find(fmt::format(";{}=", name));
  if (at == value.npos) return {};
  const auto rest = value.substr(at + name.size() + 2);
  return rest.substr(0, rest.find_first_of(";,> \r"));
}

std::string_view branch_of(std::string_view bytes) { return parameter(field(bytes, "Via"), "branch"); }

std::string_view body_of(std::string_view bytes) {
  const auto end = bytes.find("\r\n\r\n");
  return end == bytes.npos ? std::string_view{} : bytes.substr(end + 4);
}

std::string_view method_of(std::string_view bytes) { return bytes.substr(0, bytes.find(' ')); }

/// "431" of "INVITE sip:431@10.0.0.1 SIP/2.0".
std::string_view target_user(std::string_view bytes) {
  const auto from = bytes.find("sip:");
  const auto to = bytes.find_first_of("@ \r", from);
  return from == bytes.npos || to == bytes.npos ? std::string_view{} : bytes.substr(from + 4, to - from - 4);
}

std::string_view request_uri(std::string_view bytes) {
  const auto from = std::min(bytes.find(' '), bytes.size() - 1) + 1;
  return bytes.substr(from, bytes.find(' ', from) - from);
}

std::string_view contact_of(std::string_view bytes) {
  const auto contact = field(bytes, "Contact");
  const auto from = contact.find('<');
  const auto to = contact.find('>');
  return from < to && to != contact.npos ? contact.substr(from + 1, to - from - 1) : std::string_view{};
}

unsigned key_number(std::string_view name) {
  for (unsigned key = 1; key <= kKeys; ++key) {
    if (name == std::to_string(key)) return key;
  }
  return 0;
}

std::string describe(const lamp::Key& key) {
  return fmt::format("{} \"{}\" {}", lamp::name_of(key.light), key.label, key.number);
}

}  // namespace

bool shows(const std::optional<lamp::Key>& desired, const lamp::Key& shown) {
  const auto& key = desired ? *desired : lamp::Key{};
  if (shown.light != key.light || shown.label != key.label) return false;
  // How the phone is told to ask for the server's toggle is the server's business.
  if (key.press == lamp::Press::kToggle) return true;
  return shown.number == key.number && (key.number.empty() || shown.press == key.press);
}

Oracle::Oracle(const Clock& clock, std::vector<std::string> aors) : clock_(clock), phones_(aors.size()) {
  for (std::size_t i = 0; i < aors.size(); ++i) phones_[i].aor = std::move(aors[i]);
}

void Oracle::fail(char invariant, std::string what) {
  if (!failure_) failure_ = Failure{invariant, std::move(what)};
}

std::string Oracle::name_of(const Phone& phone) const {
  return fmt::format("phone {} ({})", &phone - phones_.data() + 1, phone.aor);
}

Oracle::Phone* Oracle::phone_at(const SocketAddress& address) {
  const auto found = owners_.find(address);
  return found == owners_.end() ? nullptr : &phones_[found->second - 1];
}

const lamp::KeyState* Oracle::desired(const std::string& aor, unsigned key) const {
  const auto found = changes_.find({aor, key});
  return found == changes_.end() || found->second.all.empty() ? nullptr : &found->second.all.back();
}

bool Oracle::is_undone(const std::string& aor, unsigned key) const {
  const auto found = changes_.find({aor, key});
  if (found == changes_.end() || !found->second.undone) return false;
  const auto* newest = desired(aor, key);  // a change since then has mended it, unless it was undone as well
  return *found->second.undone == (newest == nullptr ? 0 : newest->version);
}

// --- Changes

void Oracle::changed(const service::DeskRecord& record) {
  for (const auto& change : record.changes) {
    const auto key = key_number(change.name);
    auto& known = changes(change.aor, key).all;
    const auto same = std::ranges::find(known, change.version, &lamp::KeyState::version);
    if (same != known.end()) {
      if (same->key != change.key) {
        fail('e',
             fmt::format("version {} of key {} of {} came to mean another state", change.version, key, change.aor));
      }
      continue;
    }
    if (!known.empty() && known.back().version > change.version) {
      fail('f', fmt::format("key {} of {}: version {} comes after {}", key, change.aor, change.version,
                            known.back().version));
    }
    known.push_back({change.name, change.key, change.version});
    if (press_at_hand_ == nullptr) continue;
    auto& did = press_at_hand_->did;
    did.emplace_back(change.aor, key, change.version);
    if (press_at_hand_->once && did.size() > 1) {
      fail('b', fmt::format("one press ({}) changed key {} of {} twice, version {} and {}", press_name_, key,
                            change.aor, std::get<2>(did[did.size() - 2]), change.version));
    }
  }
}

void Oracle::acknowledged(const std::string& aor, unsigned key, std::uint64_t version) {
  auto& acknowledged = changes(aor, key).acknowledged;
  acknowledged = std::max(acknowledged, version);
}

void Oracle::crashed(const Durable& durable) {
  for (auto& [name, its] : changes_) {
    const auto found = durable.keys.find(name);
    const auto kept = found == durable.keys.end() ? 0 : found->second.version;
    if (its.acknowledged > kept) {
      fail('e', fmt::format("key {} of {}: version {} was acknowledged, and after the crash the disk has {}",
                            name.second, name.first, its.acknowledged, kept));
    }
    while (!its.all.empty() && its.all.back().version > kept) {
      const auto version = its.all.back().version;
      its.lost.push_back(std::move(its.all.back()));
      its.all.pop_back();
      for (auto& [id, press] : presses_) {
        std::erase(press.did, std::tuple(name.first, name.second, version));
      }
    }
    for (auto& phone : phones_) {
      if (phone.aor != name.first) continue;
      auto& [floor, shown, told] = phone.keys[name.second];
      // Looks repeat: what it shows may be of an older version, or of one that is lost.
      const bool may_be_lost = disk_failed_ && shown && std::ranges::any_of(its.lost, [&](const auto& state) {
                                 return shows(state.key, *shown);
                               });
      if (floor <= kept && !may_be_lost) continue;
      floor = std::min(floor, kept);
      if (disk_failed_) its.undone = kept;
    }
  }
  for (auto& [id, press] : presses_) press.taken_from.clear();
  for (auto& phone : phones_) {
    phone.requests.clear();
    for (unsigned key = 1; key <= kKeys; ++key) {
      auto& told = phone.keys[key].told;
      if (!told) continue;
      // What the disk says was confirmed stays so.
      const auto* now = desired(phone.aor, key);
      const bool kept = told->confirmed && now != nullptr && now->version == told->version &&
                        durable.confirmed.contains({phone.registered, key, told->version});
      if (!kept) told.reset();
    }
  }
}

// What was registered at another time cannot be told from a phone that counts from the start again: Location rather
// lights a lamp twice than locks a phone out.
void Oracle::started() {
  if (!std::exchange(clock_jumped_, false)) return;
  for (auto& phone : phones_) phone.life.clear();
}

// --- Wire

// What is under way to where the phone was may be given up; then its answer counts for nothing.
void Oracle::learn_of_move(Phone& phone) {
  ++phone.news;
  for (auto& key : phone.keys) {
    if (key.told && !key.told->confirmed) key.told.reset();
  }
}

// What was sent to the phone's former life, and answered by either, confirms nothing.
void Oracle::learn_of_boot(Phone& phone) {
  ++phone.news;
  phone.booted = true;
  for (auto& key : phone.keys) key.told.reset();
}

void Oracle::server_sends(const SocketAddress& to, std::string_view bytes) {
  auto* phone = phone_at(to);
  if (phone == nullptr) return;
  if (bytes.starts_with("SIP/2.0 200 ") && field(bytes, "CSeq").ends_with("REGISTER")) {
    // A registration counts from when it is stored; until then what is sent goes to where the phone was.
    if (std::exchange(phone->registering, false)) {
      learn_of_move(*phone);
      phone->heard_from = {};  // it is where it registered from; what comes from anywhere else moves it again
    }
    phone->registered = phone->wanted;
    if (phone->booted) learn_of_boot(*phone);
    phone->booted = false;
    return;
  }
  if (!bytes.starts_with("MESSAGE ")) return;
  const auto now = clock_.now();
  const auto branch = std::string(branch_of(bytes));
  const auto& id = branch;
  if (const auto known = phone->requests.find(branch); known != phone->requests.end()) {
    if (known->second.given_up) {
      fail('d', fmt::format("{}: {} is sent again although another request was sent after it", name_of(*phone), id));
    }
    return;
  }
  const auto contact = std::string(request_uri(bytes));
  for (auto& [other, request] : phone->requests) {
    // Another contact at another address: for the server that is another phone, until it registers.
    const bool same_contact = request.contact == contact && contact == phone->registered;
    if (request.answered || request.given_up || (request.to != to && !same_contact)) continue;
    // Given up: timer F, or the phone booted or moved, and the server has heard so.
    const bool heard_there = request.to != to && phone->heard[to] >= request.first;
    // A stranger who turns out to be the phone is given up, and told nothing until no copy can be under way any more.
    const bool left = request.known && now - *request.known >= transaction::TimerBase{}.t4;
    if (now - request.first < kTimerF && request.news == phone->news && !heard_there && !left) {
      fail('d', fmt::format("{}: {} is sent while {} is under way", name_of(*phone), id, other));
    }
    request.given_up = true;
  }
  phone->requests[branch] = {.to = to, .contact = contact, .first = now, .news = phone->news};

  const auto blocks = lamp::decode_x_buttons(body_of(bytes));
  if (!blocks)
    return fail('a', fmt::format("{} is sent a body it cannot read: {}", name_of(*phone), blocks.error().what));
  for (const auto& block : *blocks) {
    const auto key = key_number(block.name);
    if (key == 0) {
      fail('a', fmt::format("{} is sent key \"{}\", which nobody set", name_of(*phone), block.name));
      continue;
    }
    // Whoever calls from elsewhere and gives no Contact that is known (a MESSAGE has none) is a stranger, who is told
    // what he asked for, whoever else has confirmed it.
    if (contact != phone->registered) continue;
    auto& told = phone->keys[key].told;
    const auto* desired_now = desired(phone->aor, key);
    const auto version = desired_now == nullptr ? 0 : desired_now->version;
    if (told && told->confirmed && told->version == version && told->content == block.key) {
      fail('c', fmt::format("{} is sent key {} ({}) again although it has confirmed it", name_of(*phone), key,
                            describe(block.key)));
    }
    told = Told{branch, block.key, version, false};
  }
}

void Oracle::server_takes(const SocketAddress& from, std::string_view bytes) {
  auto* phone = phone_at(from);
  if (phone == nullptr) return;
  if (bytes.starts_with("SIP/2.0 ")) return take_response(*phone, bytes);
  // The server learns from any request where a phone is, and from a REGISTER that it has booted.
  const auto method = method_of(bytes);
  if (method == "ACK" || method == "BYE") return;
  phone->heard[from] = clock_.now();
  if (std::exchange(phone->heard_from, from) != from) learn_of_move(*phone);
  if (method == "REGISTER") {
    if (std::exchange(phone->life, field(bytes, "Call-ID")) != field(bytes, "Call-ID")) learn_of_boot(*phone);
    phone->registering = true;
    phone->wanted = contact_of(bytes);
    phone->heard_from = {};  // it may be refused: whatever comes next from there is news again
  } else if (method == "INVITE" || method == "MESSAGE") {
    if (const auto contact = contact_of(bytes); !contact.empty() && contact == phone->registered) {
      for (auto& [branch, request] : phone->requests) {
        if (request.to == from && request.contact != contact && !request.known) request.known = clock_.now();
      }
    }
    take_press(*phone, from, bytes);
  }
}

void Oracle::take_response(Phone& phone, std::string_view bytes) {
  const auto branch = branch_of(bytes);
  const auto found = phone.requests.find(branch);
  if (found == phone.requests.end() || bytes.size() < 12 || bytes[8] < '2') return;
  found->second.answered = true;
  if (bytes[8] != '2') return;
  for (auto& key : phone.keys) {
    if (key.told && key.told->branch == branch) key.told->confirmed = true;
  }
}

void Oracle::take_press(Phone& phone, const SocketAddress& from, std::string_view bytes) {
  press_name_ =
      fmt::format("{} {} {}", field(bytes, "Call-ID"), field(bytes, "CSeq"), parameter(field(bytes, "From"), "tag"));
  auto& press = presses_[press_name_];
  press_at_hand_ = &press;
  if (!press.taken_from.insert(from).second) return;

  const auto user = target_user(bytes);
  const bool invite = bytes.starts_with("INVITE ");
  const bool sets = user.size() == 3 && user.starts_with("43");
  press.once = !invite || !sets;
  // Who presses doubts the lamp: it may be told again.
  const auto doubt = [&](unsigned key) { phone.keys[key].told.reset(); };
  // A MESSAGE names a key, and the number behind that key may be a code by now.
  if (sets || user == kToggleCode || !invite) doubt(kDialKey);
  for (unsigned key = 1; key <= kKeys; ++key) {
    if (user == toggle_number(key)) doubt(key);
  }
  const auto body = body_of(bytes);
  if (!invite && body.starts_with("k=")) doubt(key_number(body.substr(2, body.find_first_of("\r\n") - 2)));
}

// --- Phones

void Oracle::phone_is_at(unsigned phone, const SocketAddress& address) { owners_[address] = phone; }

void Oracle::phone_shows(unsigned number, const std::string& name, const lamp::Key& shown) {
  auto& phone = phones_[number - 1];
  const auto key = key_number(name);
  if (key == 0) return fail('a', fmt::format("{} shows something on key \"{}\"", name_of(phone), name));
  phone.keys[key].shown = shown;
  auto& floor = phone.keys[key].floor;
  auto& its = changes(phone.aor, key);
  // Several versions may look the same: the oldest that is not too old leaves the most room.
  for (const auto& state : its.all) {
    if (state.version < floor || !shows(state.key, shown)) continue;
    floor = state.version;
    return;
  }
  // On its way when the server crashed, and not stored: the server knows from the disk that it was not the last word,
  // unless the disk had failed.
  if (std::ranges::any_of(its.lost, [&](const auto& state) { return shows(state.key, shown); })) {
    if (disk_failed_) its.undone = its.all.empty() ? 0 : its.all.back().version;
    return;
  }
  const auto older = std::ranges::any_of(its.all, [&](const auto& state) { return shows(state.key, shown); });
  fail('f', fmt::format(
                "{} shows {} on key {}, {}", name_of(phone), describe(shown), key,
                older ? fmt::format("older than version {} that it has confirmed", floor) : "which nobody asked for"));
}

void Oracle::phone_boots(unsigned phone) {
  for (auto& key : phones_[phone - 1].keys) key = {};
}

}  // namespace lamplighter::proof
