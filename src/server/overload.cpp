#include <algorithm>
#include <chrono>

#include "base/log.h"
#include "base/text.h"
#include "lamp/pressed_key.h"
#include "server/core.h"

// More work than the worker can do: the kernel's buffer fills. What came first is done first; what is new is told to
// come back later, before everybody has to wait for everybody (RFC 3261 §21.5.4). Strangers first, presses never.
namespace lamplighter::server {

using sip::Message;
using sip::Method;

namespace {

constexpr auto kReportInterval = std::chrono::seconds{5};
// Retry-After is from here on up to twice as much: not all of them shall come back at once.
constexpr std::uint64_t kRetryAfter = 5;

}  // namespace

void Core::on_backlog(double filled) {
  // Told only when a whole turn was not enough: below this the next one mostly is.
  constexpr double kHoldBack = 0.05;
  backlog_ = filled;
  if (filled < shared_.settings.overload.strangers) {
    backlog_since_.reset();
  } else if (!backlog_since_) {
    backlog_since_ = shared_.clock.now();
  }
  lamps_.hold_back(filled > kHoldBack);
}

/// Whether this request is new work that has to wait.
bool Core::must_wait(const Message& request) {
  const auto& limits = shared_.settings.overload;
  // A burst, such as all phones of a house that has power again, is done before anybody sends again (timer T1).
  if (!backlog_since_ || shared_.clock.now() - *backlog_since_ < shared_.settings.timers.t1) return false;
  if (request.method() == Method::kAck || request.method() == Method::kCancel) return false;
  const auto* to = request.to();
  if (!to || !to->tag().empty() || table_.has(request)) return false;  // under way already
  if (!is_from_contact(request)) return true;
  return backlog_ >= limits.everybody && !is_press(request);
}

/// Whether the sender is registered at the very address that it sends from.
bool Core::is_from_contact(const Message& request) {
  caller_aor(request);
  shared_.location.lookup(aor_, shared_.clock.wall(), bindings_);
  return std::ranges::any_of(bindings_, [&](const location::Binding& binding) {
    return binding.flow.remote == arrival_.remote && binding.flow.kind == arrival_.kind;
  });
}

/// Of a registered phone, whose AOR is at hand.
bool Core::is_press(const Message& request) const {
  const auto* uri = request.uri();
  if (!uri || !uri->is_sip()) return false;
  const auto user = sip::unescape(uri->user);
  if (shared_.dial_plan.match(request.header(sip::HeaderId::kUserAgent), user)) return true;
  if (request.method() == Method::kInvite) return shared_.phones.toggle_that_dials(aor_, user).has_value();
  return request.method() == Method::kMessage && (lamp::pressed_key(request.body()) || lamp::key_of_target(user));
}

/// 503 without a transaction: refusing must cost less than doing.
void Core::refuse_for_now(const Message& request, const Flow& back, TimePoint now) {
  ++counters_.refused_busy;
  if (request.method() == Method::kAck) return;
  std::string retry = "Retry-After: ";
  append_number(retry, kRetryAfter + counters_.refused_busy.value() % kRetryAfter);
  retry += "\r\n";
  responder_.refuse(sender_, request, arrival_, back, 503, retry);
  if (last_busy_report_ && now - *last_busy_report_ < kReportInterval) return;
  log::warn(
      "sip: more comes than can be done; new requests are told to come back later (503): {} so far, the latest from {}",
      counters_.refused_busy.value(), arrival_.remote.to_string());
  last_busy_report_ = now;
}

}  // namespace lamplighter::server
