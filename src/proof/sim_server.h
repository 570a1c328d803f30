#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "lamp/phones.h"
#include "proof/disk.h"
#include "service/lamp_desk.h"
#include "transport/sim_network.h"

namespace lamplighter::proof {

/// Mechanisms that can be taken out, to see that the proof notices (mutation_test.cpp).
struct Without {
  bool registration_news = false;   ///< a registration wakes nobody: stale after reboot
  bool other_contacts = false;      ///< only the phone that asked is told: not following changes elsewhere
  bool retries = false;             ///< the first failure is final: stuck after loss
  bool remembered_presses = false;  ///< presses before a crash are forgotten
  bool kept_confirmations = false;  ///< what was confirmed before a crash is forgotten
  bool waiting_for_store = false;   ///< writes are acknowledged before they are durable
};

/// Sees what the server does, from outside.
class ServerWatcher {
 public:
  virtual ~ServerWatcher() = default;
  virtual void on_server_sends(const SocketAddress& to, std::string_view bytes) = 0;
  /// Just before the server takes a datagram; on_change() until on_taken() comes from it.
  virtual void on_server_takes(const SocketAddress& from, std::string_view bytes) = 0;
  virtual void on_taken() = 0;
  /// A change is handed to the store, not necessarily for the first time.
  virtual void on_change(const service::DeskRecord& record) = 0;
};

/// The whole server but its sockets, threads and HTTP, wired as app::Server does; its disk and network are given. Made:
/// it has started and read its disk. Destroyed: it was killed (Disk::cut() first).
class SimServer {
 public:
  struct Setup {
    SocketAddress address;
    unsigned workers = 1;
    std::uint64_t seed = 1;
    Without without;
  };
  SimServer(const Setup& setup, ManualClock& clock, transport::SimNetwork& network, Disk& disk, ServerWatcher& watcher);
  ~SimServer();
  SimServer(const SimServer&) = delete;
  SimServer& operator=(const SimServer&) = delete;

  service::LampDesk& desk();
  lamp::Phones& phones();
  /// The longest time from a healed network to the right lamps: a request that is being waited for, the longest pause,
  /// and the linger of another.
  static Duration retry_bound();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lamplighter::proof
