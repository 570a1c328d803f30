#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "base/sender.h"
#include "base/timer_wheel.h"
#include "phone/credentials.h"
#include "phone/event.h"
#include "phone/request.h"
#include "phone/settings.h"
#include "sip/message.h"
#include "transaction/table.h"

namespace lamplighter::phone {

/// What the answers to a request are for.
enum class Purpose : std::uint8_t { kRegister, kInvite, kBye, kPress };

/// The word a client transaction carries: its purpose and the number of the call or press.
struct Owner {
  Purpose purpose{};
  std::uint32_t id = 0;

  std::uint64_t word() const { return static_cast<std::uint64_t>(purpose) << 32 | id; }
  static Owner from(std::uint64_t word) {
    return {static_cast<Purpose>(word >> 32), static_cast<std::uint32_t>(word & 0xffffffffu)};
  }
};

/// The phone's own timers; below 32 are the transactions'.
enum class PhoneTimer : std::uint32_t {
  kBooted = 32,
  kRegister,  ///< refresh, or try again
  kPatience,  ///< nothing was heard from the registrar yet
  kRepeatOk,  ///< a 2xx to an INVITE still lacks its ACK
  kNoAck,     ///< … and will not get it
  kAutoAnswer,
  kRingLimit,
  kForget,  ///< an ended call needs no more answers
};

/// What registration, calls and keys share: identity on the wire, transactions, timers, credentials, and the network
/// cable. Lives from one boot to the next: a reboot makes a new one, so nothing can survive it by mistake.
class Core final : public Sender {
 public:
  Core(const Settings& settings, Sender& wire, transaction::TransactionUser& user, const Flow& server,
       std::uint64_t seed, TimePoint now, std::vector<Event>& events);

  /// The cable: while it is out, what is sent is lost.
  bool send(const Flow& flow, std::string_view bytes) override { return !plugged_ || wire_.send(flow, bytes); }
  void plug(bool in) { plugged_ = in; }

  const Settings& settings() const { return settings_; }
  const Flow& server() const { return server_; }
  void set_server(const Flow& server) { server_ = server; }
  transaction::Table& table() { return table_; }
  TimerWheel& wheel() { return wheel_; }
  const TimerWheel& wheel() const { return wheel_; }
  Credentials& credentials() { return credentials_; }

  /// Random lower-case hex, for tags, branches and Call-IDs.
  std::string token(std::size_t digits);
  std::string new_call_id();
  /// `<sip:101@192.0.2.1:5060;line=…>`: the same in every request until the next boot.
  const std::string& contact() const { return contact_; }
  std::string_view contact_uri() const { return std::string_view{contact_}.substr(1, contact_.size() - 2); }
  /// `<sip:101@example.com>;tag=` with a fresh tag.
  std::string new_from();
  /// `sip:431@example.com` for a number; a whole SIP URI stays as it is.
  std::string target_of(std::string_view number) const;

  TimerHandle after(Duration time, PhoneTimer kind, std::uint32_t id, TimePoint now);
  void cancel(TimerHandle& timer);

  /// Starts a client transaction, with credentials as far as they are known.
  transaction::ClientId request(Request& request, Owner owner, TimePoint now);
  /// Takes the challenge in a 401 or 407 and makes `request` ready to be sent again. False: it is final.
  bool answer_challenge(Request& request, const sip::Message& response);
  /// An ACK for a 2xx: its bytes, to be sent by send() as often as the 2xx comes.
  std::string ack_bytes(const Request& ack);

  /// Answers a request. `headers` are whole lines; an empty reason means the usual one.
  void respond(transaction::ServerId id, const sip::Message& request, const Flow& flow, int status,
               std::string_view reason, std::string_view to_tag, std::string_view headers, TimePoint now,
               std::string_view content_type = {}, std::string_view body = {});
  std::string response_bytes(const sip::Message& request, const Flow& flow, int status, std::string_view reason,
                             std::string_view to_tag, std::string_view headers, std::string_view content_type = {},
                             std::string_view body = {});

  Event event(Event::Type type) const;
  void emit(Event event) { events_.push_back(std::move(event)); }

 private:
  std::string new_via();

  const Settings& settings_;
  Sender& wire_;
  Flow server_;
  bool plugged_ = true;
  Random random_;
  TimerWheel wheel_;
  transaction::Table table_;
  Credentials credentials_;
  std::string contact_;
  std::string buffer_;
  std::vector<Event>& events_;
};

/// Methods this phone understands, as its Allow header says.
inline constexpr std::string_view kAllow = "INVITE, ACK, CANCEL, BYE, OPTIONS, MESSAGE";
inline constexpr std::string_view kAllowLine = "Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, MESSAGE\r\n";

}  // namespace lamplighter::phone
