#include "transport/streams.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <system_error>
#include <utility>

#include "base/log.h"
#include "sip/message.h"
#include "transport/connection.h"

// Accepting, and the life of a connection. What is read and written: stream_io.cpp.
namespace lamplighter::transport {

namespace asio = boost::asio;
using Phase = Connection::Phase;
using namespace std::chrono_literals;

namespace {

constexpr int kBacklog = 1024;
constexpr int kAcceptsInATurn = 64;
constexpr auto kAcceptPause = 100ms;
constexpr auto kAcceptCalm = 10s;  // without trouble, after which trouble is worth a new warning
constexpr auto kFarewell = 2s;     // how long an ending connection may take
constexpr std::size_t kReadBuffer = 65536;

constexpr std::uint32_t kConnectionTimer = 0;
constexpr std::uint32_t kAcceptTimer = 1;

// The kernel finds peers that have vanished without a word: after two minutes of silence, or of data not acknowledged.
constexpr int kKeepAliveIdle = 60, kKeepAliveInterval = 15, kKeepAliveProbes = 4;
constexpr int kUserTimeout = 60'000;

bool set_option(int fd, int level, int name, int value) {
  return setsockopt(fd, level, name, &value, sizeof value) == 0;
}

SocketAddress local_address(int fd) {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &size);
  return SocketAddress::from(storage);
}

/// A listening socket, or minus an errno.
int listen_on(const SocketAddress& address, bool reuse_port) {
  sockaddr_storage storage;
  const auto size = address.to(storage);
  const int fd = ::socket(storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  const bool good = set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1) &&
                    (!reuse_port || set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1)) &&
                    (address.ip.is_v4() || set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1)) &&
                    ::bind(fd, reinterpret_cast<const sockaddr*>(&storage), size) == 0 && ::listen(fd, kBacklog) == 0;
  if (good) return fd;
  const int error = errno;
  ::close(fd);
  return -error;
}

std::uint64_t timer_owner(std::uint32_t slot, std::uint32_t generation) {
  return (std::uint64_t{generation} << 32) | slot;
}

}  // namespace

struct Streams::Acceptor {
  Acceptor(asio::io_context& io, int socket, std::uint16_t number, const Listen& where)
      : descriptor(io, socket), index(number), listen(where) {}
  asio::posix::stream_descriptor descriptor;
  std::uint16_t index;
  Listen listen;
};

Streams::Streams(asio::io_context& io, std::uint8_t worker, StreamSettings settings, Host& host, TimePoint now)
    : io_(io),
      worker_(worker),
      settings_(std::move(settings)),
      host_(host),
      wheel_(now),
      buffer_(std::make_unique_for_overwrite<char[]>(kReadBuffer)) {
  if (!settings_.budget) settings_.budget = std::make_shared<ConnectionBudget>(ConnectionBudget::Limits{});
}

Streams::~Streams() { stop(); }

int Streams::probe(const SocketAddress& address) {
  const int fd = listen_on(address, false);
  if (fd < 0) return -fd;
  ::close(fd);
  return 0;
}

std::expected<Listen, int> Streams::open(std::uint16_t index, const Listen& listen, bool reuse_port) {
  const int fd = listen_on(listen.address, reuse_port);
  if (fd < 0) return std::unexpected(-fd);
  const Listen bound{listen.kind, local_address(fd)};
  acceptors_.push_back(std::make_unique<Acceptor>(io_, fd, index, bound));
  return bound;
}

void Streams::start() {
  for (auto& acceptor : acceptors_) wait_accept(*acceptor);
}

void Streams::stop() {
  acceptors_.clear();
  for (auto& c : slots_) {
    if (!c) continue;
    if (c->phase == Phase::kOpen) c->channel.end();
    if (c->phase != Phase::kClosed) settings_.budget->release(c->flow.remote.ip, c->proven);
    c.reset();
  }
  slots_.clear();
}

std::size_t Streams::open_connections() const {
  // Two counters read one after the other: never below zero for who reads them the wrong way round.
  const auto closed = counters_.closed.value();
  return counters_.accepted.value() - closed;
}

// --- Accepting

void Streams::wait_accept(Acceptor& acceptor) {
  acceptor.descriptor.async_wait(asio::posix::stream_descriptor::wait_read,
                                 [this, &acceptor](const boost::system::error_code& error) {
                                   if (error) return;
                                   const auto now = host_.begin_turn();
                                   accept(acceptor, now);
                                   host_.end_turn(now);
                                 });
}

void Streams::accept(Acceptor& acceptor, TimePoint now) {
  for (int i = 0; i < kAcceptsInATurn; ++i) {
    sockaddr_storage storage{};
    socklen_t size = sizeof storage;
    const int socket = ::accept4(acceptor.descriptor.native_handle(), reinterpret_cast<sockaddr*>(&storage), &size,
                                 SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (socket >= 0) {
      if (accept_warned_ && now - accept_failed_at_ > kAcceptCalm) accept_warned_ = false;
      admit(acceptor, socket, SocketAddress::from(storage), now);
      continue;
    }
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      return pause(acceptor, errno, now);
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) break;
    // The peer left before it was let in (ECONNABORTED and network errors, accept(2)): the next one.
  }
  wait_accept(acceptor);
}

/// Who is not accepted waits in the kernel's queue, and is when there is room again.
void Streams::pause(Acceptor& acceptor, int error, TimePoint now) {
  ++counters_.accept_pauses;
  accept_failed_at_ = now;
  if (!accept_warned_) {
    accept_warned_ = true;
    log::warn(
        "transport: {}: no connection can be accepted: {}; tried again until it works. See `ulimit -n` and "
        "stream.max_connections",
        acceptor.listen.to_string(), std::system_category().message(error));
  }
  const auto place = std::ranges::find(acceptors_, &acceptor, &std::unique_ptr<Acceptor>::get);
  wheel_.schedule(now + kAcceptPause, static_cast<std::uint64_t>(place - acceptors_.begin()), kAcceptTimer);
}

void Streams::admit(const Acceptor& acceptor, int socket, const SocketAddress& remote, TimePoint now) {
  using Admission = ConnectionBudget::Admission;
  const auto admission = settings_.budget->admit(remote.ip);
  if (admission != Admission::kWelcome) {
    if (admission == Admission::kTooMany) ++counters_.refused_total;
    if (admission == Admission::kTooManyOfSource) ++counters_.refused_source;
    if (admission == Admission::kTooManyUnproven) ++counters_.refused_unproven;
    ::close(socket);
    return;
  }
  set_option(socket, IPPROTO_TCP, TCP_NODELAY, 1);
  set_option(socket, SOL_SOCKET, SO_KEEPALIVE, 1);
  set_option(socket, IPPROTO_TCP, TCP_KEEPIDLE, kKeepAliveIdle);
  set_option(socket, IPPROTO_TCP, TCP_KEEPINTVL, kKeepAliveInterval);
  set_option(socket, IPPROTO_TCP, TCP_KEEPCNT, kKeepAliveProbes);
  set_option(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, kUserTimeout);

  const auto kind = acceptor.listen.kind;
  const bool tls = kind == TransportKind::kTls || kind == TransportKind::kWss;
  const bool websocket = kind == TransportKind::kWs || kind == TransportKind::kWss;
  SslPointer ssl = tls && settings_.tls ? settings_.tls->accept(socket) : nullptr;
  auto made = std::make_unique<Connection>(io_, socket, std::move(ssl));
  boost::system::error_code error;
  if (tls == made->channel.is_tls()) made->descriptor.assign(socket, error);
  if (tls != made->channel.is_tls() || error) {  // no memory, or no TLS settings
    ++counters_.handshakes_failed;
    settings_.budget->release(remote.ip, false);
    ::close(socket);
    return;
  }

  if (free_.empty()) {
    free_.push_back(static_cast<std::uint32_t>(slots_.size()));
    slots_.emplace_back();
    generations_.push_back(0);
  }
  const auto slot = free_.back();
  free_.pop_back();
  if (++generations_[slot] == 0) ++generations_[slot];
  slots_[slot] = std::move(made);
  auto& c = *slots_[slot];
  c.slot = slot;
  c.flow = {.remote = remote,
            .local = local_address(socket),
            .connection = slot + 1,
            .generation = generations_[slot],
            .listener = acceptor.index,
            .worker = worker_,
            .kind = kind};
  if (websocket) {
    c.websocket = std::make_unique<WebSocketPart>(&settings_.origins, 65536 + sip::Message::kMaxBody);
  }
  c.phase = tls ? Phase::kTls : websocket ? Phase::kUpgrade : Phase::kOpen;
  c.opened = c.heard = now;
  ++counters_.accepted;
  arm(c, now);
  on_readable(c, now);  // mostly its first bytes are here already
}

// --- The life of a connection

Connection* Streams::find(std::uint32_t slot, std::uint32_t generation) {
  if (slot >= slots_.size() || !slots_[slot] || slots_[slot]->flow.generation != generation) return nullptr;
  return slots_[slot]->phase == Phase::kClosed ? nullptr : slots_[slot].get();
}

Connection* Streams::find(const Flow& flow) {
  if (flow.connection == 0) return nullptr;
  auto* c = find(flow.connection - 1, flow.generation);
  return c != nullptr && c->phase == Phase::kOpen && c->flow.kind == flow.kind ? c : nullptr;
}

TimePoint Streams::deadline_of(const Connection& c) const {
  if (c.phase == Phase::kEnding || c.phase == Phase::kDrained || c.ended) return c.ending + kFarewell;
  auto at = c.proven ? c.heard + settings_.idle : c.opened + settings_.first_message;
  if (c.unfinished) at = std::min(at, c.began + settings_.message);
  if (c.writing) at = std::min(at, c.stalled + settings_.message);
  if (c.phase == Phase::kOpen && c.is_websocket() && settings_.websocket_ping > Duration::zero()) {
    at = std::min(at, std::max(c.heard, c.websocket->pinged) + settings_.websocket_ping);
  }
  return at;
}

/// Sets the timer only when it would come too late: one that comes early finds nothing due and sets it again.
void Streams::arm(Connection& c, TimePoint now) {
  const auto at = std::max(deadline_of(c), now + 1ms);
  if (c.timer && c.armed <= at) return;
  wheel_.cancel(c.timer);
  c.timer = wheel_.schedule(at, timer_owner(c.slot, c.flow.generation), kConnectionTimer);
  c.armed = at;
}

/// The connection's timer fired: what of it is due?
void Streams::look_after(Connection& c, TimePoint now) {
  c.timer = {};
  if (deadline_of(c) <= now) {
    if (c.phase == Phase::kEnding || c.phase == Phase::kDrained || c.ended) return close(c, "the peer does not end it");
    if (c.writing && c.stalled + settings_.message <= now) {
      ++counters_.slow_readers;
      return close(c, "the peer does not read what it is sent");
    }
    if (c.unfinished && c.began + settings_.message <= now) {
      ++counters_.slow_senders;
      return close(c, "a message took too long");
    }
    if (!c.proven && c.opened + settings_.first_message <= now) {
      ++counters_.slow_senders;
      return close(c, "no message in time");
    }
    if (c.heard + settings_.idle <= now) {
      ++counters_.idle;
      return close(c, "idle");
    }
    c.websocket->pinged = now;
    append_frame(c.out, WebSocketOpcode::kPing, {});
    mark_dirty(c);
  }
  arm(c, now);
}

/// Lets what is queued leave, then ends: for the rest of the program it is gone now.
void Streams::finish(Connection& c, std::string_view why, TimePoint now) {
  if (c.phase >= Phase::kEnding) return;
  log::debug("transport: {} {}: {}", name_of(c.flow.kind), c.flow.remote.to_string(), why);
  lost_.push_back(c.flow);
  c.phase = Phase::kEnding;
  c.ending = now;
  mark_dirty(c);
  arm(c, now);
}

/// At once. The object stays until the end of the turn: somebody may be in the middle of it.
void Streams::close(Connection& c, std::string_view why) {
  if (c.phase == Phase::kClosed) return;
  log::debug("transport: {} {}: closed: {}", name_of(c.flow.kind), c.flow.remote.to_string(), why);
  if (c.phase < Phase::kEnding) lost_.push_back(c.flow);
  c.phase = Phase::kClosed;
  wheel_.cancel(std::exchange(c.timer, {}));
  boost::system::error_code ignored;
  c.descriptor.close(ignored);
  settings_.budget->release(c.flow.remote.ip, c.proven);
  ++counters_.closed;
  dead_.push_back(c.slot);
}

void Streams::bury() {
  for (const auto slot : dead_) {
    slots_[slot].reset();
    free_.push_back(slot);
  }
  dead_.clear();
}

void Streams::end_turn(TimePoint now) {
  if (const auto next = wheel_.next(); next && *next <= now) {
    wheel_.advance(now, [&](const TimerWheel::Expired& expired) {
      if (expired.kind == kAcceptTimer) return wait_accept(*acceptors_[expired.owner]);
      const auto slot = static_cast<std::uint32_t>(expired.owner);
      if (auto* c = find(slot, static_cast<std::uint32_t>(expired.owner >> 32))) look_after(*c, now);
    });
  }
  // Who hears that a connection is gone may send on others, and what is sent may end one.
  while (!dirty_.empty() || !lost_.empty()) {
    for (std::size_t i = 0; i < dirty_.size(); ++i) {
      auto& c = *slots_[dirty_[i]];
      c.dirty = false;
      flush(c, now);
    }
    dirty_.clear();
    const auto lost = std::exchange(lost_, {});
    for (const auto& flow : lost) host_.on_stream_closed(flow, now);
  }
  if (!dead_.empty()) bury();
}

}  // namespace lamplighter::transport
