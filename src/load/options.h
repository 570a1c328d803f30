#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/address.h"

namespace lamplighter::load {

/// What every virtual phone does over and over.
enum class Mode : std::uint8_t {
  kPress,      ///< INVITE to a dialled code, 404, ACK, MESSAGE, 200
  kRegister,   ///< REGISTER, 200 (a refresh after the first)
  kOptions,    ///< OPTIONS to the server, 200
  kCall,       ///< INVITE through the server to another phone, 180, 200, ACK, BYE, 200
  kQuery,      ///< REGISTER without Contact: what is bound? (for --verify)
  kApi,        ///< PUT of one key with ?wait, and the MESSAGE it causes
  kLamps,      ///< nothing: hears the lamps that the server sends by itself
  kKeyboards,  ///< PUT of a whole keyboard, and the MESSAGEs it causes
  kWitness,    ///< everything mixed, and proof that what was acknowledged survives the server's end
};
std::string_view name_of(Mode mode);

/// A registration somebody was promised: the line `aor contact` of an acknowledgement log.
struct Promise {
  std::string aor;      ///< sip:1000@127.0.0.1
  std::string contact;  ///< sip:1000@127.0.0.1:40000;line=...
};

struct Options {
  SocketAddress server;
  std::string domain;  ///< of the addresses of record; the server's address when empty
  std::uint32_t phones = 100;
  std::uint32_t first_user = 1000;
  std::uint32_t sockets = 16;
  /// The sockets have this port of the loopback interface and those after it; 0: any. A phone that another process
  /// registered is reached then.
  std::uint16_t first_port = 0;
  /// Phones with a request under way at once; they take turns. 0: all of them, at most 100.
  std::uint32_t in_flight = 0;
  std::vector<std::string> dial = {"431", "432"};
  std::string user_agent = "snom370/8.4.35";
  std::optional<std::string> password;
  std::chrono::seconds expires{3600};
  std::chrono::milliseconds t1{500};  ///< RFC 3261 Timers A and E start here
  std::chrono::milliseconds timeout{32000};
  /// Every AOR whose 200 arrived is appended here before anything else is sent.
  std::string acknowledged_log;
  /// For Mode::kQuery: one virtual phone each, instead of `phones`.
  std::vector<Promise> promises;

  SocketAddress http;                 ///< of the API
  std::string token;                  ///< bearer token; empty: none
  std::uint32_t connections = 16;     ///< HTTP connections, kept open
  std::chrono::microseconds pace{0};  ///< one start each, at most; 0: as soon as the last one ended
  std::string key = "2";              ///< of Mode::kApi, and the one that dialled codes change
  std::uint32_t keys = 12;            ///< of a keyboard, named 1, 2, …
  std::vector<std::string> toggles;   ///< codes that turn a dark lamp on and a lit one off; for Mode::kWitness
  std::uint64_t seed = 1;             ///< what Mode::kWitness does next
  /// While a file of this name exists, storing may fail: refusals are no mistakes, and a lit lamp proves nothing.
  std::string doubt;

  /// Set from a signal handler to end early.
  const std::atomic<bool>* stop = nullptr;
  /// Called about once a second: finished so far, seconds since the start.
  std::function<void(std::uint64_t, double)> progress;
};

/// How long one run lasts: until either is reached; what is under way then is given two more seconds.
struct Limit {
  std::chrono::milliseconds duration{10'000};
  std::uint64_t count = UINT64_MAX;
};

}  // namespace lamplighter::load
