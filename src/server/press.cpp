#include <fmt/format.h>

#include <string>

#include "base/hash.h"
#include "base/log.h"
#include "lamp/pressed_key.h"
#include "server/core.h"
#include "sip/headers.h"

// Orders to lamps that come as requests: dialled codes and key presses (PROTOCOL §1, §3).
namespace lamplighter::server {

using sip::HeaderId;
using sip::Message;
using sip::Method;
using transaction::ServerId;

namespace {

/// One press, whatever way it arrives and however often: a request that is sent again keeps these (RFC 3261 §8.1.1).
service::PressMark mark_of(const Message& request, WallTime at) {
  const auto* from = request.from();  // validate() has read it
  const auto* cseq = request.cseq();
  return {.id = stable_hash({request.header(HeaderId::kCallId), from ? from->tag() : std::string_view(),
                             cseq ? std::to_string(cseq->number) : std::string()}),
          .at = at};
}

/// For the history: "431 dialled from 192.0.2.7:5060".
std::string dialled_from(std::string_view user, const SocketAddress& remote) {
  std::string text;
  text.reserve(user.size() + 40);
  text.append(user).append(" dialled from ");
  remote.append_to(text);
  return text;
}

bool is_initial(const Message& request) {
  const auto* to = request.to();
  return to && to->tag().empty();
}

}  // namespace

/// Whose keys: the AOR of From. The sender has proven to be it, or is trusted.
void Core::caller_aor(const Message& request) {
  const auto* from = request.from();  // validate() has read it
  if (from->uri.is_sip()) {
    shared_.domains.canonical_aor(from->uri, aor_);
  } else {
    aor_ = from->uri_text;
  }
}

bool Core::dial_to_light(ServerId id, const Message& request, const Routing& routing, TimePoint now) {
  if (request.method() != Method::kInvite || !is_initial(request)) return false;
  const auto user = sip::unescape(routing.uri.user);
  const auto* order = shared_.dial_plan.match(request.header(HeaderId::kUserAgent), user);
  caller_aor(request);
  std::optional<lamp::KeyName> key;
  if (order == nullptr) {
    key = shared_.phones.toggle_that_dials(aor_, user);
    if (!key) return false;
  }

  // The answer first: the phone repeats the INVITE until it has one.
  ++counters_.presses;
  reply(id, request, shared_.settings.dial_reply_code, shared_.settings.dial_reply_reason, now);
  if (order != nullptr) {
    carry_out(request, order->edit(), {lamp::Origin::Kind::kDial, dialled_from(user, arrival_.remote)},
              order->off.has_value());
  } else {
    carry_out(request, {.name = *key, .kind = lamp::Edit::Kind::kToggle, .key = nullptr, .off = nullptr},
              {lamp::Origin::Kind::kPress,
               fmt::format("key {} pressed, {} dialled from {}", *key, user, arrival_.remote.to_string())},
              true);
  }
  return true;
}

/// A MESSAGE is a press when it names a key of its sender (a line `k=` in the body, or the target "key-5" that keys
/// without a number are given), or a code of the dial plan. Other messages go to whom they are for.
bool Core::press_by_message(ServerId id, const Message& request, const Routing& routing, TimePoint now) {
  if (request.method() != Method::kMessage || !is_initial(request)) return false;
  const auto user = sip::unescape(routing.uri.user);
  caller_aor(request);

  // What is for a phone goes to that phone, whatever it says: text with "k=1" in it, or buttons that somebody else
  // sends.
  shared_.domains.canonical_aor(routing.uri, target_aor_);
  shared_.location.lookup(target_aor_, shared_.clock.wall(), bindings_);
  if (!bindings_.empty()) return false;

  auto key = lamp::pressed_key(request.body());
  if (!key) {
    if (const auto named = lamp::key_of_target(user)) key = lamp::KeyName(*named);
  }
  const auto state = key ? shared_.phones.find(aor_, *key) : std::nullopt;
  const auto* order = shared_.dial_plan.match(request.header(HeaderId::kUserAgent), user);
  bool toggle = false;
  if (state && state->key) {
    toggle = state->key->press == lamp::Press::kToggle;
    // What the key dials stands for itself: its owner set it, so it needs no User-Agent to prove it.
    if (const auto* own = shared_.dial_plan.find(state->key->number)) order = own;
  }
  if (!toggle && order == nullptr) {
    if (!key) return false;
    reply(id, request, 404, "This key has nothing to do", now);
    return true;
  }

  ++counters_.presses;
  reply(id, request, 200, {}, now);
  const auto origin = [&] {
    return lamp::Origin{lamp::Origin::Kind::kPress,
                        key ? fmt::format("key {} pressed on {}", *key, arrival_.remote.to_string())
                            : fmt::format("{} messaged from {}", user, arrival_.remote.to_string())};
  };
  if (toggle) {
    carry_out(request, {.name = *key, .kind = lamp::Edit::Kind::kToggle, .key = nullptr, .off = nullptr}, origin(),
              true);
  } else {
    carry_out(request, order->edit(), origin(), true);
  }
  return true;
}

/// `once`: doing it twice would be wrong, also when the request comes again after a restart.
void Core::carry_out(const Message& request, const lamp::Edit& edit, lamp::Origin origin, bool once) {
  const auto wall = shared_.clock.wall();
  std::optional<service::PressMark> mark;
  if (once) {
    mark = mark_of(request, wall);
    if (!shared_.presses.first(*mark)) {
      ++counters_.presses_again;
      return;
    }
  }

  const auto* from = request.from();  // validate() has read these two
  const auto* to = request.to();
  const auto* contact = request.contact();
  lamp::Caller caller{.flow = arrival_,
                      .contact = contact ? contact->uri_text : from->uri_text,
                      .user_agent = request.header(HeaderId::kUserAgent),
                      .hint = {}};
  if (request.method() == Method::kInvite) {
    // The contract of the tutorial: the Contact and the To URI of this INVITE (PROTOCOL §1).
    caller.hint.request_uri = caller.contact;
    caller.hint.to_uri = to->uri_text;
  }
  const auto change = shared_.desk.dialled(aor_, edit, origin, caller, mark);
  if (!change) log::warn("lamp: {}: {}: {}", aor_, origin.detail, change.error().what);
}

}  // namespace lamplighter::server
