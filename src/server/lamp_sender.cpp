#include "server/lamp_sender.h"

#include <fmt/format.h>

#include <iterator>

#include "base/log.h"
#include "lamp/x_buttons.h"
#include "server/branch.h"
#include "server/owner.h"
#include "sip/writer.h"

namespace lamplighter::server {

LampSender::LampSender(transaction::Table& table, Identity& identity, const lamp::Keyboards& keyboards)
    : table_(table), identity_(identity), keyboards_(keyboards) {}

void LampSender::deliver(std::string_view aor, std::string_view key, std::uint64_t version, LampTarget target,
                         TimePoint now) {
  auto index = fmt::format("{} {}", target.request_uri, key);
  auto [place, is_new] = by_contact_.try_emplace(index, next_slot_);
  if (is_new) {
    next_slot_ = (next_slot_ + 1) & Owner::kMask;
    deliveries_.emplace(place->second,
                        Entry{std::string(aor), std::string(key), std::move(target), {}, std::move(index)});
  } else {
    deliveries_.at(place->second).target = std::move(target);  // the phone may have moved
  }
  const auto slot = place->second;
  settle(slot, deliveries_.at(slot).delivery.on(lamp::Delivery::Desired{version}), now);
}

void LampSender::send(std::uint32_t slot, TimePoint now) {
  auto& entry = deliveries_.at(slot);
  // The state to show is read at the last moment: what was set meanwhile goes out now, not one request later.
  const auto state = keyboards_.find(entry.aor, entry.key);
  const lamp::KeyBlock block{entry.key, state ? state->key : lamp::Key{}, {}};
  body_.clear();
  lamp::encode_x_buttons(body_, &block, 1);

  const auto& target = entry.target;
  sip::Writer writer(buffer_);
  writer.request_line("MESSAGE", target.request_uri);
  auto& out = writer.text();
  fmt::format_to(std::back_inserter(out), "Via: SIP/2.0/{} {};rport;branch=", name_of(target.flow.kind),
                 target.flow.local.to_string());
  append_branch(out, identity_.worker(), identity_.next_number(), 0);
  fmt::format_to(std::back_inserter(out), "\r\nMax-Forwards: 70\r\nFrom: <{}>;tag=", target.from_uri);
  identity_.append_token(out);
  fmt::format_to(std::back_inserter(out), "\r\nTo: <{}>\r\nCall-ID: ", target.to_uri);
  identity_.append_token(out);
  out.append("\r\nCSeq: 1 MESSAGE\r\n");
  writer.body(lamp::kXButtonsType, body_);

  ++counters_.sent;
  entry.delivery.on(lamp::Delivery::Sent{});
  const Owner owner{.kind = Owner::Kind::kLampSender, .worker = identity_.worker(), .slot = slot};
  if (!table_.request(target.flow, sip::Method::kMessage, buffer_, owner.pack(), now)) on_failure(slot, now);
}

void LampSender::on_response(std::uint32_t slot, int status, TimePoint now) {
  if (status < 200) return;
  const auto found = deliveries_.find(slot);
  if (found == deliveries_.end()) return;
  if (status < 300) {
    ++counters_.confirmed;
  } else {
    ++counters_.refused;
    log::warn("lamp: {} key {}: {} refused the MESSAGE with {}", found->second.aor, found->second.key,
              found->second.target.flow.remote.to_string(), status);
  }
  settle(slot, found->second.delivery.on(lamp::Delivery::Answered{status}), now);
}

void LampSender::on_failure(std::uint32_t slot, TimePoint now) {
  const auto found = deliveries_.find(slot);
  if (found == deliveries_.end()) return;
  ++counters_.unreachable;
  log::warn("lamp: {} key {}: {} did not answer the MESSAGE", found->second.aor, found->second.key,
            found->second.target.flow.remote.to_string());
  settle(slot, found->second.delivery.on(lamp::Delivery::TimedOut{}), now);
}

void LampSender::settle(std::uint32_t slot, lamp::Delivery::Action action, TimePoint now) {
  if (action == lamp::Delivery::Action::kSend) return send(slot, now);
  const auto found = deliveries_.find(slot);
  if (found->second.delivery.state() == lamp::DeliveryState::kInFlight) return;
  by_contact_.erase(found->second.index);
  deliveries_.erase(found);
}

}  // namespace lamplighter::server
