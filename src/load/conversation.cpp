// What the phones say and how they take what is said to them; the loop around it is in generator.cpp.

#include <fmt/format.h>

#include <functional>

#include "base/random.h"
#include "load/generator.h"
#include "sip/digest.h"

namespace lamplighter::load {
namespace {

constexpr auto kNever = TimePoint::max();
constexpr std::uint8_t kTries = 2;  // with credentials, before 401 is taken for an answer

// An answer to a press after which no lamp message will come.
bool is_refusal(const Incoming& incoming) {
  return incoming.status < 300 || incoming.status >= 500 || incoming.status == 401 || incoming.status == 403 ||
         incoming.status == 407 || (incoming.status == 404 && incoming.reason == "Not Found");
}

std::string_view method_of(Deed deed) {
  switch (deed) {
    case Deed::kPress:
    case Deed::kCall: return "INVITE";
    case Deed::kBye: return "BYE";
    case Deed::kRegister:
    case Deed::kUnregister:
    case Deed::kQuery: return "REGISTER";
    case Deed::kOptions: return "OPTIONS";
    case Deed::kHttp: break;
  }
  return {};
}

}  // namespace

std::string Generator::request_uri(const Phone& phone) const {
  if (phone.deed == Deed::kBye) return phone.call.target;
  if (!is_invite(phone.deed)) return "sip:" + domain_;
  return fmt::format("sip:{}@{}", phone.dialled, domain_);
}

std::string Generator::contact_of(const Phone& phone) const {
  return fmt::format("sip:{}@{};line={}", phone.user, sockets_[phone.socket].local(), phone.instance);
}

Values Generator::values_of(const Phone& phone, Deed deed, std::uint32_t sequence) {
  branch_.clear();
  append_branch(branch_, {run_, index_of(phone), sequence});
  tag_.assign(branch_, 7);
  if (deed == Deed::kBye) {  // of the call that is there (§12.2.1.1)
    tag_.clear();
    append_branch(tag_, {run_, index_of(phone), phone.call.invite});
    tag_.erase(0, 7);
  }
  // A press is a new call each time; registrations of one phone share their Call-ID (RFC 3261 §10.2.4).
  call_id_ = tag_;
  if (deed == Deed::kRegister || deed == Deed::kUnregister) call_id_.erase(call_id_.rfind('-'));
  call_id_ += "@load";
  cseq_ = fmt::format_int(sequence).str();
  uri_ = request_uri(phone);

  Values values{};
  at(values, Slot::kUri) = uri_;
  at(values, Slot::kUser) = phone.user;
  at(values, Slot::kLocal) = sockets_[phone.socket].local();
  at(values, Slot::kBranch) = branch_;
  at(values, Slot::kTag) = tag_;
  at(values, Slot::kCallId) = call_id_;
  at(values, Slot::kSequence) = cseq_;
  at(values, Slot::kInstance) = phone.instance;
  at(values, Slot::kAuth) = phone.authorization;
  at(values, Slot::kTo) = phone.call.to;
  at(values, Slot::kRoute) = phone.call.routes;
  return values;
}

void Generator::send_request(Phone& phone) {
  const auto values = values_of(phone, phone.deed, phone.sequence);
  auto& out = sockets_[phone.socket].write(Lane::kRequest);
  switch (phone.deed) {
    case Deed::kPress:
    case Deed::kCall: return texts_.invite.render(out, values);
    case Deed::kBye: return texts_.bye.render(out, values);
    case Deed::kRegister: return texts_.register_.render(out, values);
    case Deed::kUnregister: return texts_.unregister.render(out, values);
    case Deed::kQuery: return texts_.query.render(out, values);
    case Deed::kOptions: return texts_.options.render(out, values);
    case Deed::kHttp: return;
  }
}

// RFC 3261 §17.1.1.3; the To of our INVITE holds its request-URI, so the response says even an old one.
void Generator::send_ack(Phone& phone, std::uint32_t sequence, std::string_view response) {
  const auto to = header_line(response, "To", 't');
  const auto open = to.find('<');
  auto values = values_of(phone, Deed::kPress, sequence);
  if (open != std::string_view::npos) at(values, Slot::kUri) = to.substr(open + 1, to.find('>') - open - 1);
  at(values, Slot::kTo) = to;
  texts_.ack.render(sockets_[phone.socket].write(Lane::kAck), values);
}

void Generator::on_message(std::string_view message, TimePoint now) {
  const auto incoming = look_at(message);
  if (!incoming) return;  // keepalives and rubbish
  if (incoming->status == 0) return on_request(*incoming, message, now);
  const auto ticket = ticket_of(incoming->branch);
  if (!ticket || ticket->run != run_ || ticket->phone >= phones_.size()) return;
  on_response(phones_[ticket->phone], ticket->sequence, *incoming, message, now);
}

void Generator::on_response(Phone& phone, std::uint32_t sequence, const Incoming& incoming, std::string_view message,
                            TimePoint now) {
  const bool current = phone.active && !phone.over_http && sequence == phone.sequence && !phone.answered;
  if (incoming.status < 200) {
    if (current && is_invite(phone.deed)) phone.resend_at = kNever;  // §17.1.1.2: Proceeding
    return;
  }
  if (current && phone.deed == Deed::kCall && incoming.status < 300) return on_answer_to_call(phone, message, now);
  // Every final response to an INVITE gets its ACK, the repeated ones too, or they would never end.
  if (incoming.method == "INVITE") {
    if (mode_ == Mode::kCall && incoming.status < 300) {
      if (sequence == phone.call.invite) acknowledge_call(phone);
    } else {
      send_ack(phone, sequence, message);
    }
  }
  if (!current) {
    ++result_.repeats;
    return;
  }
  if (retry_with_credentials(phone, incoming.status, message)) {
    phone.resend_at = now + options_.t1;
    return;
  }
  on_final(phone, incoming, message, now);
}

void Generator::on_final(Phone& phone, const Incoming& incoming, std::string_view message, TimePoint now) {
  phone.answered = true;
  phone.resend_at = kNever;
  if (phone.deed != Deed::kBye || incoming.status >= 300) {  // that a call was ended is no second answer to it
    ++result_.statuses[incoming.status];
    result_.answer.add(now - phone.started);
  }
  auto verdict = Verdict::kGood;
  if (director_ != nullptr) {
    verdict = director_->answered(index_of(phone), {incoming.status, incoming.reason, message});
  } else if (phone.deed == Deed::kPress ? is_refusal(incoming) : incoming.status >= 300) {
    verdict = Verdict::kBad;
  }
  if (verdict == Verdict::kBad) return finish(phone, End::kRefused);
  if (phone.deed == Deed::kRegister && incoming.status < 300) log_acknowledged(phone);
  if (mode_ == Mode::kQuery) check_promise(phone, message);
  phone.at_once = verdict == Verdict::kGoodAtOnce;
  finish_if_complete(phone);
}

void Generator::on_reply(const HttpReply& reply, TimePoint now) {
  auto& phone = phones_[reply.id];
  if (!phone.active || !phone.over_http || phone.answered) return;
  phone.answered = true;
  if (reply.status != 0) {
    ++result_.statuses[reply.status];
    result_.answer.add(now - phone.started);
  }
  const auto verdict = director_->answered(reply.id, {reply.status, {}, reply.body});
  if (verdict == Verdict::kBad) return finish(phone, End::kRefused);
  phone.at_once = verdict == Verdict::kGoodAtOnce;
  finish_if_complete(phone);
}

void Generator::on_request(const Incoming& incoming, std::string_view message, TimePoint now) {
  const auto user = user_number(incoming.uri);
  if (!user || *user < options_.first_user || *user - options_.first_user >= phones_.size()) return;
  auto& phone = phones_[*user - options_.first_user];
  if (mode_ == Mode::kCall && incoming.method != "MESSAGE") return on_call_request(phone, incoming, message, now);
  if (incoming.method == "ACK") return;
  append_ok(sockets_[phone.socket].write(Lane::kAnswer), message, phone.instance);
  if (incoming.method != "MESSAGE") return;

  // A phone has one lamp message under way at most, so remembering the newest tells repeats apart.
  const auto hash = std::hash<std::string_view>{}(incoming.branch);
  if (hash == phone.last_message) {
    ++result_.repeats;
    return;
  }
  phone.last_message = hash;
  ++result_.messages;
  on_lamp(phone, message, now);
}

void Generator::on_lamp(Phone& phone, std::string_view message, TimePoint now) {
  const auto due = phone.lamps_due;
  if (director_ == nullptr) {
    if (phone.active && due > 0) {
      phone.lamps_due = 0;
    } else {
      ++result_.unexpected;
    }
  } else {
    const auto end = message.find("\r\n\r\n");
    if (end == std::string_view::npos) return;
    director_->heard(index_of(phone));
    for (const auto& block : blocks_of(message.substr(end + 4))) {
      phone.lamps.show(block);
      const bool wanted = director_->lit(index_of(phone), block, phone.active);
      if (wanted && phone.active && phone.lamps_due > 0) --phone.lamps_due;
    }
  }
  if (!phone.active || due == 0 || phone.lamps_due > 0) return;
  result_.lamp.add(now - phone.started);
  finish_if_complete(phone);
}

bool Generator::retry_with_credentials(Phone& phone, int status, std::string_view message) {
  if ((status != 401 && status != 407) || !options_.password || phone.tries >= kTries) return false;
  ++phone.tries;
  phone.proxy_challenge = status == 407;
  phone.challenge = header_value(message, phone.proxy_challenge ? "Proxy-Authenticate" : "WWW-Authenticate");
  phone.nonce_count = 0;
  ++phone.sequence;  // §22.2: the next try is a new request with a higher CSeq
  phone.resends = 0;
  authorize(phone);
  if (phone.authorization.empty()) return false;
  send_request(phone);
  return true;
}

// Once challenged, a phone keeps using the nonce, counting, until it is refused.
void Generator::authorize(Phone& phone) {
  phone.authorization.clear();
  if (phone.challenge.empty() || !options_.password) return;
  const auto challenge = sip::parse_digest_challenge(phone.challenge);
  if (!challenge) return;
  phone.authorization = fmt::format(
      "{}: {}\r\n", phone.proxy_challenge ? "Proxy-Authorization" : "Authorization",
      sip::digest_authorization(*challenge, phone.user, *options_.password, method_of(phone.deed), request_uri(phone),
                                fmt::format("{:x}{:x}", run_, phone.sequence), ++phone.nonce_count));
}

void Generator::log_acknowledged(Phone& phone) {
  if (log_ < 0 || phone.logged) return;
  phone.logged = true;
  fmt::format_to(std::back_inserter(log_text_), "sip:{}@{} {}\n", phone.user, domain_, contact_of(phone));
}

void Generator::check_promise(Phone& phone, std::string_view message) {
  const auto& promise = options_.promises[index_of(phone)];
  if (!has_contact(message, promise.contact)) result_.missing.push_back(promise);
}

}  // namespace lamplighter::load
