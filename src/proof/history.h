#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lamp/key.h"
#include "transport/interceptor.h"

// What happens to a simulated server and its phones, in order: made from numbers, written and read as text.
namespace lamplighter::proof {

/// The keys that histories are about: "1" to this. Codes of the dial plan are for key 2.
inline constexpr unsigned kKeys = 4;
inline constexpr unsigned kDialKey = 2;
/// The number of the dial plan that flips the dial key.
inline constexpr std::string_view kToggleCode = "441";
/// What a key with the server's toggle dials: 701 for key 1.
std::string toggle_number(unsigned key);

/// What a press of a written key does.
enum class Action : std::uint8_t {
  kInvite,           ///< dials 432
  kMessage,          ///< sends a MESSAGE to 441
  kToggle,           ///< the server's toggle, asked for by INVITE
  kToggleByMessage,  ///< the server's toggle, asked for by MESSAGE
};

/// One event. Which fields count depends on the kind.
struct Step {
  enum class Kind : std::uint8_t {
    kWait,      ///< milliseconds: `value`
    kDial,      ///< phone, code
    kPress,     ///< phone, key: whatever the phone thinks the key does
    kWrite,     ///< API: aor, key, light, action
    kClear,     ///< API: aor, key
    kFlip,      ///< API toggle: aor, key
    kBoard,     ///< API, the whole keyboard: aor, lights
    kReboot,    ///< phone: forgets everything and is silent for a while
    kRegister,  ///< phone: a refresh
    kMove,      ///< phone: its packets come from another port from now on; it registers
    kUnplug,    ///< phone
    kPlug,      ///< phone
    kCrash,     ///< server: gone in an instant; of the changes on their way to the disk the first `value` arrive
    kStart,     ///< server: starts again with what the disk has
    kNet,       ///< faults of the network from now on
    kDiskFail,  ///< every commit fails from now on
    kDiskHeal,
    kDiskSlow,  ///< a commit takes `value` milliseconds
    kWall,      ///< the server's wall clock is off by `value` seconds (may be negative)
  };
  Kind kind = Kind::kWait;
  unsigned phone = 0;  ///< counted from 1
  std::string aor;     ///< user part
  unsigned key = 0;
  std::int64_t value = 0;
  std::string code;
  lamp::Light light{};
  Action action{};
  std::vector<std::pair<unsigned, lamp::Light>> lights;
  transport::FaultSettings net;

  std::string text() const;
};

/// Phones, and what happens to them.
struct History {
  std::vector<std::string> phones{"101", "101", "102"};  ///< whose each phone is
  unsigned workers = 2;
  std::uint64_t seed = 1;  ///< of the network's faults, the phones' tokens and the server's jitter
  std::vector<Step> steps;

  /// One line a step, the set-up first; what parse() reads.
  std::string text() const;
  /// Blank lines and what follows a "#" are left out. The error says which line and what was expected.
  static std::expected<History, std::string> parse(std::string_view text);
  /// As many steps as there are words; the same words give the same history, and smaller words simpler steps.
  static History from(std::uint64_t seed, std::span<const std::uint32_t> words);
  /// A random history of 10 to 40 steps.
  static History random(std::uint64_t seed);
};

}  // namespace lamplighter::proof
