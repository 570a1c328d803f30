#pragma once

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/guarded.h"
#include "base/timer_wheel.h"
#include "transport/worker.h"

// What the tests of a worker on real sockets share.
namespace lamplighter::transport {

inline SocketAddress at(std::string_view text) { return SocketAddress::parse(text).value(); }
inline Listen listen_on(std::string_view text) { return Listen::parse(text).value(); }

/// Waits for what other threads bring about; false after far longer than it can take.
template <typename F>
bool eventually(F&& condition) {
  auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{20};
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::yield();
  }
  return true;
}

/// A plain blocking socket, as a phone would have.
class Phone {
 public:
  explicit Phone(std::string_view address = "127.0.0.1:0") {
    sockaddr_storage storage;
    auto size = at(address).to(storage);
    fd_ = socket(storage.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(bind(fd_, reinterpret_cast<sockaddr*>(&storage), size), 0);
    socklen_t length = sizeof storage;
    getsockname(fd_, reinterpret_cast<sockaddr*>(&storage), &length);
    address_ = SocketAddress::from(storage);
  }
  ~Phone() { close(fd_); }
  Phone(const Phone&) = delete;
  Phone& operator=(const Phone&) = delete;

  const SocketAddress& address() const { return address_; }
  void send(const SocketAddress& to, std::string_view bytes) {
    sockaddr_storage storage;
    auto size = to.to(storage);
    EXPECT_EQ(sendto(fd_, bytes.data(), bytes.size(), 0, reinterpret_cast<sockaddr*>(&storage), size),
              static_cast<ssize_t>(bytes.size()));
  }
  /// "" when nothing came. `from` is set to the sender.
  std::string receive(std::chrono::milliseconds patience = std::chrono::seconds{20}) {
    pollfd wait{fd_, POLLIN, 0};
    if (poll(&wait, 1, static_cast<int>(patience.count())) != 1) return "";
    std::string bytes(65536, '\0');
    sockaddr_storage storage;
    socklen_t size = sizeof storage;
    auto got = recvfrom(fd_, bytes.data(), bytes.size(), 0, reinterpret_cast<sockaddr*>(&storage), &size);
    bytes.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
    from = SocketAddress::from(storage);
    return bytes;
  }
  SocketAddress from;

 private:
  int fd_;
  SocketAddress address_;
};

/// Answers every message with the same bytes, remembers the flows, and runs timers.
class Echo : public Receiver {
 public:
  void on_message(const Flow& flow, std::string_view bytes, TimePoint) override {
    flows.with([&](auto& seen) { seen.emplace_back(flow, std::string(bytes)); });
    if (on_got) on_got(flow, bytes);
    if (sender != nullptr) {
      EXPECT_TRUE(sender->send(flow, bytes));
    }
  }
  void on_timers(TimePoint now) override {
    wheel.advance(now, [&](const TimerWheel::Expired& expired) { on_fired(expired.owner, now); });
  }
  std::optional<TimePoint> next_timer() const override { return wheel.next(); }

  using Seen = std::vector<std::pair<Flow, std::string>>;
  Seen seen() const {
    return flows.with([](const auto& value) { return value; });
  }

  Sender* sender = nullptr;
  std::function<void(const Flow&, std::string_view)> on_got;
  std::function<void(std::uint64_t, TimePoint)> on_fired;
  TimerWheel wheel{std::chrono::steady_clock::now()};
  Guarded<Seen> flows;
};

/// A worker with an Echo on it, started.
struct Running {
  explicit Running(WorkerSettings settings, bool echo_back = true, std::shared_ptr<Interceptor> interceptor = nullptr)
      : worker(std::move(settings), clock) {
    auto opened = worker.open();
    if (!opened) throw std::runtime_error(opened.error());
    if (interceptor) worker.intercept(std::move(interceptor));
    if (echo_back) echo.sender = &worker;
    worker.start(echo);
  }
  explicit Running(std::string_view listen) : Running(settings_for(listen)) {}
  ~Running() { worker.stop(); }

  static WorkerSettings settings_for(std::string_view listen) {
    WorkerSettings settings;
    settings.listen = {listen_on(listen)};
    settings.receive_buffer = settings.send_buffer = 128 * 1024;  // within any kernel's limits: no warning
    return settings;
  }
  SocketAddress address(std::size_t listener = 0) const { return worker.bound().at(listener).address; }
  /// Runs on the worker's thread and waits for it.
  void on_thread(std::function<void()> task) {
    std::promise<void> done;
    worker.post([&] {
      task();
      done.set_value();
    });
    done.get_future().wait();
  }

  SystemClock clock;
  Echo echo;
  Worker worker;
};

}  // namespace lamplighter::transport
