#include "phone/user_agent.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "phone/sdp.h"
#include "sip/headers.h"

namespace lamplighter::phone {

UserAgent::Life::Life(UserAgent& phone, std::uint64_t seed, TimePoint now)
    : core(phone.settings_, phone.sender_, phone, phone.server_, seed, now, phone.events_),
      registration(core, core.new_call_id()),
      keyboard(phone.settings_.model) {
  core.plug(phone.plugged_);
}

UserAgent::UserAgent(Settings settings, Sender& sender, const Clock& clock, const Flow& server, std::uint64_t seed,
                     PhoneObserver& observer)
    : settings_(std::move(settings)),
      sender_(sender),
      clock_(clock),
      server_(server),
      seeds_(seed),
      observer_(observer),
      made_(clock.now()),
      life_(std::make_unique<Life>(*this, seeds_.next(), made_)) {}

UserAgent::~UserAgent() = default;

// --- commands ---

UserAgent::Result UserAgent::ready() const {
  if (booting_) return std::unexpected("the phone is booting");
  return {};
}

UserAgent::Result UserAgent::register_now() {
  Turn turn(*this);
  register_after_boot_ = true;
  if (!booting_) life_->registration.start(clock_.now());
  return {};
}

UserAgent::Result UserAgent::unregister() {
  Turn turn(*this);
  register_after_boot_ = false;
  if (!booting_) life_->registration.stop(clock_.now());
  return {};
}

UserAgent::Result UserAgent::dial(std::string_view number) {
  Turn turn(*this);
  if (auto ok = ready(); !ok) return ok;
  place_call(number, clock_.now());
  return {};
}

void UserAgent::place_call(std::string_view number, TimePoint now) {
  const auto id = ++life_->last_id;
  life_->calls.emplace(id, Call::dial(life_->core, id, life_->core.target_of(number), now));
}

UserAgent::Result UserAgent::press(std::string_view key) {
  Turn turn(*this);
  if (auto ok = ready(); !ok) return ok;
  const auto* block = life_->keyboard.find(key);
  if (block == nullptr) {
    return std::unexpected(fmt::format("there is no key {}, this {} has 1 to {}", key, settings_.model.name,
                                       life_->keyboard.keys().size()));
  }
  const auto now = clock_.now();
  auto event = life_->core.event(Event::Type::kPress);
  event.key = block->name;
  event.lamp = block->key;
  life_->core.emit(std::move(event));
  if (block->key.number.empty()) return {};
  if (block->key.press == lamp::Press::kInvite) {
    place_call(block->key.number, now);
    return {};
  }
  const auto id = ++life_->last_id;
  auto& press = life_->presses[id];
  press.key = block->name;
  press.peer = life_->core.target_of(block->key.number);
  auto& request = press.request;
  request.method = sip::Method::kMessage;
  request.uri = press.peer;
  request.from = life_->core.new_from();
  request.to = fmt::format("<{}>", press.peer);
  request.call_id = life_->core.new_call_id();
  request.content_type = lamp::kXButtonsType;
  request.body = fmt::format("k={}", block->name);
  if (!life_->core.request(request, {Purpose::kPress, id}, now)) {
    life_->presses.erase(id);
    return std::unexpected("too many requests under way");
  }
  return {};
}

UserAgent::Result UserAgent::answer() {
  Turn turn(*this);
  for (auto& [id, call] : life_->calls) {
    if (call->state() != CallState::kIncoming) continue;
    call->answer(clock_.now());
    return {};
  }
  return std::unexpected("no call is ringing here");
}

UserAgent::Result UserAgent::reject(int status) {
  Turn turn(*this);
  for (auto& [id, call] : life_->calls) {
    if (call->state() != CallState::kIncoming) continue;
    call->reject(status, clock_.now());
    return {};
  }
  return std::unexpected("no call is ringing here");
}

UserAgent::Result UserAgent::hang_up() {
  Turn turn(*this);
  const auto* latest = call();
  if (latest == nullptr) return std::unexpected("there is no call");
  find_call(latest->id())->hang_up(clock_.now());
  return {};
}

void UserAgent::reboot() {
  Turn turn(*this);
  const auto now = clock_.now();
  life_ = std::make_unique<Life>(*this, seeds_.next(), now);
  booting_ = true;
  life_->core.after(settings_.boot_time, PhoneTimer::kBooted, 0, now);
  life_->core.emit(life_->core.event(Event::Type::kBooting));
}

void UserAgent::boot(TimePoint now) {
  booting_ = false;
  life_->core.emit(life_->core.event(Event::Type::kBooted));
  if (register_after_boot_) life_->registration.start(now);
}

void UserAgent::unplug() {
  Turn turn(*this);
  plugged_ = false;
  life_->core.plug(false);
  life_->core.emit(life_->core.event(Event::Type::kUnplugged));
}

void UserAgent::plug() {
  Turn turn(*this);
  plugged_ = true;
  life_->core.plug(true);
  life_->core.emit(life_->core.event(Event::Type::kPlugged));
}

void UserAgent::set_server(const Flow& server) {
  server_ = server;
  life_->core.set_server(server);
}

// --- what is under way ---

const Call* UserAgent::call() const {
  for (auto it = life_->calls.rbegin(); it != life_->calls.rend(); ++it) {
    if (!it->second->ended()) return it->second.get();
  }
  return nullptr;
}

std::size_t UserAgent::calls() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(life_->calls, [](const auto& entry) { return !entry.second->ended(); }));
}

Call* UserAgent::find_call(std::uint32_t id) {
  const auto found = life_->calls.find(id);
  return found == life_->calls.end() ? nullptr : found->second.get();
}

void UserAgent::end_turn() {
  std::erase_if(life_->calls, [](const auto& entry) { return entry.second->finished(); });
  // Commands that an observer gives end turns of their own; their events wait in line.
  if (telling_) return;
  telling_ = true;
  const auto t = clock_.now() - made_;
  while (!events_.empty()) {
    for (auto& event : std::exchange(events_, {})) {
      event.t = t;
      observer_.on_event(event);
    }
  }
  telling_ = false;
}

// --- transport ---

void UserAgent::on_message(const Flow& flow, std::string_view bytes, TimePoint now) {
  if (booting_ || !plugged_) return;
  if (bytes.find_first_not_of("\r\n") == std::string_view::npos) return;  // keepalive
  Turn turn(*this);
  const auto parsed = message_.parse(bytes);
  if (!message_.can_answer()) return;
  if (!parsed) {
    if (!message_.is_request() || message_.method() == sip::Method::kAck) return;
    const auto answer = life_->core.response_bytes(message_, flow, parsed.error().status, parsed.error().reason,
                                                   life_->core.token(10), {});
    life_->core.send(flow, answer);
    return;
  }
  // A full table drops the request unanswered; whoever sent it sends it again.
  life_->core.table().on_message(message_, flow, now);
}

void UserAgent::on_timers(TimePoint now) {
  Turn turn(*this);
  life_->core.wheel().advance(now, [&](TimerWheel::Expired expired) { fire(expired, now); });
}

void UserAgent::fire(TimerWheel::Expired expired, TimePoint now) {
  if (expired.kind < static_cast<std::uint32_t>(PhoneTimer::kBooted)) {
    return life_->core.table().on_timer(expired.owner, expired.kind, now);
  }
  const auto timer = static_cast<PhoneTimer>(expired.kind);
  switch (timer) {
    case PhoneTimer::kBooted: return boot(now);
    case PhoneTimer::kRegister:
    case PhoneTimer::kPatience: return life_->registration.on_timer(timer, now);
    default:
      if (auto* call = find_call(static_cast<std::uint32_t>(expired.owner))) call->on_timer(timer, now);
  }
}

std::optional<TimePoint> UserAgent::next_timer() const { return life_->core.wheel().next(); }

void UserAgent::on_flow_closed(const Flow& flow, TimePoint now) {
  Turn turn(*this);
  life_->core.table().on_flow_closed(flow, now);
}

// --- transactions ---

void UserAgent::on_cancel(transaction::ServerId cancel, transaction::ServerId invite, const sip::Message& request,
                          const Flow& flow, TimePoint now) {
  // RFC 3261 §9.2. A CANCEL that comes after the final response is answered and changes nothing.
  life_->core.respond(cancel, request, flow, invite ? 200 : 481, {}, life_->core.token(10), {}, now);
  if (!invite) return;
  for (auto& [id, call] : life_->calls) {
    if (call->is_ringing_for(invite)) return call->on_cancelled(now);
  }
}

void UserAgent::on_ack(transaction::ServerId, const sip::Message& ack, const Flow&, TimePoint now) {
  for (auto& [id, call] : life_->calls) {
    if (call->owns(ack)) return call->on_ack(ack, now);
  }
}

void UserAgent::on_response(transaction::ClientId, std::uint64_t owner, const sip::Message& response, const Flow&,
                            TimePoint now) {
  const auto [purpose, id] = Owner::from(owner);
  switch (purpose) {
    case Purpose::kRegister: return life_->registration.on_response(response, now);
    case Purpose::kPress: return on_press_response(id, response, now);
    case Purpose::kInvite:
      if (auto* call = find_call(id)) call->on_invite_response(response, now);
      return;
    case Purpose::kBye:
      if (auto* call = find_call(id)) call->on_bye_response(response, now);
      return;
  }
}

void UserAgent::on_press_response(std::uint32_t id, const sip::Message& response, TimePoint now) {
  const auto found = life_->presses.find(id);
  const auto status = response.status();
  if (found == life_->presses.end() || status < 200) return;
  auto& press = found->second;
  if ((status == 401 || status == 407) && life_->core.answer_challenge(press.request, response) &&
      life_->core.request(press.request, {Purpose::kPress, id}, now)) {
    return;
  }
  auto event = life_->core.event(Event::Type::kMessage);
  event.key = press.key;
  event.peer = press.peer;
  event.status = status;
  event.reason = response.reason();
  life_->presses.erase(found);
  life_->core.emit(std::move(event));
}

void UserAgent::on_failure(transaction::ClientId, std::uint64_t owner, transaction::Failure failure, TimePoint now) {
  const auto [purpose, id] = Owner::from(owner);
  switch (purpose) {
    case Purpose::kRegister: return life_->registration.on_failure(now);
    case Purpose::kBye: return;  // the peer is gone; so is the call
    case Purpose::kInvite:
      if (auto* call = find_call(id)) call->on_invite_failure(failure, now);
      return;
    case Purpose::kPress:
      if (const auto found = life_->presses.find(id); found != life_->presses.end()) {
        auto event = life_->core.event(Event::Type::kMessage);
        event.key = found->second.key;
        event.peer = found->second.peer;
        event.reason = "no answer";
        life_->presses.erase(found);
        life_->core.emit(std::move(event));
      }
      return;
  }
}

}  // namespace lamplighter::phone
