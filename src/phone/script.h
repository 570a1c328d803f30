#pragma once

#include <cstddef>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "lamp/key.h"

// What a phone can be told: by a script, line by line, or by somebody at the terminal (docs/virtual-phone.md).
namespace lamplighter::phone {

/// Something that is or is not so: "registered", "talking", "key 2 on".
struct Condition {
  enum class What : std::uint8_t {
    kRegistered,
    kUnregistered,
    kCalling,
    kRinging,
    kIncoming,
    kTalking,
    kIdle,
    kKey,
  };
  What what{};
  lamp::KeyName key;
  lamp::Light light{};

  std::string to_string() const;
};

struct Command {
  enum class Kind : std::uint8_t {
    kRegister,
    kUnregister,
    kDial,   ///< argument
    kPress,  ///< argument
    kAnswer,
    kReject,  ///< status
    kHangUp,
    kReboot,
    kUnplug,
    kPlug,
    kShow,
    kHelp,
    kQuit,
    kSleep,   ///< time
    kWait,    ///< condition, time
    kExpect,  ///< condition
  };
  Kind kind{};
  std::string argument;
  int status = 486;
  Condition condition;
  Duration time{};
  std::size_t line = 0;  ///< of the script, 1-based
};

/// How long `wait` waits when the script does not say.
inline constexpr Duration kDefaultWait = std::chrono::seconds{10};

/// "500ms", "2s", "1.5s", "1m"; a bare number is seconds.
std::expected<Duration, std::string> parse_duration(std::string_view text);

/// One command as scripts write it. The error says what was expected.
std::expected<Command, std::string> parse_command(std::string_view line);

/// One line typed at the terminal: a command, or short: "431" and "d 431" dial, "p 2", "a", "h", "r", "u", "?", "q".
/// Nothing for an empty line.
std::expected<std::optional<Command>, std::string> parse_typed(std::string_view line);

struct ScriptError {
  std::size_t line;
  std::string what;
};
/// A whole script: one command a line; a line starting with '#', and what follows a lone '#', is a comment.
std::expected<std::vector<Command>, ScriptError> parse_script(std::string_view text);

}  // namespace lamplighter::phone
