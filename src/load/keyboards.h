#pragma once

#include <string>
#include <vector>

#include "load/director.h"
#include "load/generator.h"
#include "load/kernel.h"

namespace lamplighter::load {

/// What a whole-keyboard change for every phone took.
struct KeyboardsReport {
  Result changes;                      ///< done: phones whose every lamp was lit as ordered
  double confirmed = 0;                ///< seconds until the API said so of every key; 0: it never did
  std::uint64_t minimum = 0;           ///< requests needed: one for each key and change
  std::uint64_t messages = 0;          ///< requests that came, repeats not counted
  std::uint64_t most = 0, least = 0;   ///< of them, to one phone
  std::uint64_t lamps = 0, wrong = 0;  ///< lamps looked at in the end, and those that do not show what was ordered
  std::string first_wrong;             ///< for people
  std::optional<Memory> before, registered, after;  ///< of the server
};

std::string describe(const KeyboardsReport& report);
std::string to_json(const KeyboardsReport& report);

/// Gives every phone a new keyboard, over the API, and waits until all of them show it.
class Keyboards : public Director {
 public:
  Keyboards(Generator& generator, std::uint32_t changes);

  /// The phones are registered. `server` may be absent: then there is no memory to report.
  KeyboardsReport run(std::chrono::milliseconds longest, std::optional<pid_t> server, std::optional<Memory> before);

  std::optional<Order> next(std::uint32_t phone) override;
  Verdict answered(std::uint32_t phone, const Answer& answer) override;
  bool lit(std::uint32_t phone, const LampBlock& block, bool active) override;
  void heard(std::uint32_t phone) override { ++boards_[phone].messages; }
  void ended(std::uint32_t phone, End end) override;

  const std::string& complaint() const { return complaint_; }

 private:
  enum class Phase : std::uint8_t { kChange, kAsk };
  struct Board {
    std::uint32_t changes = 0;
    std::uint32_t messages = 0;
    std::uint64_t shown = 0;  ///< one bit for each key that shows what the latest change orders
  };
  std::string light_of(std::uint32_t phone, std::uint32_t key) const;
  std::string label_of(std::uint32_t phone, std::uint32_t key) const;
  void check_lamps(KeyboardsReport& report);
  bool ask_whether_confirmed(std::chrono::milliseconds longest);

  Generator& generator_;
  std::uint32_t changes_;
  Phase phase_ = Phase::kChange;
  std::vector<Board> boards_;
  std::string after_;              ///< Phase::kAsk: the page to ask for
  std::uint64_t unconfirmed_ = 0;  ///< Phase::kAsk
  bool last_page_ = false;
  std::string complaint_;
};

}  // namespace lamplighter::load
