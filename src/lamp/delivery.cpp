#include "lamp/delivery.h"

#include <algorithm>
#include <cassert>
#include <iterator>
#include <limits>
#include <utility>

namespace lamplighter::lamp {
namespace {

/// Retry-After is obeyed up to here: nobody leaves a lamp wrong for an hour because a phone said so.
constexpr std::chrono::minutes kRetryAfterMax{5};

// Errors that say "not now" rather than "not this": timed out, too many requests, not reachable at the moment, busy, a
// request of the phone's own is in the way, and the server errors that pass. Everything else is a refusal.
bool is_transient(int status) {
  constexpr int kTransient[] = {408, 429, 480, 486, 491, 500, 502, 503, 504};
  return std::ranges::find(kTransient, status) != std::end(kTransient);
}

}  // namespace

std::string_view name_of(DeliveryState state) {
  switch (state) {
    case DeliveryState::kPending: return "pending";
    case DeliveryState::kConfirmed: return "confirmed";
    case DeliveryState::kRetrying: return "retrying";
    case DeliveryState::kUnreachable: return "unreachable";
    case DeliveryState::kRefused: return "refused";
  }
  return "";
}

Delivery::Next Delivery::next(const Keyboard& desired, const DeliveryPace& pace, TimePoint now) const {
  if (phase_ == Phase::kInFlight) return {};
  std::vector<Index> keys;
  std::uint64_t newest = 0;
  for (std::size_t slot = 0; slot < desired.size(); ++slot) {
    const auto index = static_cast<Index>(slot);
    if (!due(desired, index)) continue;
    keys.push_back(index);
    newest = std::max(newest, desired.version(index));
  }
  if (keys.empty()) return {};
  if (const TimePoint at = earliest(newest, pace); now < at) return {Next::What::kWait, at};

  const std::size_t count = std::min(keys.size(), std::max<std::size_t>(pace.batch, 1));
  std::ranges::partial_sort(keys, keys.begin() + static_cast<std::ptrdiff_t>(count), std::ranges::greater{},
                            [&](Index slot) { return desired.version(slot); });
  keys.resize(count);
  return {Next::What::kSend, now, std::move(keys)};
}

// After a crash the store must not show a state together with the confirmation of that very state, while the phone
// shows a later one that was lost. So a state newer than the recorded confirmation goes out only once the store has
// something newer, too. One that is not newer (doubted; or its successor was confirmed and then lost) is free to go.
bool Delivery::due(const Keyboard& desired, Index slot) const {
  const std::uint64_t version = desired.version(slot);
  const auto& [confirmed, look, refused, refused_with, recorded, news] = progress(slot);
  if (version == confirmed || version == refused) return false;
  return version <= recorded || desired.released(slot) > recorded;
}

TimePoint Delivery::earliest(std::uint64_t newest, const DeliveryPace& pace) const {
  const TimePoint at = std::max(linger_until_, ended_at_ + pace.gap);
  const bool silent = last_status_ == 0;
  return silent && newest > newest_sent_ ? at : std::max(at, not_before_);
}

void Delivery::next_attempt() { attempt_ = attempt_ == std::numeric_limits<std::uint32_t>::max() ? 1 : attempt_ + 1; }

std::uint32_t Delivery::sent(const Keyboard& desired, std::span<const Index> keys, TimePoint now) {
  assert(phase_ != Phase::kInFlight && !keys.empty());
  phase_ = Phase::kInFlight;
  stale_ = false;
  sent_at_ = now;
  carried_.clear();
  newest_sent_ = 0;
  for (const Index slot : keys) {
    carried_.push_back({slot, desired.version(slot), look_of(desired.key(slot))});
    newest_sent_ = std::max(newest_sent_, desired.version(slot));
  }
  next_attempt();
  return attempt_;
}

// Takes what was under way, when this is its outcome.
std::optional<std::vector<Delivery::Carried>> Delivery::end(std::uint32_t attempt, TimePoint now) {
  if (phase_ != Phase::kInFlight || attempt != attempt_) return std::nullopt;
  phase_ = Phase::kIdle;
  ended_at_ = now;
  return std::exchange(carried_, {});
}

std::vector<Delivery::Carried> Delivery::answered(std::uint32_t attempt, int status,
                                                  std::optional<std::chrono::seconds> retry_after,
                                                  const DeliveryTiming& timing, Random& random, TimePoint now) {
  if (status < 200) return {};  // provisional: says nothing yet
  auto carried = end(attempt, now);
  if (!carried || std::exchange(stale_, false)) return {};  // stale: the phone forgot it while it answered
  const auto code = static_cast<std::uint16_t>(status);
  if (is_transient(status)) {
    fail(code, retry_after, timing, random, now);
    return {};
  }

  failures_ = 0;
  last_status_ = 0;
  not_before_ = now;  // it was tried during a pause: what else is due need not sit that out
  std::erase_if(*carried, [](const Carried& key) { return key.doubted; });
  if (status >= 300) {
    for (const auto& key : *carried) {
      at(key.slot).refused = key.version;
      at(key.slot).refused_with = code;
    }
    return {};
  }
  for (const auto& key : *carried) {
    at(key.slot) = {.confirmed = key.version, .look = key.look, .recorded = key.version, .news = true};
  }
  return *std::move(carried);
}

void Delivery::timed_out(std::uint32_t attempt, const DeliveryTiming& timing, Random& random, TimePoint now) {
  if (!end(attempt, now)) return;
  linger_until_ = now + timing.linger;
  // A phone that was booting could not answer: that says nothing about it now.
  if (!std::exchange(stale_, false)) fail(0, std::nullopt, timing, random, now);
}

void Delivery::fail(std::uint16_t status, std::optional<std::chrono::seconds> retry_after, const DeliveryTiming& timing,
                    Random& random, TimePoint now) {
  phase_ = Phase::kWaiting;
  last_status_ = status;
  if (failures_ < std::numeric_limits<decltype(failures_)>::max()) ++failures_;

  Duration pause = timing.retry_first;
  for (int doubled = 1; doubled < failures_ && pause < timing.retry_max; ++doubled) pause *= 2;
  const double stretch = 1 + timing.jitter * (2 * random.unit() - 1);
  pause = std::chrono::duration_cast<Duration>(std::min(pause, timing.retry_max) * stretch);
  if (retry_after) pause = std::max<Duration>(pause, std::min<std::chrono::seconds>(*retry_after, kRetryAfterMax));
  not_before_ = now + pause;
}

bool Delivery::heard(TimePoint now) {
  if (phase_ == Phase::kWaiting) not_before_ = std::min(not_before_, now);
  return in_flight();
}

void Delivery::reborn(const Keyboard& desired, bool moved, TimePoint now) {
  for (std::size_t slot = 0; slot < keys_.size(); ++slot) {
    const auto index = static_cast<Index>(slot);
    const bool dark = slot < desired.size() && !desired.key(index) && keys_[slot].confirmed == desired.version(index);
    if (!dark) keys_[slot] = {};
  }
  failures_ = 0;
  last_status_ = 0;
  not_before_ = now;
  if (phase_ == Phase::kWaiting) phase_ = Phase::kIdle;
  stale_ = in_flight();
  if (stale_ && moved) abandon();
}

void Delivery::abandon() {
  linger_until_ = {};
  if (phase_ != Phase::kInFlight) return;
  phase_ = Phase::kIdle;
  stale_ = false;
  carried_.clear();
  next_attempt();  // its outcome is nobody's any more
}

void Delivery::keep_quiet(TimePoint until) { linger_until_ = std::max(linger_until_, until); }

void Delivery::doubt(Index slot) {
  for (auto& key : carried_) key.doubted |= key.slot == slot;
  if (slot < keys_.size()) keys_[slot] = {.recorded = keys_[slot].recorded};
}

void Delivery::restore(Index slot, std::uint64_t version, Look look) {
  at(slot) = {.confirmed = version, .look = look, .recorded = version};
}

void Delivery::forget(Index slot) {
  std::erase_if(carried_, [slot](const Carried& key) { return key.slot == slot; });
  if (slot < keys_.size()) keys_[slot] = {};
}

Delivery::KeyProgress& Delivery::at(Index slot) {
  if (slot >= keys_.size()) keys_.resize(slot + std::size_t{1});
  return keys_[slot];
}

const Delivery::KeyProgress& Delivery::progress(Index slot) const {
  static constexpr KeyProgress kNone;
  return slot < keys_.size() ? keys_[slot] : kNone;
}

DeliveryState Delivery::state(const Keyboard& desired, Index slot) const {
  const auto& key = progress(slot);
  if (key.confirmed == desired.version(slot)) return DeliveryState::kConfirmed;
  if (key.refused == desired.version(slot)) return DeliveryState::kRefused;
  if (failures_ == 0) return DeliveryState::kPending;
  return last_status_ == 0 ? DeliveryState::kUnreachable : DeliveryState::kRetrying;
}

int Delivery::status(const Keyboard& desired, Index slot) const {
  switch (state(desired, slot)) {
    case DeliveryState::kRefused: return progress(slot).refused_with;
    case DeliveryState::kRetrying: return last_status_;
    case DeliveryState::kPending:
    case DeliveryState::kConfirmed:
    case DeliveryState::kUnreachable: return 0;
  }
  return 0;
}

std::size_t Delivery::behind(const Keyboard& desired) const {
  std::size_t count = 0;
  for (std::size_t slot = 0; slot < desired.size(); ++slot) {
    count += static_cast<std::size_t>(due(desired, static_cast<Index>(slot)));
  }
  return count;
}

bool Delivery::all_confirmed(const Keyboard& desired) const {
  for (std::size_t slot = 0; slot < desired.size(); ++slot) {
    const auto index = static_cast<Index>(slot);
    if (progress(index).confirmed != desired.version(index)) return false;
  }
  return true;
}

std::optional<TimePoint> Delivery::waits_until() const {
  if (phase_ != Phase::kWaiting) return std::nullopt;
  return std::max(not_before_, linger_until_);
}

}  // namespace lamplighter::lamp
