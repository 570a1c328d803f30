#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/random.h"
#include "load/director.h"
#include "load/generator.h"
#include "load/ledger.h"

namespace lamplighter::load {

/// Makes a server promise things in every way it can, and holds it to them. Phones register and unregister, dial codes
/// (on, off, toggle), and have keys and whole keyboards written over the API, until the server is gone. Once it is back
/// everything that was acknowledged must be there; some presses are sent again, the same bytes, as by a phone that
/// never heard the answer, and must count once; and the lamps of every registered phone must come to show what the API
/// says.
///
/// Each phone does one thing at a time, so that what may be in its keys is known exactly (class Ledger).
class Witness : public Director {
 public:
  explicit Witness(Generator& generator);

  struct Report {
    std::uint64_t acknowledged = 0;   ///< since the server started: registrations, presses and writes
    std::uint64_t unsettled = 0;      ///< sent, and not acknowledged
    std::uint64_t refused = 0;        ///< by a server that could not store
    std::uint64_t again = 0;          ///< presses sent again after the restart
    std::uint64_t lamps = 0;          ///< looked at
    std::uint64_t stale = 0;          ///< phones with a lamp that shows what the server could not store
    double recovered = 0;             ///< seconds from the first look until all lamps were right
    std::vector<std::string> broken;  ///< promises, for people
    bool server_gone = false;         ///< false: ended for another reason
  };
  /// Until the server is gone, or the time is over.
  Report work(std::chrono::milliseconds longest);
  /// Waits until the server is back, at most so long; false: it is not.
  bool wait_for_server(std::chrono::milliseconds longest);
  /// Compares, completes `report`, and takes what it finds for the truth from now on.
  void verify(Report& report, std::chrono::milliseconds patience);

  std::optional<Order> next(std::uint32_t phone) override;
  Verdict answered(std::uint32_t phone, const Answer& answer) override;
  bool lit(std::uint32_t phone, const LampBlock& block, bool active) override;
  void ended(std::uint32_t phone, End end) override;

 private:
  enum class Phase : std::uint8_t {
    kWork,    ///< everything mixed
    kReach,   ///< is the server back?
    kLook,    ///< what the API says after the restart
    kAgain,   ///< presses sent again
    kAsk,     ///< what the registrar says
    kSettle,  ///< until lamps and API agree
  };
  enum class Kind : std::uint8_t { kNone, kRegister, kUnregister, kPress, kWrite };
  struct Found {
    bool registered = false;
    bool confirmed = false;
    Ledger::Keys keys;
  };
  struct Phone {
    Ledger ledger;
    Kind kind = Kind::kNone;  ///< the latest thing done
    bool acknowledged = false;
    /// The store refused a change that is in force, so its lamp may have been lit; should the server end before it is
    /// stored, the lamp shows what nobody remembers (decision 007). Until its lamps are right again.
    bool may_lie = false;
    bool rests = false;    ///< nobody knows what became of its latest order; until the next look
    bool handled = false;  ///< in this phase
    bool asked = false;    ///< in this run
    // Of a press.
    std::string ordered;       ///< what the key shall be: "on|Light is on"
    bool was_certain = false;  ///< before it
    bool proves = false;       ///< its lamp, lit, says that it is stored
    bool send_again = false;   ///< chosen to be sent again after the restart
    TimePoint pressed{};
    // Of a write.
    bool repeat = false;  ///< it was refused, and is tried again
    bool whole = false;
    std::string target, body;
    Ledger::Keys keys;

    std::optional<Found> found;  ///< by the latest look
  };

  Order work_order(std::uint32_t index);
  Order register_order(std::uint32_t index, bool on);
  Order press_order(std::uint32_t index);
  Order write_order(std::uint32_t index, bool whole);
  Order repeat_order(Phone& phone);
  std::optional<Order> order_of_phase(std::uint32_t index);
  Verdict worked(std::uint32_t index, const Answer& answer);
  Verdict looked(std::uint32_t index, const Answer& answer);
  void settle(std::uint32_t index, const Found& now);
  /// Each phone does its part once.
  void run(Phase phase, std::chrono::milliseconds longest);
  std::optional<std::string> wrong_lamp(std::uint32_t index, const Ledger::Keys& keys) const;
  std::optional<Found> found_in(std::uint32_t index, std::string_view document) const;
  void complain(std::uint32_t index, std::string_view what);
  bool in_doubt() const;

  Generator& generator_;
  Random random_;
  std::vector<Phone> phones_;
  Phase phase_ = Phase::kWork;
  Report report_;
  std::uint64_t labels_ = 0;
  bool reached_ = false;
  bool last_look_ = false;  ///< Phase::kSettle: what is not right now is broken
};

}  // namespace lamplighter::load
