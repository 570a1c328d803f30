#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/sender.h"
#include "base/sip_hash.h"
#include "base/timer_wheel.h"
#include "transaction/action.h"
#include "transaction/table.h"
#include "transaction/user.h"

namespace lamplighter::transaction {

/// Buffers that no transaction needs now. A transaction lives on for seconds after its message was last of use, to
/// absorb what comes late; its buffer need not: at twenty thousand requests a second that would be the whole cache of a
/// core.
class Buffers {
 public:
  /// Puts `text` into `buffer`, on memory from here when its own is too small.
  void fill(std::string& buffer, std::string_view text) {
    if (buffer.capacity() < text.size() && !free_.empty()) {
      buffer.swap(free_.back());
      free_.pop_back();
    }
    buffer = text;
  }
  /// Empties `buffer` and keeps its memory, unless it is that of a rare huge message or there is plenty.
  void take_back(std::string& buffer) {
    constexpr std::size_t kLargest = 4096, kMost = 1024;
    constexpr std::size_t kInPlace = 32;  // below that a string needs no memory of its own
    std::string gone;
    gone.swap(buffer);
    if (gone.capacity() > kLargest || gone.capacity() < kInPlace || free_.size() == kMost) return;
    free_.push_back(std::move(gone));
  }

 private:
  std::vector<std::string> free_;
};

/// What both halves of a table share.
struct Context {
  Sender& sender;
  TimerWheel& wheel;
  TransactionUser& user;
  TimerBase timers;
  std::uint32_t first_kind;
  SipHash::Key secret;  ///< of keys.h
  Table::Counters counters{};
  Buffers buffers{};
};

/// Whose timer it is, packed into the wheel's 64-bit owner: a server or client bit, slot, generation.
struct Owner {
  bool server;
  std::uint32_t slot;
  std::uint32_t generation;

  static Owner unpack(std::uint64_t word) {
    return {(word >> 63) != 0, static_cast<std::uint32_t>(word >> 32) & 0x7fffffff, static_cast<std::uint32_t>(word)};
  }
  std::uint64_t pack() const {
    return std::uint64_t{server} << 63 | static_cast<std::uint64_t>(slot) << 32 | generation;
  }
};

/// The two timers a transaction can have at once: one that repeats a message (A, E, G), and one that ends a state.
struct Timers {
  TimerHandle repeat;
  TimerHandle end;

  static bool repeats(Timer timer) {
    return timer == Timer::kA || timer == Timer::kE || timer == Timer::kG || timer == Timer::kFlowGone;
  }
  TimerHandle& handle(Timer timer) { return repeats(timer) ? repeat : end; }

  void start(Context& context, Owner owner, Timer timer, TimePoint at) {
    stop(context, timer);
    handle(timer) = context.wheel.schedule(at, owner.pack(), context.first_kind + static_cast<std::uint32_t>(timer));
  }
  void stop(Context& context, Timer timer) {
    auto& waiting = handle(timer);
    if (waiting) context.wheel.cancel(waiting);
    waiting = {};
  }
  void stop_all(Context& context) {
    stop(context, Timer::kFlowGone);
    stop(context, Timer::kGuard);
  }
};

/// What an event brings along for its actions.
struct Event {
  TimePoint now;
  const sip::Message* message = nullptr;
  const Flow* flow = nullptr;
  std::string_view bytes{};  ///< the response in hand
  bool again = false;        ///< what is sent now has been sent before
};

}  // namespace lamplighter::transaction
