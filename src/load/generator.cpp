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
    const auto port = options.first_port == 0 ? 0U : options.first_port + i;
    if (port > UINT16_MAX) return std::unexpected("--first-port: there is no port " + std::to_string(port));
    auto socket = Socket::connect(options.server, static_cast<std::uint16_t>(port));
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
  if (options_.http.port != 0) {
    http_ = std::make_unique<HttpPool>(options_.http, options_.token, std::max(options_.connections, 1U), epoll_,
                                       static_cast<std::uint32_t>(sockets_.size()));
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
  http_.reset();
  if (epoll_ >= 0) close(epoll_);
  if (log_ >= 0) close(log_);
}

std::string Generator::aor_of(std::uint32_t phone) const { return phones_[phone].user + "@" + domain_; }

Result Generator::run(Director& director, Mode mode, Limit limit) {
  director_ = &director;
  auto result = run(mode, limit);
  director_ = nullptr;
  return result;
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
  const std::uint32_t stride = mode == Mode::kCall ? 2 : 1;  // of two phones the first calls the second
  for (std::uint32_t i = 0; i + stride <= phones_.size(); i += stride) idle_.push_back(i);
  if (http_) http_->reset();

  const auto drops = receive_buffer_errors();
  const auto cpu = own_cpu();
  begin_ = now_on_clock();
  end_ = begin_ + limit.duration;
  auto now = begin_;
  next_start_ = begin_;
  auto next_scan = now + kScan;
  auto next_progress = now + 1s;
  TimePoint last_done = now;
  while (true) {
    start_some(now);
    flush_all();
    if (refused_) break;  // nobody listens there (any more)
    const bool ended = !may_start(now) || idle_.empty();
    if (ended && (active_.empty() || (now >= end_ + kGrace))) break;

    const auto before = result_.done;
    const bool paced = options_.pace > 0us && active_.size() < options_.in_flight && !ended;
    wait_and_receive(now, paced ? std::min(next_scan, std::max(now, next_start_)) : next_scan);
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
  // What the server said before it went may still lie here.
  for (auto& socket : sockets_) receive(socket, now);
  flush_log();
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

Result Generator::listen(Director& director, std::chrono::milliseconds duration) {
  director_ = &director;
  result_ = {};
  const auto drops = receive_buffer_errors();
  auto now = now_on_clock();
  const auto begin = now;
  for (const auto end = now + duration; now < end && !director.content();) {
    wait_and_receive(now, std::min(end, now + kScan));
    flush_all();
    if (options_.stop != nullptr && options_.stop->load()) break;
  }
  director_ = nullptr;
  result_.seconds = std::chrono::duration<double>(now - begin).count();
  result_.kernel_drops = receive_buffer_errors() - drops;
  return std::move(result_);
}

void Generator::wait_and_receive(TimePoint& now, TimePoint until) {
  epoll_event events[64];
  const auto wait = std::max(until - now, Duration::zero());
  const auto seconds = std::chrono::floor<std::chrono::seconds>(wait);
  const timespec timeout{.tv_sec = seconds.count(), .tv_nsec = (wait - seconds).count()};
  const int ready = epoll_pwait2(epoll_, events, 64, &timeout, nullptr);
  now = now_on_clock();
  for (int i = 0; i < ready; ++i) {
    const auto tag = events[i].data.u32;
    if (tag < sockets_.size()) {
      receive(sockets_[tag], now);
    } else if (http_) {
      http_->on_event(tag, events[i].events);
    }
  }
  if (!http_) return;
  for (const auto& reply : http_->take_replies()) on_reply(reply, now);
  refused_ |= http_->take_refused();
}

void Generator::receive(Socket& socket, TimePoint now) {
  while (const auto count = inbox_.receive(socket.descriptor(), refused_)) {
    result_.received += count;
    for (std::size_t k = 0; k < count; ++k) on_message(inbox_[k], now);
    if (count < Inbox::kBatch) break;
  }
}

bool Generator::may_start(TimePoint now) const {
  return now < end_ && started_ < limit_.count && (options_.stop == nullptr || !options_.stop->load());
}

void Generator::start_some(TimePoint now) {
  while (active_.size() < options_.in_flight && !idle_.empty() && may_start(now)) {
    if (options_.pace > 0us) {
      if (now < next_start_) return;
      next_start_ = std::max(next_start_ + options_.pace, now);  // what was missed is not made up for
    }
    auto& phone = phones_[idle_.front()];
    idle_.pop_front();
    const auto order = director_ == nullptr ? order_of_mode(phone) : director_->next(index_of(phone));
    if (order) start(phone, *order, now);
  }
}

Order Generator::order_of_mode(const Phone& phone) const {
  switch (mode_) {
    case Mode::kRegister: return {.deed = Deed::kRegister};
    case Mode::kQuery: return {.deed = Deed::kQuery};
    case Mode::kPress:
      return {.deed = Deed::kPress, .dialled = options_.dial[phone.requests % options_.dial.size()], .lamps = 1};
    case Mode::kCall: return {.deed = Deed::kCall, .dialled = callee_of(phone).user};
    default: return {.deed = Deed::kOptions};
  }
}

void Generator::start(Phone& phone, const Order& order, TimePoint now) {
  phone.active = true;
  phone.answered = phone.at_once = false;
  phone.lamps_due = order.lamps;
  phone.tries = phone.resends = 0;
  phone.active_at = static_cast<std::uint32_t>(active_.size());
  active_.push_back(index_of(phone));
  phone.started = now;
  phone.give_up_at = now + options_.timeout;
  ++started_;
  phone.resend_at = now + options_.t1;
  phone.over_http = order.deed == Deed::kHttp;
  if (phone.over_http) {
    phone.resend_at = TimePoint::max();
    http_->send(index_of(phone), order.method, order.target, order.body);
    return;
  }
  if (!order.again) {
    phone.deed = order.deed;
    phone.dialled = order.dialled;
    ++phone.sequence;
    ++phone.requests;
    authorize(phone);
  }
  send_request(phone);
}

void Generator::finish(Phone& phone, End end) {
  ++(end == End::kDone ? result_.done : end == End::kRefused ? result_.refused : result_.timeouts);
  phone.active = false;
  const auto last = active_.back();
  active_[phone.active_at] = last;
  phones_[last].active_at = phone.active_at;
  active_.pop_back();
  idle_.push_back(index_of(phone));
  if (director_ != nullptr) director_->ended(index_of(phone), end);
}

void Generator::finish_if_complete(Phone& phone) {
  if (phone.answered && (phone.lamps_due == 0 || phone.at_once)) finish(phone, End::kDone);
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
      if (phone.over_http && !phone.answered) http_->cancel(index_of(phone));
      finish(phone, End::kTimeout);
      continue;  // another phone stands here now
    }
    if (mode_ == Mode::kCall) answer_again(callee_of(phone), now);
    if (now >= phone.resend_at) {
      // Timer A doubles without a bound (RFC 3261 §17.1.1.2), Timer E up to T2 (§17.1.2.2).
      ++phone.resends;
      auto pause = options_.t1 * (1 << std::min<int>(phone.resends, 16));
      if (!is_invite(phone.deed)) pause = std::min<std::chrono::milliseconds>(pause, kT2);
      phone.resend_at = now + pause;
      ++result_.retransmissions;
      send_request(phone);
    }
    ++i;
  }
}

}  // namespace lamplighter::load
