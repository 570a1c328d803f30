#include "sip/method.h"

#include <array>

namespace lamplighter::sip {
namespace {

constexpr std::array<std::string_view, 15> kNames{"",         "INVITE",  "ACK",     "BYE",       "CANCEL",
                                                  "REGISTER", "OPTIONS", "MESSAGE", "SUBSCRIBE", "NOTIFY",
                                                  "PUBLISH",  "INFO",    "PRACK",   "UPDATE",    "REFER"};

constexpr Method kFirst = Method::kInvite;
constexpr Method kLast = Method::kRefer;
static_assert(kNames.size() == static_cast<std::size_t>(kLast) + 1);

}  // namespace

Method method_from(std::string_view name) {
  for (auto at = static_cast<std::size_t>(kFirst); at < kNames.size(); ++at) {
    if (kNames[at] == name) return static_cast<Method>(at);
  }
  return Method::kUnknown;
}

std::string_view name_of(Method method) { return kNames[static_cast<std::size_t>(method)]; }

}  // namespace lamplighter::sip
