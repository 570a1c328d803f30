#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "lamp/model.h"
#include "transaction/action.h"

namespace lamplighter::phone {

/// Who the phone is: an address of record taken apart.
struct Identity {
  std::string uri;   ///< "sip:101@127.0.0.1", no parameters
  std::string user;  ///< "101", escapes undone
  std::string host;  ///< "127.0.0.1", "[::1]", "example.com"
  std::uint16_t port = 5060;

  /// Reads "sip:101@127.0.0.1" or "101@127.0.0.1:5070". The error says what was expected.
  static std::expected<Identity, std::string> parse(std::string_view text);
};

/// What a phone is and how it behaves. Everything not known about real phones is here, never a constant.
struct Settings {
  Identity identity;
  lamp::Model model{};
  std::string user_agent;  ///< "snom370/8.7.5.35"
  std::string auth_user;   ///< empty: the identity's user
  std::string password;    ///< empty: challenges are failures
  std::chrono::seconds expires{3600};
  /// Put into Contact and Via; 0: the local port of the flow to the server.
  std::uint16_t contact_port = 0;

  /// How long a reboot takes; the phone is silent meanwhile.
  Duration boot_time = std::chrono::seconds{2};
  /// Calls are answered by themselves after this time.
  std::optional<Duration> auto_answer;
  /// A second call rings instead of getting 486.
  bool call_waiting = false;
  /// What is answered when every key of a document is one the phone does not have.
  int unknown_key_status = 200;

  /// When nothing has been heard from the registrar for this long, the owner is told (the attempt goes on).
  Duration patience = std::chrono::seconds{3};
  /// Pause after a failed registration; doubles until `retry_max`.
  Duration retry_first = std::chrono::seconds{1};
  Duration retry_max = std::chrono::seconds{30};
  transaction::TimerBase timers;

  /// The model's usual User-Agent and the number of its keys.
  static Settings of(Identity identity, const lamp::Model& model);
};

/// "snom370/8.7.5.35": what a phone of this model calls itself.
std::string user_agent_of(const lamp::Model& model);

/// A model by its name; the error lists the known ones and suggests the nearest.
std::expected<const lamp::Model*, std::string> find_model(std::string_view name);

}  // namespace lamplighter::phone
