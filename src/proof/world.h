#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "proof/history.h"
#include "proof/oracle.h"
#include "proof/sim_server.h"

namespace lamplighter::proof {

struct WorldOptions {
  Without without;
  /// Told what happens, a line each: for people who look for the reason of a failure.
  std::function<void(const std::string&)> trace;
};

/// What a run came to.
struct Verdict {
  std::optional<Failure> failure;
  std::size_t step = 0;      ///< how many steps were made before it showed
  Duration settled{};        ///< from the healed network to the right lamps
  std::size_t requests = 0;  ///< MESSAGEs sent by the server, without retransmissions
};

/// Plays a history: a server, its disk, phones and a network in virtual time. Afterwards everything is mended, and the
/// lamps must come right and then stay as they are.
Verdict play(const History& history, const WorldOptions& options = {});

/// Leaves out steps as long as the same promise is broken. `tries`: runs at most.
History shrink(History history, char invariant, const WorldOptions& options = {}, int tries = 3000);

}  // namespace lamplighter::proof
