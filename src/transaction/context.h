#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/sender.h"
#include "base/timer_wheel.h"
#include "transaction/action.h"
#include "transaction/table.h"
#include "transaction/user.h"

namespace lamplighter::transaction {

/// What both halves of a table share.
struct Context {
  Sender& sender;
  TimerWheel& wheel;
  TransactionUser& user;
  TimerBase timers;
  std::uint32_t first_kind;
  std::uint64_t hash_key;
  Table::Counters counters{};
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

/// A released transaction keeps its buffers for the next one, but not those of a rare huge message.
inline void clear_buffer(std::string& buffer) {
  constexpr std::size_t kKeep = 4096;
  if (buffer.capacity() > kKeep) {
    std::string().swap(buffer);
  } else {
    buffer.clear();
  }
}

/// What an event brings along for its actions.
struct Event {
  TimePoint now;
  const sip::Message* message = nullptr;
  const Flow* flow = nullptr;
  std::string_view bytes{};  ///< the response in hand
  bool again = false;        ///< what is sent now has been sent before
};

}  // namespace lamplighter::transaction
