#pragma once

#include <cstdint>
#include <deque>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "load/director.h"
#include "load/http_pool.h"
#include "load/lamps.h"
#include "load/messages.h"
#include "load/options.h"
#include "load/result.h"
#include "load/socket.h"

namespace lamplighter::load {

/// Many virtual phones in one thread, in a closed loop: each starts its next request when the last one is finished, so
/// the server is never offered more than it answers. Phones share a few sockets; a message finds its phone by the
/// branch the phone made (responses) or by the user in the request-URI (MESSAGE). With a Director, what is done for a
/// phone may also be a request to the server's HTTP API.
class Generator {
 public:
  static std::expected<std::unique_ptr<Generator>, std::string> open(Options options);
  ~Generator();

  /// One run. Call it as often as wanted: first kRegister with a count of one each, then what is to be measured.
  Result run(Mode mode, Limit limit);
  /// The same for a director, who decides what is done. Ends also when no phone has anything left to do.
  Result run(Director& director, Mode mode, Limit limit);

  /// Only hears and answers lamp messages for this time, or until the director is content.
  Result listen(Director& director, std::chrono::milliseconds duration);

  std::uint32_t phones() const { return static_cast<std::uint32_t>(phones_.size()); }
  /// "1000@127.0.0.1"
  std::string aor_of(std::uint32_t phone) const;
  std::string contact_of(std::uint32_t phone) const { return contact_of(phones_[phone]); }
  Lamps& lamps_of(std::uint32_t phone) { return phones_[phone].lamps; }
  const Options& options() const { return options_; }
  /// At most one start in this time from now on; 0: no such limit.
  void set_pace(std::chrono::microseconds pace) { options_.pace = pace; }

 private:
  /// The call a phone is in: the dialog of the caller; of the callee, the answer that is not acknowledged yet.
  struct Call {
    std::uint32_t invite = 0;  ///< CSeq of the INVITE; its branch, Call-ID and tag are made of it
    std::string target;        ///< Contact of the callee
    std::string to, routes;    ///< header lines
    std::string answer;        ///< 200 of the callee, until its ACK comes
    TimePoint answer_again;
    std::uint8_t answers = 0;  ///< sent again so often
  };
  struct Phone {
    std::string user;
    std::string instance;  ///< eight hex digits, the same in every run
    std::uint32_t socket = 0;
    std::uint32_t sequence = 0;  ///< CSeq of the request under way, or of the last one
    std::uint32_t requests = 0;
    std::uint32_t active_at = 0;  ///< place in active_, while one is under way
    bool active = false;
    bool over_http = false;       ///< the one under way is a request to the API
    Deed deed = Deed::kOptions;   ///< the latest by SIP
    bool answered = false;        ///< a final answer came
    bool at_once = false;         ///< and no lamp is waited for any more
    std::uint32_t lamps_due = 0;  ///< MESSAGEs that must come before it is done
    bool logged = false;          ///< its registration stands in the log
    std::uint8_t tries = 0;       ///< with credentials
    std::uint8_t resends = 0;
    TimePoint started, resend_at, give_up_at;
    std::uint64_t last_message = 0;  ///< hash of the newest MESSAGE's branch
    std::string challenge;           ///< WWW- or Proxy-Authenticate as received
    bool proxy_challenge = false;
    std::uint32_t nonce_count = 0;
    std::string authorization;  ///< header line of the request under way; a retransmission repeats it
    std::string dialled;
    Call call;
    Lamps lamps;  ///< what it shows; kept only for a director
  };

  Generator(Options options, std::vector<Socket> sockets);

  bool may_start(TimePoint now) const;
  void start_some(TimePoint now);
  void start(Phone& phone, const Order& order, TimePoint now);
  Order order_of_mode(const Phone& phone) const;
  void wait_and_receive(TimePoint& now, TimePoint until);
  void receive(Socket& socket, TimePoint now);
  void send_request(Phone& phone);
  Values values_of(const Phone& phone, Deed deed, std::uint32_t sequence);
  void send_ack(Phone& phone, std::uint32_t sequence, std::string_view response);
  void finish(Phone& phone, End end);
  void finish_if_complete(Phone& phone);

  void on_message(std::string_view message, TimePoint now);
  void on_response(Phone& phone, std::uint32_t sequence, const Incoming& incoming, std::string_view message,
                   TimePoint now);
  void on_final(Phone& phone, const Incoming& incoming, std::string_view message, TimePoint now);
  void on_reply(const HttpReply& reply, TimePoint now);
  void on_request(const Incoming& incoming, std::string_view message, TimePoint now);
  void on_lamp(Phone& phone, std::string_view message, TimePoint now);
  void on_answer_to_call(Phone& phone, std::string_view message, TimePoint now);
  void acknowledge_call(Phone& phone);
  void hang_up(Phone& phone, TimePoint now);
  void on_call_request(Phone& phone, const Incoming& incoming, std::string_view message, TimePoint now);
  void answer_again(Phone& callee, TimePoint now);
  Phone& callee_of(const Phone& caller) { return phones_[index_of(caller) + 1]; }
  const Phone& callee_of(const Phone& caller) const { return phones_[index_of(caller) + 1]; }
  bool retry_with_credentials(Phone& phone, int status, std::string_view message);
  void authorize(Phone& phone);
  std::string request_uri(const Phone& phone) const;
  void log_acknowledged(Phone& phone);
  void check_promise(Phone& phone, std::string_view message);

  void flush_all();
  void flush_log();
  void on_timers(TimePoint now);
  std::string contact_of(const Phone& phone) const;
  std::uint32_t index_of(const Phone& phone) const { return static_cast<std::uint32_t>(&phone - phones_.data()); }

  Options options_;
  std::string server_;
  std::string domain_;
  Texts texts_;
  std::uint32_t run_;
  int epoll_ = -1;
  int log_ = -1;
  std::vector<Socket> sockets_;
  std::vector<Phone> phones_;
  Inbox inbox_;
  std::unique_ptr<HttpPool> http_;  ///< only when a director may need it

  // Of the run under way.
  Mode mode_ = Mode::kPress;
  Director* director_ = nullptr;
  Limit limit_;
  Result result_;
  TimePoint begin_, end_, next_start_;
  std::uint64_t started_ = 0;
  bool refused_ = false;
  std::deque<std::uint32_t> idle_;
  std::vector<std::uint32_t> active_;
  std::string log_text_;

  // Reused for every message.
  std::string branch_, tag_, call_id_, cseq_, uri_;
};

}  // namespace lamplighter::load
