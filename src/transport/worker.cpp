#include "transport/worker.h"

#include <fmt/format.h>
#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/bind_allocator.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cassert>
#include <csignal>
#include <thread>

#include "base/bind_error.h"
#include "base/counter.h"
#include "base/log.h"
#include "transport/delay_line.h"
#include "transport/handler_memory.h"
#include "transport/mailbox.h"
#include "transport/streams.h"
#include "transport/udp_socket.h"

namespace lamplighter::transport {
namespace {

namespace asio = boost::asio;

// After so many batches of one socket the other sockets, tasks and timers get their turn.
constexpr int kBatchesInATurn = 8;
constexpr std::size_t kMaxDatagram = 65535;

/// RFC 5626 §3.5.1 and old habit: CRLFs, NULs or nothing, sent to keep a NAT's mapping open.
bool is_keepalive(std::string_view bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
}

std::string open_error(const Listen& listen, int error) {
  const auto kind = is_reliable(listen.kind) ? SocketKind::kStream : SocketKind::kDatagram;
  return bind_error(listen.to_string(), listen.address, kind, error);
}

struct Listener {
  std::unique_ptr<UdpSocket> socket;  ///< none: takes connections, see Streams
  std::optional<asio::posix::stream_descriptor> watch;
  HandlerMemory memory;

  /// Before the io_context goes. The descriptor is the socket's to close.
  void close() {
    if (watch) watch->release();
    watch.reset();
    socket.reset();
  }
};

void warn_about_buffer(std::string_view what, std::size_t got, std::size_t asked, std::string_view sysctl) {
  if (got >= asked) return;
  log::warn("transport: the kernel gave a {} buffer of {} KiB instead of {} KiB; bursts may be lost: sysctl -w {}={}",
            what, got / 1024, asked / 1024, sysctl, asked);
}

}  // namespace

struct Worker::Impl final : Streams::Host {
  Impl(WorkerSettings the_settings, const Clock& the_clock) : settings(std::move(the_settings)), clock(the_clock) {}

  std::expected<void, std::string> open();
  void close();
  void run();
  std::expected<void, std::string> open_udp(const Listen& listen);
  std::expected<void, std::string> open_stream(const Listen& listen);
  template <typename F>
  void turn(F&& work);

  // Streams::Host
  TimePoint begin_turn() override { return clock.now(); }
  void end_turn(TimePoint now) override;
  void on_stream_message(const Flow& flow, std::string_view bytes, TimePoint now) override {
    receiver->on_message(flow, bytes, now);
  }
  void on_stream_closed(const Flow& flow, TimePoint now) override { receiver->on_flow_closed(flow, now); }
  void watch(std::uint16_t index);
  void receive(std::uint16_t index, TimePoint now);
  void take_in(const Flow& flow, std::string_view bytes, TimePoint now);
  void put_out(const Flow& flow, std::string_view bytes);
  void flush(UdpSocket& socket);
  void arm();
  void delay(Direction direction, const Flow& flow, std::string_view bytes, TimePoint at);
  void arm_delayed();
  void release_delayed(TimePoint now);

  WorkerSettings settings;
  const Clock& clock;
  std::vector<Listen> bound;
  std::shared_ptr<Interceptor> interceptor;
  Receiver* receiver = nullptr;
  bool stopping = false;  ///< the worker's thread: this turn is the last
  bool stopped = false;   ///< the owner's thread

  Counter received, sent, received_bytes, sent_bytes, receive_dropped, send_failed, keepalives;

  // What Asio's operations live in must outlast the io_context.
  std::vector<std::unique_ptr<Listener>> listeners;
  std::vector<UdpSocket*> sockets;  ///< those of the listeners that have one
  HandlerMemory timer_memory, wake_memory;
  asio::io_context io{1};
  asio::executor_work_guard<asio::io_context::executor_type> work{io.get_executor()};
  asio::steady_timer timer{io};
  std::optional<TimePoint> armed;
  asio::steady_timer delayed_timer{io};
  DelayLine delayed;
  std::unique_ptr<Streams> streams;  ///< when a listener takes connections
  std::size_t least_receive = 0, least_send = 0;

  Mailbox mailbox;
  std::thread thread;
};

std::expected<void, std::string> Worker::Impl::open() {
  for (std::size_t i = 0; i < settings.listen.size(); ++i) {
    const Listen& listen = settings.listen[i];
    for (std::size_t j = 0; j < i; ++j) {
      if (listen.collides_with(settings.listen[j])) return std::unexpected(listen.to_string() + ": listed twice");
    }
    bool probe = settings.reuse_port && settings.exclusive_probe && settings.index == 0 && listen.address.port != 0;
    if (!probe) continue;
    const int error = is_reliable(listen.kind) ? Streams::probe(listen.address) : UdpSocket::probe(listen.address);
    if (error != 0) return std::unexpected(open_error(listen, error));
  }
  least_receive = settings.receive_buffer;
  least_send = settings.send_buffer;
  for (const Listen& listen : settings.listen) {
    listeners.push_back(std::make_unique<Listener>());
    auto opened = is_reliable(listen.kind) ? open_stream(listen) : open_udp(listen);
    if (!opened) {
      close();
      return opened;
    }
  }
  if (settings.index == 0) {  // once, not by every worker
    warn_about_buffer("receive", least_receive, settings.receive_buffer, "net.core.rmem_max");
    warn_about_buffer("send", least_send, settings.send_buffer, "net.core.wmem_max");
  }
  return {};
}

std::expected<void, std::string> Worker::Impl::open_udp(const Listen& listen) {
  auto socket = UdpSocket::open(listen.address, {.reuse_port = settings.reuse_port,
                                                 .receive_buffer = settings.receive_buffer,
                                                 .send_buffer = settings.send_buffer,
                                                 .batch = settings.batch});
  if (!socket) return std::unexpected(open_error(listen, socket.error()));
  least_receive = std::min(least_receive, (*socket)->receive_buffer());
  least_send = std::min(least_send, (*socket)->send_buffer());
  bound.push_back({listen.kind, (*socket)->bound()});
  sockets.push_back(socket->get());
  listeners.back()->socket = std::move(*socket);
  return {};
}

std::expected<void, std::string> Worker::Impl::open_stream(const Listen& listen) {
  if (!streams) streams = std::make_unique<Streams>(io, settings.index, settings.streams, *this, clock.now());
  const auto opened = streams->open(static_cast<std::uint16_t>(listeners.size() - 1), listen, settings.reuse_port);
  if (!opened) return std::unexpected(open_error(listen, opened.error()));
  bound.push_back(*opened);
  return {};
}

void Worker::Impl::close() {
  if (streams) streams->stop();
  sockets.clear();
  for (auto& listener : listeners) listener->close();
}

void Worker::Impl::run() {
  pthread_setname_np(pthread_self(), fmt::format("worker-{}", settings.index).c_str());
  // A peer that hangs up while TLS writes to it is no reason to end the program.
  sigset_t broken_pipe;
  sigemptyset(&broken_pipe);
  sigaddset(&broken_pipe, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &broken_pipe, nullptr);
  if (streams) streams->start();
  for (std::size_t i = 0; i < listeners.size(); ++i) {
    if (!listeners[i]->socket) continue;
    listeners[i]->watch.emplace(io, listeners[i]->socket->fd());
    watch(static_cast<std::uint16_t>(i));
  }
  turn([](TimePoint) {});
  if (!stopping) io.run();
}

/// One turn of the loop: the work that woke it, timers that are due, and everything collected leaves.
template <typename F>
void Worker::Impl::turn(F&& work_of_this_turn) {
  TimePoint now = clock.now();
  work_of_this_turn(now);
  end_turn(now);
}

void Worker::Impl::end_turn(TimePoint now) {
  auto next = receiver->next_timer();
  if (next && *next <= now) receiver->on_timers(now);
  if (streams) streams->end_turn(now);
  for (auto* socket : sockets) {
    if (socket->has_queued()) flush(*socket);
  }
  arm();
  if (stopping) io.stop();
}

void Worker::Impl::watch(std::uint16_t index) {
  Listener& listener = *listeners[index];
  auto readable = [this, index](const boost::system::error_code& error) {
    if (error == asio::error::operation_aborted) return;
    turn([this, index](TimePoint now) { receive(index, now); });
    watch(index);
  };
  listener.watch->async_wait(asio::posix::stream_descriptor::wait_read,
                             asio::bind_allocator(HandlerAllocator<char>(listener.memory), std::move(readable)));
}

void Worker::Impl::receive(std::uint16_t index, TimePoint now) {
  UdpSocket& socket = *listeners[index]->socket;
  Flow flow;
  flow.listener = index;
  flow.worker = settings.index;
  for (int batch = 0; batch < kBatchesInATurn; ++batch) {
    std::size_t count = socket.receive();
    receive_dropped.add(socket.take_drops());
    received.add(count);
    for (std::size_t i = 0; i < count; ++i) {
      auto datagram = socket.datagram(i);
      received_bytes.add(datagram.bytes.size());
      flow.remote = datagram.remote;
      flow.local = datagram.local;
      if (!interceptor) {
        take_in(flow, datagram.bytes, now);
        continue;
      }
      std::vector<Duration> delays;
      interceptor->pass(Direction::kIn, flow, datagram.bytes, delays);
      for (Duration wait : delays) {
        if (wait <= Duration::zero()) {
          take_in(flow, datagram.bytes, now);
        } else {
          delay(Direction::kIn, flow, datagram.bytes, now + wait);
        }
      }
    }
    if (count < socket.batch()) return;  // empty, or nearly: the next turn sees what came since
  }
}

void Worker::Impl::take_in(const Flow& flow, std::string_view bytes, TimePoint now) {
  if (is_keepalive(bytes)) {
    keepalives.add(1);
    return;
  }
  receiver->on_message(flow, bytes, now);
}

void Worker::Impl::put_out(const Flow& flow, std::string_view bytes) {
  UdpSocket& socket = *listeners[flow.listener]->socket;
  if (socket.queue(flow.remote, flow.local, bytes)) return;
  flush(socket);
  socket.queue(flow.remote, flow.local, bytes);
}

void Worker::Impl::flush(UdpSocket& socket) {
  auto result = socket.flush();
  sent.add(result.sent);
  sent_bytes.add(result.bytes);
  send_failed.add(result.failed);
}

/// Sets the timer only when it would come too late: one that comes early finds nothing due and sets it again.
void Worker::Impl::arm() {
  auto next = receiver->next_timer();
  if (streams) {
    const auto other = streams->next_timer();
    if (other && (!next || *other < *next)) next = other;
  }
  if (!next || (armed && *armed <= *next)) return;
  armed = next;
  timer.expires_at(*next);
  auto fired = [this](const boost::system::error_code& error) {
    if (error == asio::error::operation_aborted) return;
    armed.reset();
    turn([](TimePoint) {});
  };
  timer.async_wait(asio::bind_allocator(HandlerAllocator<char>(timer_memory), std::move(fired)));
}

void Worker::Impl::delay(Direction direction, const Flow& flow, std::string_view bytes, TimePoint at) {
  bool first = !delayed.next() || at < *delayed.next();
  delayed.push(at, direction, flow, bytes);
  if (first) arm_delayed();
}

void Worker::Impl::arm_delayed() {
  delayed_timer.expires_at(*delayed.next());
  delayed_timer.async_wait([this](const boost::system::error_code& error) {
    if (error == asio::error::operation_aborted) return;
    turn([this](TimePoint now) { release_delayed(now); });
    if (delayed.next()) arm_delayed();
  });
}

void Worker::Impl::release_delayed(TimePoint now) {
  while (auto item = delayed.pop(now)) {
    if (item->direction == Direction::kIn) {
      take_in(item->flow, item->bytes, now);
    } else {
      put_out(item->flow, item->bytes);
    }
  }
}

Worker::Worker(WorkerSettings settings, const Clock& clock)
    : impl_(std::make_unique<Impl>(std::move(settings), clock)) {}

Worker::~Worker() { stop(); }

std::expected<void, std::string> Worker::open() { return impl_->open(); }

const std::vector<Listen>& Worker::bound() const { return impl_->bound; }

void Worker::intercept(std::shared_ptr<Interceptor> interceptor) { impl_->interceptor = std::move(interceptor); }

void Worker::start(Receiver& receiver) {
  assert(!impl_->thread.joinable() && !impl_->stopped);
  impl_->receiver = &receiver;
  impl_->thread = std::thread([impl = impl_.get()] { impl->run(); });
}

void Worker::stop() {
  if (impl_->stopped) return;
  impl_->stopped = true;
  if (impl_->thread.joinable()) {
    post([impl = impl_.get()] { impl->stopping = true; });
    impl_->thread.join();
  }
  impl_->mailbox.close();
  impl_->close();
}

void Worker::post(Task task) {
  if (!impl_->mailbox.put(std::move(task))) return;
  // One wake-up is under way at a time, and its memory is free again before the mailbox is emptied.
  asio::post(impl_->io, asio::bind_allocator(HandlerAllocator<char>(impl_->wake_memory), [impl = impl_.get()] {
               impl->turn([impl](TimePoint) { impl->mailbox.run(); });
             }));
}

bool Worker::send(const Flow& flow, std::string_view bytes) {
  if (flow.kind != TransportKind::kUdp) return impl_->streams && impl_->streams->send(flow, bytes);
  if (flow.connection != 0 || flow.listener >= impl_->listeners.size() || !impl_->listeners[flow.listener]->socket) {
    return false;
  }
  if (bytes.size() > kMaxDatagram) {  // as the kernel would refuse it: EMSGSIZE
    impl_->send_failed.add(1);
    return true;
  }
  if (!impl_->interceptor) {
    impl_->put_out(flow, bytes);
    return true;
  }
  std::vector<Duration> delays;
  impl_->interceptor->pass(Direction::kOut, flow, bytes, delays);
  for (Duration wait : delays) {
    if (wait <= Duration::zero()) {
      impl_->put_out(flow, bytes);
    } else {
      impl_->delay(Direction::kOut, flow, bytes, impl_->clock.now() + wait);
    }
  }
  return true;
}

std::optional<Flow> Worker::flow_to(const SocketAddress& remote, TransportKind kind) const {
  if (is_reliable(kind)) return std::nullopt;
  for (std::size_t i = 0; i < impl_->bound.size(); ++i) {
    const Listen& listen = impl_->bound[i];
    if (listen.kind != kind || listen.address.ip.is_v4() != remote.ip.is_v4()) continue;
    Flow flow;
    flow.remote = remote;
    flow.local = listen.address;
    flow.listener = static_cast<std::uint16_t>(i);
    flow.worker = impl_->settings.index;
    flow.kind = kind;
    if (flow.local.ip.is_any()) flow.local.ip = UdpSocket::source_for(remote);
    if (flow.local.ip.is_any()) return std::nullopt;
    return flow;
  }
  return std::nullopt;
}

const StreamCounters* Worker::stream_counters() const { return impl_->streams ? &impl_->streams->counters() : nullptr; }

WorkerCounters Worker::counters() const {
  return {.received = impl_->received.value(),
          .sent = impl_->sent.value(),
          .received_bytes = impl_->received_bytes.value(),
          .sent_bytes = impl_->sent_bytes.value(),
          .receive_dropped = impl_->receive_dropped.value(),
          .send_failed = impl_->send_failed.value(),
          .keepalives = impl_->keepalives.value()};
}

}  // namespace lamplighter::transport
