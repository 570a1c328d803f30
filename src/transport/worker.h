#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/executor.h"
#include "base/sender.h"
#include "transport/interceptor.h"
#include "transport/listen.h"
#include "transport/receiver.h"
#include "transport/stream_settings.h"

namespace lamplighter::transport {

struct WorkerSettings {
  std::uint8_t index = 0;
  /// Ports must be real here: worker 0 may be opened with port 0, the others with the port it got (see bound()).
  std::vector<Listen> listen;
  /// Share the port with the server's other workers (SO_REUSEPORT).
  bool reuse_port = true;
  /// Asked of the kernel; what it gave is read back, and warned about when less.
  std::size_t receive_buffer = 4 * 1024 * 1024;
  std::size_t send_buffer = 4 * 1024 * 1024;
  /// Datagrams taken per recvmmsg call.
  std::size_t batch = 32;
  /// Worker 0 first makes sure that no other program has a port: with SO_REUSEPORT two servers of one user would
  /// silently share it.
  bool exclusive_probe = true;
  StreamSettings streams = {};  // NOLINT(readability-redundant-member-init): for g++, see TlsSettings
};

/// Counted by the worker's thread, read from any.
struct WorkerCounters {
  std::uint64_t received = 0, sent = 0, received_bytes = 0, sent_bytes = 0;
  std::uint64_t receive_dropped = 0;  ///< by the kernel, buffer full (SO_RXQ_OVFL)
  std::uint64_t send_failed = 0;      ///< refused by the kernel (EAGAIN after a retry, EPERM …)
  std::uint64_t keepalives = 0;       ///< CRLF and other datagrams without a message
};

/// One thread with one event loop, its own UDP sockets, connections, mailbox and timer (DESIGN §3). open(), start(),
/// stop() are called by the owner's thread; send() only on the worker's; post() from anywhere, until the worker is
/// destroyed.
class Worker final : public Executor, public Sender {
 public:
  Worker(WorkerSettings settings, const Clock& clock);
  ~Worker() override;

  /// Binds every listener. The error is for an administrator: "udp:127.0.0.1:5060: address already in use; …".
  std::expected<void, std::string> open();
  /// The listeners with the ports they really have. After open().
  const std::vector<Listen>& bound() const;
  /// Before start(): what goes between the program and the UDP sockets, or nothing.
  void intercept(std::shared_ptr<Interceptor> interceptor);

  /// Runs the loop on a new thread, driving `receiver`, which must outlive stop().
  void start(Receiver& receiver);
  /// Ends the loop after the tasks already posted, and joins. Idempotent.
  void stop();

  void post(Task task) override;
  bool send(const Flow& flow, std::string_view bytes) override;
  /// The flow to a remote address from a listener (the first of the remote's address family): for requests to peers
  /// that never sent us anything. nullopt: no such listener, or no route to the address; connections are not made from
  /// here.
  std::optional<Flow> flow_to(const SocketAddress& remote, TransportKind kind = TransportKind::kUdp) const;

  WorkerCounters counters() const;
  /// Null when no listener takes connections.
  const StreamCounters* stream_counters() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lamplighter::transport
