#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "phone/core.h"
#include "phone/dialog.h"

namespace lamplighter::phone {

/// One call, from the first INVITE to the last retransmission that must be answered (RFC 3261 §13, §15). An ended call
/// stays a while when the peer may not have heard of its end; finished() tells when it can go.
class Call {
 public:
  /// Calls somebody.
  static std::unique_ptr<Call> dial(Core& core, std::uint32_t id, std::string target, TimePoint now);
  /// Takes an INVITE: rings.
  static std::unique_ptr<Call> ring(Core& core, std::uint32_t id, transaction::ServerId server,
                                    const sip::Message& invite, const Flow& flow, TimePoint now);

  std::uint32_t id() const { return id_; }
  CallState state() const { return state_; }
  bool ended() const { return state_ == CallState::kEnded; }
  bool outgoing() const { return outgoing_; }
  const std::string& peer() const { return peer_; }
  bool finished() const { return ended() && !forget_ && !repeat_ok_; }

  void answer(TimePoint now);
  void reject(int status, TimePoint now);
  /// Whatever ends the call in its state: CANCEL, 486, BYE.
  void hang_up(TimePoint now);

  /// Whether a request inside a dialog, an ACK included, is for this call.
  bool owns(const sip::Message& request) const { return dialog_ && dialog_->owns(request); }
  /// Whether an INVITE outside a dialog is this call's, come by another way (§8.2.2.2).
  bool is_merged(const sip::Message& invite) const;
  bool is_ringing_for(transaction::ServerId invite) const {
    return server_ == invite && state_ == CallState::kIncoming;
  }

  /// A request inside the dialog other than ACK.
  void on_request(transaction::ServerId id, const sip::Message& request, const Flow& flow, TimePoint now);
  void on_ack(const sip::Message& ack, TimePoint now);
  /// The caller gave up: ends the INVITE with 487. The CANCEL itself has been answered.
  void on_cancelled(TimePoint now);
  void on_invite_response(const sip::Message& response, TimePoint now);
  void on_invite_failure(transaction::Failure failure, TimePoint now);
  void on_bye_response(const sip::Message& response, TimePoint now);
  void on_timer(PhoneTimer timer, TimePoint now);

 private:
  Call(Core& core, std::uint32_t id, bool outgoing);

  void set_state(CallState state, int status = 0, std::string_view reason = {});
  void end(int status, std::string_view reason, bool linger, TimePoint now);
  void accept_2xx(const sip::Message& response, TimePoint now);
  void send_bye(Dialog& dialog, TimePoint now);
  /// Answers an INVITE kept as bytes.
  void respond_invite(int status, std::string_view headers, bool with_sdp, TimePoint now);
  void start_repeating_ok(transaction::ServerId id, std::string bytes, std::uint32_t cseq, TimePoint now);
  void stop_repeating_ok();
  std::string sdp() const;

  Core& core_;
  std::uint32_t id_;
  CallState state_ = CallState::kEnded;
  bool outgoing_;
  std::string peer_;
  std::uint64_t session_;  ///< SDP session id
  std::optional<Dialog> dialog_;

  // The caller's side.
  Request invite_;
  transaction::ClientId client_;
  bool cancelled_ = false;
  struct Ack {
    Flow flow;
    std::string bytes;
  };
  std::map<std::string, Ack> acks_;  ///< by the To tag of the 2xx: forks answer with different ones
  Request bye_;

  // The called side.
  transaction::ServerId server_;
  std::string invite_bytes_;
  Flow invite_flow_;
  std::string local_tag_;
  TimerHandle auto_answer_, ring_limit_;

  // A 2xx of ours that waits for its ACK (§13.3.1.4).
  transaction::ServerId ok_server_;
  std::string ok_bytes_;
  std::uint32_t ok_cseq_ = 0;
  Duration ok_interval_{};
  TimerHandle repeat_ok_, no_ack_;
  bool bye_when_acked_ = false;

  TimerHandle forget_;
};

}  // namespace lamplighter::phone
