#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "load/lamps.h"

namespace lamplighter::load {

/// One thing a virtual phone, or somebody on its behalf over HTTP, does.
enum class Deed : std::uint8_t {
  kPress,       ///< INVITE to `dialled`
  kRegister,    ///< REGISTER
  kUnregister,  ///< REGISTER with Expires: 0
  kOptions,
  kCall,   ///< INVITE to the phone `dialled`, ACK
  kBye,    ///< BYE in that call
  kQuery,  ///< REGISTER without Contact
  kHttp,   ///< `method` `target` with `body`
};

/// Whether it begins with an INVITE.
inline bool is_invite(Deed deed) { return deed == Deed::kPress || deed == Deed::kCall; }

struct Order {
  Deed deed = Deed::kHttp;
  std::string dialled{};
  /// The phone sends its latest request once more, the same bytes: nothing new is made.
  bool again = false;
  std::string method{}, target{}, body{};
  /// Lamps that must be lit as ordered, besides the answer, before this is done.
  std::uint32_t lamps = 0;
};

/// The final answer: a SIP response or an HTTP response.
struct Answer {
  int status = 0;           ///< 0: the HTTP connection broke
  std::string_view reason;  ///< SIP
  std::string_view text;    ///< the SIP message, or the HTTP body
};

enum class Verdict : std::uint8_t {
  kGood,
  kGoodAtOnce,  ///< and no lamp needs to be waited for
  kBad,
};

enum class End : std::uint8_t { kDone, kRefused, kTimeout };

/// Says what the phones of a Generator do, and what counts as success. Phones are numbered from 0.
class Director {
 public:
  virtual ~Director() = default;
  /// What this phone does next; nullopt: no more in this run.
  virtual std::optional<Order> next(std::uint32_t phone) = 0;
  virtual Verdict answered(std::uint32_t phone, const Answer& answer) = 0;
  /// A lamp message came: each counts once, repeats are dropped.
  virtual void heard(std::uint32_t) {}
  /// It was about this key, which the phone now shows. Returns whether this is one of
  /// the lamps the order under way waits for; `active`: there is such an order.
  virtual bool lit(std::uint32_t phone, const LampBlock& block, bool active) = 0;
  virtual void ended(std::uint32_t phone, End end) = 0;
  /// Generator::listen() need not go on.
  virtual bool content() const { return false; }
};

}  // namespace lamplighter::load
