#pragma once

#include <cstdint>
#include <expected>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/sender.h"
#include "phone/call.h"
#include "phone/core.h"
#include "phone/event.h"
#include "phone/keyboard.h"
#include "phone/registration.h"
#include "phone/settings.h"
#include "transaction/user.h"
#include "transport/receiver.h"

namespace lamplighter::phone {

/// What a call's state is when there is none.
inline constexpr std::string_view kIdle = "idle";

/// The virtual phone: a SIP user agent with keys and lamps, on whatever `sender` reaches: a transport::Worker's sockets
/// or a transport::SimNetwork's node. It has one server, which is its registrar and its outbound proxy. Everything
/// happens on one thread, in on_message(), on_timers() and the commands; events are handed out when these are done, so
/// an observer may give commands itself. Commands that cannot be done now say why.
class UserAgent final : public transport::Receiver, private transaction::TransactionUser {
 public:
  using Result = std::expected<void, std::string>;

  /// `server` says where the server is and which local address the phone has. Tags, Call-IDs and branches come from
  /// `seed`.
  UserAgent(Settings settings, Sender& sender, const Clock& clock, const Flow& server, std::uint64_t seed,
            PhoneObserver& observer);
  ~UserAgent() override;

  /// Registers, and stays registered.
  Result register_now();
  Result unregister();
  /// A number or a whole SIP URI.
  Result dial(std::string_view number);
  /// What the key's `a=` and `n=` say; an event when it does nothing.
  Result press(std::string_view key);
  /// Takes the ringing call.
  Result answer();
  /// Refuses the ringing call, with 486 or another final status.
  Result reject(int status);
  /// Ends the latest call, whatever its state.
  Result hang_up();
  /// Forgets keys, calls and everything else, is silent for Settings::boot_time, then registers again if it was to be.
  void reboot();
  /// Pulls the network cable, and puts it in again: nothing is sent or heard meanwhile, timers go on.
  void unplug();
  void plug();
  /// Another server (or a peer, for direct calls), from the next request on.
  void set_server(const Flow& server);

  RegistrationState registration() const { return life_->registration.state(); }
  const std::string& registration_detail() const { return life_->registration.detail(); }
  bool booting() const { return booting_; }
  bool plugged() const { return plugged_; }
  /// The latest call that has not ended; nullptr when idle.
  const Call* call() const;
  std::size_t calls() const;
  const Keyboard& keyboard() const { return life_->keyboard; }
  const Settings& settings() const { return settings_; }
  const Flow& server() const { return server_; }
  const transaction::Table& transactions() const { return life_->core.table(); }

  void on_message(const Flow& flow, std::string_view bytes, TimePoint now) override;
  void on_timers(TimePoint now) override;
  std::optional<TimePoint> next_timer() const override;
  void on_flow_closed(const Flow& flow, TimePoint now) override;

 private:
  /// An `a=message` press on its way.
  struct PressMessage {
    Request request;
    lamp::KeyName key;
    std::string peer;
  };

  /// Everything a reboot forgets.
  struct Life {
    Life(UserAgent& phone, std::uint64_t seed, TimePoint now);

    Core core;
    Registration registration;
    Keyboard keyboard;
    std::map<std::uint32_t, std::unique_ptr<Call>> calls;
    std::map<std::uint32_t, PressMessage> presses;
    std::uint32_t last_id = 0;
  };

  /// Brackets everything that may change the phone: at the end of the outermost one, finished calls go and events are
  /// told.
  class Turn {
   public:
    explicit Turn(UserAgent& phone) : phone_(phone) { ++phone_.depth_; }
    ~Turn() {
      if (--phone_.depth_ == 0) phone_.end_turn();
    }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

   private:
    UserAgent& phone_;
  };

  void on_request(transaction::ServerId id, const sip::Message& request, const Flow& flow, TimePoint now) override;
  void on_cancel(transaction::ServerId cancel, transaction::ServerId invite, const sip::Message& request,
                 const Flow& flow, TimePoint now) override;
  void on_ack(transaction::ServerId invite, const sip::Message& ack, const Flow& flow, TimePoint now) override;
  void on_response(transaction::ClientId id, std::uint64_t owner, const sip::Message& response, const Flow& flow,
                   TimePoint now) override;
  void on_failure(transaction::ClientId id, std::uint64_t owner, transaction::Failure failure, TimePoint now) override;
  void on_stray_response(const sip::Message&, const Flow&, TimePoint) override {}

  void on_invite(transaction::ServerId id, const sip::Message& request, const Flow& flow, TimePoint now);
  void on_buttons(transaction::ServerId id, const sip::Message& request, const Flow& flow, TimePoint now);
  /// Answers with an error and tells the observer.
  void refuse(transaction::ServerId id, const sip::Message& request, const Flow& flow, int status,
              std::string_view reason, std::string_view headers, TimePoint now);
  void on_press_response(std::uint32_t id, const sip::Message& response, TimePoint now);
  void boot(TimePoint now);
  void fire(TimerWheel::Expired expired, TimePoint now);
  Result ready() const;
  void place_call(std::string_view number, TimePoint now);
  Call* find_call(std::uint32_t id);
  void end_turn();

  sip::Message message_;  ///< 3 KB, reused for each message that comes
  const Settings settings_;
  Sender& sender_;
  const Clock& clock_;
  Flow server_;
  Random seeds_;  ///< one seed a life
  PhoneObserver& observer_;
  const TimePoint made_;
  bool booting_ = false;
  bool plugged_ = true;
  bool register_after_boot_ = false;
  int depth_ = 0;
  bool telling_ = false;
  std::vector<Event> events_;
  std::unique_ptr<Life> life_;
};

}  // namespace lamplighter::phone
