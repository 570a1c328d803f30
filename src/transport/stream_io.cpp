#include <algorithm>
#include <boost/asio/post.hpp>
#include <cassert>
#include <utility>

#include "base/log.h"
#include "transport/connection.h"
#include "transport/streams.h"

// What is read from a connection and written to it.
namespace lamplighter::transport {

namespace asio = boost::asio;
using Phase = Connection::Phase;
using State = Progress::State;
using namespace std::chrono_literals;

namespace {

// After so many reads of one connection the others get their turn.
constexpr int kReadsInATurn = 16;
constexpr std::size_t kReadBuffer = 65536;
constexpr auto kReportInterval = 5s;

bool is_blank(std::string_view bytes) { return bytes.find_first_not_of("\r\n") == std::string_view::npos; }
bool is_response(std::string_view bytes) { return bytes.starts_with("SIP/"); }
/// "SIP/2.0 200 OK": final, that is, from 200 on.
bool is_final(std::string_view bytes) { return is_response(bytes) && bytes.size() > 8 && bytes[8] >= '2'; }

}  // namespace

void Streams::wait_read(Connection& c) {
  if (std::exchange(c.reading, true)) return;
  c.descriptor.async_wait(
      asio::posix::stream_descriptor::wait_read,
      [this, slot = c.slot, generation = c.flow.generation](const boost::system::error_code& error) {
        auto* self = error ? nullptr : find(slot, generation);
        if (self == nullptr) return;
        self->reading = false;
        const auto now = host_.begin_turn();
        on_readable(*self, now);
        host_.end_turn(now);
      });
}

void Streams::wait_write(Connection& c, TimePoint now) {
  if (std::exchange(c.writing, true)) return;
  c.stalled = now;
  c.descriptor.async_wait(
      asio::posix::stream_descriptor::wait_write,
      [this, slot = c.slot, generation = c.flow.generation](const boost::system::error_code& error) {
        auto* self = error ? nullptr : find(slot, generation);
        if (self == nullptr) return;
        const auto turn = host_.begin_turn();
        self->writing = false;
        if (self->phase == Phase::kTls) {
          on_readable(*self, turn);
        } else {
          mark_dirty(*self);
        }
        host_.end_turn(turn);
      });
}

void Streams::on_readable(Connection& c, TimePoint now) {
  if (c.phase == Phase::kTls && !shake_hands(c, now)) return;
  if (c.queued() > 0) mark_dirty(c);  // TLS may have waited for something to read before it could write
  for (int i = 0; i < kReadsInATurn; ++i) {
    if (read_once(c, now)) continue;
    if (c.phase != Phase::kClosed && !c.ended) wait_read(c);
    return;
  }
  // There is more, and of TLS some of it may be no longer in the socket: do not wait for that.
  c.reading = true;
  asio::post(io_, [this, slot = c.slot, generation = c.flow.generation] {
    auto* self = find(slot, generation);
    if (self == nullptr) return;
    self->reading = false;
    const auto turn = host_.begin_turn();
    on_readable(*self, turn);
    host_.end_turn(turn);
  });
}

/// Whether the handshake is over, well.
bool Streams::shake_hands(Connection& c, TimePoint now) {
  switch (c.channel.handshake().state) {
    case State::kDone:
      c.phase = c.is_websocket() ? Phase::kUpgrade : Phase::kOpen;
      c.heard = now;
      return true;
    case State::kWantRead: wait_read(c); return false;
    case State::kWantWrite: wait_write(c, now); return false;
    case State::kEnd:
    case State::kFailed: break;
  }
  ++counters_.handshakes_failed;
  ++handshakes_unreported_;
  if (!handshake_reported_ || now - *handshake_reported_ >= kReportInterval) {
    log::warn("tls: {} handshake(s) failed, the latest with {}: {}", handshakes_unreported_, c.flow.remote.to_string(),
              c.channel.error());
    handshake_reported_ = now;
    handshakes_unreported_ = 0;
  }
  close(c, "TLS handshake failed");
  return false;
}

/// Whether there may be more to read right now.
bool Streams::read_once(Connection& c, TimePoint now) {
  const auto got = c.channel.read({buffer_.get(), kReadBuffer});
  switch (got.state) {
    case State::kDone: break;
    case State::kWantRead: return false;
    case State::kWantWrite: wait_write(c, now); return false;
    case State::kEnd: on_end(c, now); return false;
    case State::kFailed: close(c, c.channel.error()); return false;
  }
  c.heard = now;
  counters_.bytes_in.add(got.bytes);
  take(c, buffer_.get(), got.bytes, now);
  if (c.phase == Phase::kClosed) return false;
  arm(c, now);
  return c.channel.is_tls() || got.bytes == kReadBuffer;
}

void Streams::take(Connection& c, char* bytes, std::size_t size, TimePoint now) {
  if (c.phase == Phase::kUpgrade) return upgrade(c, {bytes, size}, now);
  if (c.phase != Phase::kOpen) return;  // ending: nobody listens any more
  const bool before = c.unfinished;
  if (c.is_websocket()) {
    take_frames(c, bytes, size, now);
    c.unfinished = c.websocket->framer.unfinished();
  } else {
    take_stream(c, {bytes, size}, now);
    c.unfinished = c.framer.unfinished();
  }
  // Of two messages in a row the second one began now.
  if (c.unfinished && !before) c.began = now;
}

void Streams::take_stream(Connection& c, std::string_view bytes, TimePoint now) {
  c.framer.feed(bytes);
  while (c.phase == Phase::kOpen) {
    const auto frame = c.framer.next();
    if (!frame) {
      ++counters_.broken;
      return finish(c, frame.error(), now);
    }
    if (!*frame) return;
    c.began = now;
    if ((*frame)->kind == sip::Frame::Kind::kMessage) {
      deliver(c, (*frame)->bytes, now);
    } else {
      ++counters_.pings;
      prove(c, now);
      queue(c, "\r\n");  // RFC 5626 §4.4.1
    }
  }
}

void Streams::upgrade(Connection& c, std::string_view bytes, TimePoint now) {
  auto answer = c.websocket->upgrade.take(bytes);
  if (!answer) return;
  c.out += answer->bytes;
  mark_dirty(c);
  if (!answer->good) {
    ++counters_.handshakes_failed;
    return finish(c, answer->reason, now);
  }
  c.phase = Phase::kOpen;
  if (!answer->rest.empty()) take(c, answer->rest.data(), answer->rest.size(), now);
}

void Streams::take_frames(Connection& c, char* bytes, std::size_t size, TimePoint now) {
  using Kind = WebSocketEvent::Kind;
  auto& framer = c.websocket->framer;
  framer.feed({bytes, size});
  while (c.phase == Phase::kOpen) {
    const auto event = framer.next();
    if (!event) {
      ++counters_.broken;
      append_close_frame(c.out, event.error().code);
      return finish(c, event.error().what, now);
    }
    if (!*event) return;
    c.began = now;
    const auto text = (*event)->bytes;
    switch ((*event)->kind) {
      case Kind::kMessage:
        if (!is_blank(text)) {
          deliver(c, text, now);
        } else if (text.find("\r\n\r\n") != std::string_view::npos) {  // RFC 7118 §6: CRLF keepalive of RFC 5626
          ++counters_.pings;
          prove(c, now);
          queue(c, "\r\n");
        }
        break;
      case Kind::kPing:
        ++counters_.pings;
        append_frame(c.out, WebSocketOpcode::kPong, text);
        if (c.queued() > settings_.write_queue) {
          ++counters_.slow_readers;
          return close(c, "the peer does not read what it is sent");
        }
        mark_dirty(c);
        break;
      case Kind::kPong: break;
      case Kind::kClose:
        append_frame(c.out, WebSocketOpcode::kClose, text.substr(0, 2));
        return finish(c, "closed by the peer", now);
    }
  }
}

void Streams::deliver(Connection& c, std::string_view bytes, TimePoint now) {
  ++counters_.messages_in;
  prove(c, now);
  if (!is_response(bytes) && !bytes.starts_with("ACK ")) ++c.owed;
  host_.on_stream_message(c.flow, bytes, now);
}

/// It speaks SIP: from now on it may be silent for longer.
void Streams::prove(Connection& c, TimePoint) {
  if (std::exchange(c.proven, true)) return;
  settings_.budget->proven();
}

/// The peer sends no more. It may still wait for answers (it has closed its half only); else there is nothing left to
/// do.
void Streams::on_end(Connection& c, TimePoint now) {
  c.ended = true;
  c.ending = now;
  if (c.phase == Phase::kEnding && c.queued() > 0) return arm(c, now);
  if (c.phase == Phase::kOpen && !c.is_websocket() && (c.owed > 0 || c.queued() > 0)) return arm(c, now);
  close(c, "closed by the peer");
}

bool Streams::send(const Flow& flow, std::string_view bytes) {
  auto* c = find(flow);
  if (c == nullptr) return false;
  queue(*c, bytes);
  if (c->phase == Phase::kClosed) return false;
  ++counters_.messages_out;
  if (is_final(bytes) && c->owed > 0) --c->owed;
  return true;
}

void Streams::queue(Connection& c, std::string_view bytes) {
  if (c.queued() + bytes.size() > settings_.write_queue) {
    ++counters_.slow_readers;
    return close(c, "the peer does not read what it is sent");
  }
  if (c.is_websocket()) {
    append_frame(c.out, WebSocketOpcode::kText, bytes);
  } else {
    c.out += bytes;
  }
  mark_dirty(c);
}

void Streams::mark_dirty(Connection& c) {
  if (std::exchange(c.dirty, true)) return;
  dirty_.push_back(c.slot);
}

void Streams::flush(Connection& c, TimePoint now) {
  if (c.phase == Phase::kClosed || c.phase == Phase::kDrained || c.phase == Phase::kTls) return;
  while (c.queued() > 0 && !c.writing) {
    const auto put = c.channel.write(std::string_view(c.out).substr(c.written));
    switch (put.state) {
      case State::kDone:
        c.written += put.bytes;
        counters_.bytes_out.add(put.bytes);
        break;
      case State::kWantWrite: wait_write(c, now); break;
      case State::kWantRead: wait_read(c); return;
      case State::kEnd:
      case State::kFailed: return close(c, c.channel.error());
    }
  }
  if (c.queued() > 0) {
    c.out.erase(0, std::exchange(c.written, 0));
    return arm(c, now);
  }
  c.out = std::string();  // an idle connection holds no memory
  c.written = 0;
  if (c.ended && c.owed == 0) return close(c, "closed by the peer");
  if (c.phase != Phase::kEnding) return;
  // The peer shall read what was said: a socket that is closed with bytes unread would take it back.
  c.channel.end();
  c.phase = Phase::kDrained;
  if (c.ended) return close(c, "ended");
  wait_read(c);
}

}  // namespace lamplighter::transport
