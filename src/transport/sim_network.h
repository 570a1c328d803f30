#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/executor.h"
#include "base/sender.h"
#include "transport/interceptor.h"
#include "transport/receiver.h"

namespace lamplighter::transport {

/// A whole network in one thread and virtual time: nodes with addresses, datagrams between them, timers, posted tasks.
/// The same program as on real sockets runs on it, thousands of times faster than the clock, and every run can be
/// repeated.
class SimNetwork {
 public:
  explicit SimNetwork(ManualClock& clock);
  ~SimNetwork();

  /// One receiver at one address; also the executor its other threads would post to. Several nodes may share an address
  /// (a server's workers): like SO_REUSEPORT, the remote address chooses one of them, always the same.
  class Node : public Sender, public Executor {
   public:
    virtual const SocketAddress& address() const = 0;
    virtual void attach(Receiver& receiver) = 0;
    /// A flow from this node to a remote address.
    virtual Flow flow_to(const SocketAddress& remote) const = 0;
  };
  /// `worker` is put into the flows the node reports.
  Node& add(const SocketAddress& address, std::uint8_t worker = 0);
  /// The node's process died: its datagrams, timers and tasks are gone; later datagrams to it are lost.
  void remove(Node& node);

  /// Applied to every datagram once, with the sending node's flow and direction kOut.
  void intercept(std::shared_ptr<Interceptor> interceptor);
  /// Called for each datagram put on the wire (after interception: for each copy delivered).
  void observe(std::function<void(const SocketAddress& from, const SocketAddress& to, std::string_view bytes)> see);

  /// Runs events in time order, moving the clock, until `done()` (asked after each event) or `limit` from now has
  /// passed. Returns whether done.
  bool run_until(const std::function<bool()>& done, Duration limit);
  /// Runs everything due within `span` and leaves the clock exactly there.
  void run_for(Duration span);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lamplighter::transport
