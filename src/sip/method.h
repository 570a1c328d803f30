#pragma once

#include <cstdint>
#include <string_view>

namespace lamplighter::sip {

/// Methods this program knows by name; anything else is kUnknown and keeps its text (RFC 3261 §7.1: case-sensitive).
enum class Method : std::uint8_t {
  kUnknown,
  kInvite,
  kAck,
  kBye,
  kCancel,
  kRegister,
  kOptions,
  kMessage,
  kSubscribe,
  kNotify,
  kPublish,
  kInfo,
  kPrack,
  kUpdate,
  kRefer,
};

Method method_from(std::string_view name);
/// The name; empty for kUnknown.
std::string_view name_of(Method method);

}  // namespace lamplighter::sip
