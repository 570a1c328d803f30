#include "server/lamp_sender.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/log.h"
#include "lamp/x_buttons.h"
#include "server/branch.h"
#include "server/owner.h"
#include "sip/headers.h"
#include "sip/uri.h"
#include "sip/writer.h"

namespace lamplighter::server {
namespace {

using namespace std::chrono_literals;
using lamp::DeliveryState;
using sip::HeaderId;

constexpr auto kRestoreTick = 10ms;
// Confirmations are collected, about a second under a steady load: losing them costs one request a lamp after a crash,
// nothing else, and a lamp that is switched often is written once. At each tick a part leaves, so that a hundred
// thousand confirmations of one broadcast do not stand in the way of a press in the store's queue (decision 011).
constexpr auto kFlushTick = 50ms;
constexpr std::size_t kFlushShare = 20;  // of what is waiting
constexpr std::size_t kFlushLeast = 16;
constexpr auto kReportInterval = 1s;

std::string_view text_of(const Identity::Token& token) { return {token.data(), token.size()}; }

Owner owner_of(std::uint8_t worker, std::uint32_t contact) {
  return {
      .kind = Owner::Kind::kLampSender, .worker = worker, .slot = contact & Owner::kMask, .generation = contact >> 22};
}

/// "sip:101@192.0.2.5": the phone's own address as it knows it. The domain "localhost" stands for none: then it is the
/// address the phone registered at.
void append_address(std::string& out, std::string_view aor, const Flow& flow) {
  const auto at = aor.rfind('@');
  const auto host = aor.substr(at + 1);
  out += "sip:";
  sip::append_escaped_user(out, aor.substr(0, at));
  out += '@';
  if (host == "localhost") {
    flow.local.ip.append_host_to(out);
  } else {
    out += host;
  }
}

/// `text` with the local address in the place of "{ip}".
void append_from(std::string& out, std::string_view text, const Flow& flow) {
  const auto at = text.find("{ip}");
  out += text.substr(0, at);
  if (at == std::string_view::npos) return;
  flow.local.ip.append_host_to(out);
  out += text.substr(at + 4);
}

}  // namespace

LampSender::LampSender(const LampSettings& settings, transaction::Table& table, TimerWheel& wheel, Identity& identity,
                       lamp::Phones& phones, service::LampDesk& desk, store::Store& store,
                       std::function<void(const lamp::Wake&)> wake_other)
    : settings_(settings),
      table_(table),
      wheel_(wheel),
      identity_(identity),
      phones_(phones),
      desk_(desk),
      store_(store),
      wake_other_(std::move(wake_other)) {}

void LampSender::look_after(const lamp::Wake& wake, TimePoint now) {
  phones_.next(wake.contact, identity_.worker(), step_);
  auto* entry = entries_.find(wake.contact);
  if (entry) {
    wheel_.cancel(std::exchange(entry->timer, {}));
    if (entry->client && step_.attempt != entry->attempt) give_up(*entry);
  }

  using What = lamp::Step::What;
  switch (step_.what) {
    case What::kSend: return send(wake.contact, now);
    case What::kWait: {
      auto& waiting = entries_[wake.contact];
      waiting.timer = wheel_.schedule(step_.at, owner_of(identity_.worker(), wake.contact).pack(), kLook);
      return;
    }
    case What::kNothing: {
      if (!entry) return;
      if (!entry->client) {
        entries_.erase(wake.contact);
      } else if (step_.hurry && now - entry->sent_at >= settings_.hurry_after) {
        table_.resend(entry->client, now);
      }
      return;
    }
    case What::kElsewhere:
      entries_.erase(wake.contact);
      return wake_other_({.worker = step_.worker, .contact = wake.contact});
    case What::kGone: entries_.erase(wake.contact); return;
  }
}

void LampSender::give_up(Entry& entry) {
  table_.abandon(std::exchange(entry.client, {}));
  ++counters_.abandoned;
}

/// The order of `step_`.
void LampSender::send(std::uint32_t contact, TimePoint now) {
  const auto& order = step_.order;
  auto& entry = entries_[contact];
  entry.attempt = order.attempt;
  entry.sent_at = now;
  entry.remote = order.flow.remote;
  entry.call_id = identity_.token();
  write(order, entry);
  ++counters_.sent;
  entry.client =
      table_.request(order.flow, sip::Method::kMessage, buffer_, owner_of(identity_.worker(), contact).pack(), now);
  if (!entry.client) end(contact, {.status = 0, .retry_after = {}, .call_id = text_of(entry.call_id)}, now);
}

void LampSender::write(const lamp::Order& order, const Entry& entry) {
  const auto* hint = order.hint.get();
  sip::Writer writer(buffer_);
  writer.request_line("MESSAGE", hint && !hint->request_uri.empty() ? hint->request_uri : order.uri);
  auto& out = writer.text();
  out.append("Via: SIP/2.0/").append(name_of(order.flow.kind)).append(" ");
  order.flow.local.append_to(out);
  out += ";rport;branch=";
  append_branch(out, identity_.worker(), identity_.next_number(), 0);
  out += "\r\nMax-Forwards: 70\r\n";
  if (!order.path.empty()) writer.header("Route", order.path);  // RFC 3327 §5.3
  out += "From: <";
  append_from(out, hint && !hint->from_uri.empty() ? hint->from_uri : settings_.from, order.flow);
  out += ">;tag=";
  identity_.append_token(out);
  out += "\r\nTo: <";
  if (hint && !hint->to_uri.empty()) {
    out += hint->to_uri;
  } else {
    append_address(out, order.aor, order.flow);
  }
  out.append(">\r\nCall-ID: ").append(text_of(entry.call_id)).append("\r\nCSeq: 1 MESSAGE\r\n");
  body_.clear();
  lamp::encode_x_buttons(body_, order.blocks.data(), order.blocks.size());
  writer.body(lamp::kXButtonsType, body_);
}

void LampSender::on_response(std::uint32_t contact, const sip::Message& response, TimePoint now) {
  const auto* entry = entries_.find(contact);
  if (response.status() < 200 || !entry || !entry->client) return;
  const auto call_id = entry->call_id;  // the entry may go before the outcome is told
  lamp::Outcome outcome{.status = response.status(), .retry_after = {}, .call_id = text_of(call_id)};
  if (const auto* field = response.find(HeaderId::kRetryAfter)) {
    // RFC 3261 §20.33: seconds, and perhaps a comment and parameters behind them.
    const auto value = response.value(*field);
    if (const auto seconds = sip::parse_number(sip::trim(value.substr(0, value.find_first_of("(; ")))))
      outcome.retry_after = std::chrono::seconds{*seconds};
  }
  // Who answers another request than ours may not have read ours: that is no answer.
  const auto* cseq = response.cseq();
  if (!cseq || cseq->number != 1) {
    log::warn("lamp: {}: {} answered {} with CSeq \"{}\", expected \"1 MESSAGE\": taken for no answer",
              phones_.aor_of(contact), entry->remote.to_string(), response.status(), response.header(HeaderId::kCSeq));
    outcome.status = 0;
  }
  end(contact, outcome, now);
}

void LampSender::on_failure(std::uint32_t contact, TimePoint now) {
  const auto* entry = entries_.find(contact);
  if (!entry) return;
  const auto call_id = entry->call_id;
  end(contact, {.status = 0, .retry_after = {}, .call_id = text_of(call_id)}, now);
}

void LampSender::end(std::uint32_t contact, const lamp::Outcome& outcome, TimePoint now) {
  auto& entry = *entries_.find(contact);
  entry.client = {};
  const auto remote = entry.remote;
  // Asked first: a caller that is not registered is forgotten with the outcome.
  std::string aor;
  if (desk_.watched() || outcome.status < 200 || outcome.status >= 300) aor = phones_.aor_of(contact);
  const auto ended = phones_.ended(contact, entry.attempt, outcome);
  if (ended.counted) {
    switch (ended.state) {
      case DeliveryState::kConfirmed: ++counters_.confirmed; break;
      case DeliveryState::kRefused: ++counters_.refused; break;
      case DeliveryState::kRetrying: ++counters_.retrying; break;
      case DeliveryState::kUnreachable: ++counters_.unreachable; break;
      case DeliveryState::kPending: break;
    }
    report(aor, remote, ended.state, outcome.status, now);
  }
  if (ended.to_record) {
    to_record_.push_back(contact);
    flush_later(now);
  }
  look_after({.worker = identity_.worker(), .contact = contact}, now);
  if (!aor.empty()) desk_.progressed(aor);
}

/// What an administrator should know of, but not ten thousand times when a switch has lost power.
void LampSender::report(std::string_view aor, const SocketAddress& remote, DeliveryState state, int status,
                        TimePoint now) {
  if (state == DeliveryState::kConfirmed || state == DeliveryState::kPending) return;
  if (last_report_ && now - *last_report_ < kReportInterval) {
    ++unreported_;
    return;
  }
  const auto more = unreported_ > 0 ? fmt::format(" ({} more like this before it)", unreported_) : std::string();
  if (state == DeliveryState::kUnreachable) {
    log::warn("lamp: {}: {} did not answer the MESSAGE; it is tried again{}", aor, remote.to_string(), more);
  } else {
    log::warn("lamp: {}: {} answered the MESSAGE with {}{}{}", aor, remote.to_string(), status,
              state == DeliveryState::kRetrying ? "; it is tried again" : "", more);
  }
  last_report_ = now;
  unreported_ = 0;
}

// --- The store

void LampSender::flush_later(TimePoint now) {
  if (to_record_.empty() || std::exchange(flush_due_, true)) return;
  wheel_.schedule(now + kFlushTick, 0, kFlush);
}

void LampSender::flush_some(TimePoint now) {
  flush_due_ = false;
  hand_over(std::max(kFlushLeast, to_record_.size() / kFlushShare));
  flush_later(now);
}

void LampSender::flush() { hand_over(to_record_.size()); }

void LampSender::hand_over(std::size_t most) {
  store::Confirmations confirmed;
  for (; most > 0 && !to_record_.empty(); --most) {
    phones_.confirmations(to_record_.front(), confirmed);
    to_record_.pop_front();
  }
  if (confirmed.empty()) return;
  store_.commit(std::move(confirmed), [](std::expected<void, store::StoreError> done) {
    // After a restart these lamps are sent once more.
    if (!done) log::debug("store: confirmations could not be stored: {}", done.error().what);
  });
}

// --- After a start

void LampSender::restore(std::vector<std::pair<lamp::Wake, std::size_t>> behind, std::size_t workers, TimePoint now) {
  if (behind.empty()) return;
  restore_step_ = static_cast<double>(settings_.restore_rate) / static_cast<double>(workers) *
                  std::chrono::duration<double>(kRestoreTick).count();
  behind_.assign(std::make_move_iterator(behind.begin()), std::make_move_iterator(behind.end()));
  wheel_.schedule(now, 0, kRestore);
}

void LampSender::restore_some(TimePoint now) {
  if (!held_back_) restore_credit_ += restore_step_;
  while (!held_back_ && !behind_.empty() && restore_credit_ > 0) {
    const auto [wake, lamps] = std::move(behind_.front());
    behind_.pop_front();
    restore_credit_ -= static_cast<double>(lamps);  // may go below nothing: the next ticks pay it back
    look_after(wake, now);
  }
  if (!behind_.empty()) wheel_.schedule(now + kRestoreTick, 0, kRestore);
}

void LampSender::on_timer(std::uint64_t owner, std::uint32_t kind, TimePoint now) {
  switch (kind) {
    case kRestore: return restore_some(now);
    case kFlush: return flush_some(now);
    case kLook: {
      const auto whose = Owner::unpack(owner);
      const auto contact = whose.slot | (whose.generation << 22);
      auto* entry = entries_.find(contact);
      if (!entry) return;
      entry->timer = {};
      return look_after({.worker = identity_.worker(), .contact = contact}, now);
    }
    default: return;
  }
}

std::size_t LampSender::in_flight() const {
  std::size_t count = 0;
  entries_.for_each([&](std::uint32_t, const Entry& entry) { count += entry.client ? 1 : 0; });
  return count;
}

}  // namespace lamplighter::server
