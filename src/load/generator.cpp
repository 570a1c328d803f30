#include "load/generator.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/random.h"
#include "load/kernel.h"

namespace lamplighter::load {
namespace {

using namespace std::chrono_literals;

constexpr auto kScan = 20ms;  // how often timers are looked at; far finer than T1
constexpr auto kGrace = 2s;   // for what is under way at the end
constexpr auto kT2 = 4s;      // RFC 3261 Timer E stops doubling here

TimePoint now_on_clock() { return std::chrono::steady_clock::now(); }

std::chrono::nanoseconds own_cpu() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto of = [](const timeval& time) {
    return std::chrono::seconds{time.tv_sec} + std::chrono::microseconds{time.tv_usec};
  };
  return of(usage.ru_utime) + of(usage.ru_stime);
}

std::string_view user_of(std::string_view uri) {
  const auto from = uri.find(':') + 1;
  return uri.substr(from, uri.find('@') - from);
}

}  // namespace

std::expected<std::unique_ptr<Generator>, std::string> Generator::open(Options options) {
  if (!options.promises.empty()) options.phones = static_cast<std::uint32_t>(options.promises.size());
  if (options.phones == 0) return std::unexpected("no phones: --phones must be at least 1");
  if (options.in_flight == 0) options.in_flight = 100;
  options.in_flight = std::min(options.in_flight, options.phones);
  std::vector<Socket> sockets;
  for (std::uint32_t i = 0; i < std::clamp(options.sockets, 1U, options.phones); ++i) {
    auto socket = Socket::connect(options.server);
    if (!socket) return std::unexpected(socket.error());
    sockets.push_back(std::move(*socket));
  }
  std::unique_ptr<Generator> generator(new Generator(std::move(options), std::move(sockets)));
  if (const auto& path = generator->options_.acknowledged_log; !path.empty()) {
    generator->log_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (generator->log_ < 0) return std::unexpected("cannot write " + path + ": " + std::strerror(errno));
  }
  return generator;
}

Generator::Generator(Options options, std::vector<Socket> sockets)
    : options_(std::move(options)),
      server_(options_.server.to_string()),
      domain_(options_.domain.empty() ? options_.server.ip.to_host() : options_.domain),
      texts_(options_, server_, domain_),
      run_(static_cast<std::uint32_t>(secret_u64())),
      epoll_(epoll_create1(EPOLL_CLOEXEC)),
      sockets_(std::move(sockets)),
      phones_(options_.phones) {
  for (std::uint32_t i = 0; i < sockets_.size(); ++i) {
    epoll_event event{.events = EPOLLIN, .data = {.u32 = i}};
    epoll_ctl(epoll_, EPOLL_CTL_ADD, sockets_[i].descriptor(), &event);
  }
  for (std::uint32_t i = 0; i < phones_.size(); ++i) {
    auto& phone = phones_[i];
    phone.user = options_.promises.empty() ? std::to_string(options_.first_user + i)
                                           : std::string(user_of(options_.promises[i].aor));
    phone.instance = fmt::format("{:08x}", options_.first_user + i);
    phone.socket = i % static_cast<std::uint32_t>(sockets_.size());
  }
}

Generator::~Generator() {
  if (epoll_ >= 0) close(epoll_);
  if (log_ >= 0) close(log_);
}

Result Generator::run(Mode mode, Limit limit) {
  mode_ = mode;
  limit_ = limit;
  result_ = {};
  result_.mode = mode;
  result_.phones = static_cast<std::uint32_t>(phones_.size());
  result_.sockets = static_cast<std::uint32_t>(sockets_.size());
  started_ = 0;
  refused_ = false;
  active_.clear();
  idle_.clear();
  for (std::uint32_t i = 0; i < phones_.size(); ++i) idle_.push_back(i);

  const auto drops = receive_buffer_errors();
  const auto cpu = own_cpu();
  begin_ = now_on_clock();
  end_ = begin_ + limit.duration;
  auto now = begin_;
  auto next_scan = now + kScan;
  auto next_progress = now + 1s;
  TimePoint last_done = now;
  while (true) {
    start_some(now);
    flush_all();
    if (refused_) break;  // nobody listens there (any more)
    const bool ended = !may_start(now);
    if (ended && (active_.empty() || now >= end_ + kGrace)) break;

    epoll_event events[64];
    const auto wait = std::chrono::ceil<std::chrono::milliseconds>(next_scan - now).count();
    const int ready = epoll_wait(epoll_, events, 64, static_cast<int>(std::max<std::int64_t>(wait, 0)));
    now = now_on_clock();
    const auto before = result_.done;
    for (int i = 0; i < ready; ++i) {
      const auto socket = events[i].data.u32;
      while (const auto count = inbox_.receive(sockets_[socket].descriptor(), refused_)) {
        result_.received += count;
        for (std::size_t k = 0; k < count; ++k) on_message(inbox_[k], now);
        if (count < Inbox::kBatch) break;
      }
    }
    flush_log();
    if (result_.done != before) last_done = now;
    if (now >= next_scan) {
      on_timers(now);
      next_scan = now + kScan;
    }
    if (now >= next_progress) {
      next_progress += 1s;
      if (options_.progress) options_.progress(result_.done, std::chrono::duration<double>(now - begin_).count());
    }
  }
  result_.unfinished = active_.size();
  for (const auto index : active_) phones_[index].active = false;
  result_.server_gone = refused_;
  // The grace period is not part of a run that was limited by time; a run limited by count ends with its last success.
  const auto ended = std::min(active_.empty() ? last_done : now, end_);
  result_.seconds = std::max(std::chrono::duration<double>(ended - begin_).count(), 1e-6);
  result_.own_cpu = own_cpu() - cpu;
  result_.kernel_drops = receive_buffer_errors() - drops;
  return std::move(result_);
}

bool Generator::may_start(TimePoint now) const {
  return now < end_ && started_ < limit_.count && (options_.stop == nullptr || !options_.stop->load());
}

void Generator::start_some(TimePoint now) {
  while (active_.size() < options_.in_flight && !idle_.empty() && may_start(now)) {
    auto& phone = phones_[idle_.front()];
    idle_.pop_front();
    phone.active = true;
    phone.answered = phone.lit = false;
    phone.tries = phone.resends = 0;
    phone.active_at = static_cast<std::uint32_t>(active_.size());
    active_.push_back(index_of(phone));
    phone.started = now;
    phone.give_up_at = now + options_.timeout;
    ++phone.sequence;
    ++phone.requests;
    ++started_;
    phone.resend_at = now + options_.t1;
    authorize(phone);
    send_request(phone);
  }
}

void Generator::finish(Phone& phone, std::uint64_t& counter) {
  ++counter;
  phone.active = false;
  const auto last = active_.back();
  active_[phone.active_at] = last;
  phones_[last].active_at = phone.active_at;
  active_.pop_back();
  idle_.push_back(index_of(phone));
}

void Generator::flush_all() {
  for (auto& socket : sockets_) {
    if (socket.dirty()) result_.sent += socket.flush(refused_);
  }
}

// The log may only hold what the server promised, and must hold it however this process ends.
void Generator::flush_log() {
  if (log_text_.empty()) return;
  std::string_view rest = log_text_;
  while (!rest.empty()) {
    const auto written = write(log_, rest.data(), rest.size());
    if (written < 0 && errno != EINTR) break;
    rest.remove_prefix(static_cast<std::size_t>(std::max<ssize_t>(written, 0)));
  }
  log_text_.clear();
}

void Generator::on_timers(TimePoint now) {
  for (std::size_t i = 0; i < active_.size();) {
    auto& phone = phones_[active_[i]];
    if (now >= phone.give_up_at) {
      finish(phone, result_.timeouts);
      continue;  // another phone stands here now
    }
    if (now >= phone.resend_at) {
      // Timer A doubles without a bound (RFC 3261 §17.1.1.2), Timer E up to T2 (§17.1.2.2).
      ++phone.resends;
      auto pause = options_.t1 * (1 << std::min<int>(phone.resends, 16));
      if (mode_ != Mode::kPress) pause = std::min<std::chrono::milliseconds>(pause, kT2);
      phone.resend_at = now + pause;
      ++result_.retransmissions;
      send_request(phone);
    }
    ++i;
  }
}

}  // namespace lamplighter::load
