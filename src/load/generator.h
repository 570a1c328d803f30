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
#include "load/messages.h"
#include "load/options.h"
#include "load/result.h"
#include "load/socket.h"

namespace lamplighter::load {

/// Many virtual phones in one thread, in a closed loop: each starts its next request when the last one is finished, so
/// the server is never offered more than it answers. Phones share a few sockets; a message finds its phone by the
/// branch the phone made (responses) or by the user in the request-URI (MESSAGE).
class Generator {
 public:
  static std::expected<std::unique_ptr<Generator>, std::string> open(Options options);
  ~Generator();

  /// One run. Call it as often as wanted: first kRegister with a count of one each, then what is to be measured.
  Result run(Mode mode, Limit limit);

 private:
  struct Phone {
    std::string user;
    std::string instance;  ///< eight hex digits, the same in every run
    std::uint32_t socket = 0;
    std::uint32_t sequence = 0;  ///< CSeq of the request under way, or of the last one
    std::uint32_t requests = 0;
    std::uint32_t active_at = 0;  ///< place in active_, while one is under way
    bool active = false;
    bool answered = false;   ///< a final answer came
    bool lit = false;        ///< the MESSAGE came
    bool logged = false;     ///< its registration stands in the log
    std::uint8_t tries = 0;  ///< with credentials
    std::uint8_t resends = 0;
    TimePoint started, resend_at, give_up_at;
    std::uint64_t last_message = 0;  ///< hash of the newest MESSAGE's branch
    std::string challenge;           ///< WWW- or Proxy-Authenticate as received
    bool proxy_challenge = false;
    std::uint32_t nonce_count = 0;
    std::string authorization;  ///< header line of the request under way; a retransmission repeats it
  };

  Generator(Options options, std::vector<Socket> sockets);

  bool may_start(TimePoint now) const;
  void start_some(TimePoint now);
  void send_request(Phone& phone);
  Values values_of(const Phone& phone, std::uint32_t sequence);
  void send_ack(Phone& phone, std::uint32_t sequence, std::string_view response);
  void finish(Phone& phone, std::uint64_t& counter);

  void on_message(std::string_view message, TimePoint now);
  void on_response(Phone& phone, std::uint32_t sequence, const Incoming& incoming, std::string_view message,
                   TimePoint now);
  void on_final(Phone& phone, const Incoming& incoming, std::string_view message, TimePoint now);
  void on_request(const Incoming& incoming, std::string_view message, TimePoint now);
  bool retry_with_credentials(Phone& phone, int status, std::string_view message);
  void authorize(Phone& phone);
  std::string_view method() const;
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

  // Of the run under way.
  Mode mode_ = Mode::kPress;
  Limit limit_;
  Result result_;
  TimePoint begin_, end_;
  std::uint64_t started_ = 0;
  bool refused_ = false;
  std::deque<std::uint32_t> idle_;
  std::vector<std::uint32_t> active_;
  std::string log_text_;

  // Reused for every message.
  std::string branch_, tag_, call_id_, cseq_, uri_;
};

}  // namespace lamplighter::load
