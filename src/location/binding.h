#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "base/clock.h"
#include "base/flow.h"

namespace lamplighter::location {

/// One registered contact of an address of record (RFC 3261 §10): the durable record and the way there.
struct Binding {
  std::string uri;           ///< the Contact URI exactly as registered, all parameters
  std::string instance;      ///< +sip.instance without its quotes; empty when none
  std::uint32_t reg_id = 0;  ///< RFC 5626; 0 when none
  std::string call_id;
  std::uint32_t cseq = 0;
  std::string user_agent;
  std::string path;       ///< Path header values, joined by ", "; empty when none
  std::int16_t q = 1000;  ///< thousandths
  Flow flow;
  /// First registration of this contact since the phone booted; another value is another life. Of the lives of one URI
  /// each has a later one, also within a millisecond or with a clock set back.
  WallTime registered{};
  WallTime refreshed{};  ///< its latest REGISTER
  WallTime expires{};

  friend bool operator==(const Binding&, const Binding&) = default;
};

/// HA1 digests of one user; the password itself is never kept.
struct Credential {
  std::string user;
  std::string realm;
  std::string ha1_md5;
  std::string ha1_sha256;

  friend bool operator==(const Credential&, const Credential&) = default;
};

}  // namespace lamplighter::location
