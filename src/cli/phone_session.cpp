#include "cli/phone_session.h"

#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>
#include <variant>

#include "base/random.h"
#include "phone/event_json.h"
#include "phone/text_width.h"
#include "view/document.h"

namespace lamplighter::cli {

namespace {

using namespace std::chrono_literals;
using phone::Command;
using view::clean;
using Kind = Command::Kind;

constexpr auto kGoodbye = 1s;  // how long a last unregistration may take
constexpr int kMaxWidth = 100;

constexpr std::string_view kHint = "431 Enter dials · F1–F12 press keys · a answers · h hangs up · ? help · q quits";
constexpr std::string_view kHelp =
    "  431, d 431     dial a number (or a whole sip: address)\n"
    "  p 2, F2        press key 2\n"
    "  a              answer the ringing call\n"
    "  h              hang up; refuse a ringing call\n"
    "  reject 603     refuse a ringing call with that status\n"
    "  r, u           register, unregister\n"
    "  reboot         forget every lamp and start again, as after a power cut\n"
    "  unplug, plug   pull the network cable, put it in again\n"
    "  show           print the panel once\n"
    "  q              quit";

/// The terminal without echo and line editing, for as long as this lives.
class RawMode {
 public:
  explicit RawMode(bool wanted) {
    if (!wanted || tcgetattr(STDIN_FILENO, &before_) != 0) return;
    auto raw = before_;
    raw.c_lflag &= static_cast<tcflag_t>(~(ECHO | ICANON | ISIG | IEXTEN));
    raw.c_iflag &= static_cast<tcflag_t>(~(IXON | ICRNL));
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    on_ = tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
  }
  ~RawMode() {
    if (on_) tcsetattr(STDIN_FILENO, TCSANOW, &before_);
  }
  RawMode(const RawMode&) = delete;
  RawMode& operator=(const RawMode&) = delete;

 private:
  termios before_{};
  bool on_ = false;
};

winsize screen_size() {
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
    size = {.ws_row = 24, .ws_col = 80, .ws_xpixel = 0, .ws_ypixel = 0};
  return size;
}

int panel_width() { return std::min<int>(screen_size().ws_col, kMaxWidth); }

void write_all(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

sigset_t handled_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH}) sigaddset(&set, signal);
  return set;
}

}  // namespace

PhoneSession::PhoneSession(phone::Settings settings, transport::Worker& worker, const Clock& clock, const Flow& server,
                           SessionOptions options)
    : options_(std::move(options)),
      worker_(worker),
      clock_(clock),
      started_(clock.now()),
      agent_(std::move(settings), worker, clock, server, secret_u64(), *this) {
  // Before the worker's thread starts, so that it inherits the mask and signals come to the descriptor only.
  const auto set = handled_signals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  signals_ = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  wake_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  panel_ = phone::panel_of(agent_);
  if (!options_.script) return;
  runner_ = std::make_unique<phone::ScriptRunner>(agent_, clock, options_.script_name, *options_.script);
  runner_->when_done([this](const auto& outcome) {
    news_.with([&](News& news) { news.outcome = outcome; });
    publish({});
  });
  runner_->when_shown([this](const phone::PanelState& panel) {
    const auto frame = phone::draw(panel, 0, options_.colour, panel_width());
    // With --json, standard output is for events alone.
    if (options_.json) return fmt::print(stderr, "{}", frame);
    publish({frame});
  });
}

PhoneSession::~PhoneSession() {
  worker_.stop();
  close(wake_);
  close(signals_);
}

// --- on the worker's thread ---

void PhoneSession::on_event(const phone::Event& event) {
  if (options_.json) return publish({phone::to_json(event) + "\n"});
  publish({fmt::format("{:8.3f}  {}\n", std::chrono::duration<double>(event.t).count(), clean(phone::to_text(event)))});
}

void PhoneSession::publish(std::vector<std::string> lines) {
  auto panel = phone::panel_of(agent_);
  const bool registered = agent_.registration() != phone::RegistrationState::kOff;
  news_.with([&](News& news) {
    std::ranges::move(lines, std::back_inserter(news.lines));
    news.panel = std::move(panel);
    news.registered = registered;
  });
  // Fails only when the counter is full, and then the other side is awake already.
  [[maybe_unused]] const auto woken = eventfd_write(wake_, 1);
}

// --- on the caller's thread ---

int PhoneSession::run() {
  const RawMode raw(options_.panel);
  if (runner_) {
    worker_.start(*runner_);
    worker_.post([this] { runner_->start(); });
  } else {
    worker_.start(agent_);
    worker_.post([this] {
      // Refused only while booting, and then it registers by itself afterwards.
      [[maybe_unused]] const auto done = agent_.register_now();
    });
  }
  if (options_.panel) redraw({});
  while (!left_) {
    std::array<pollfd, 3> fds{{{.fd = wake_, .events = POLLIN, .revents = 0},
                               {.fd = signals_, .events = POLLIN, .revents = 0},
                               {.fd = !runner_ && stdin_open_ ? STDIN_FILENO : -1, .events = POLLIN, .revents = 0}}};
    poll(fds.data(), fds.size(), timeout_ms());
    if (fds[0].revents) take_news();
    if (fds[1].revents) on_signal();
    if (fds[2].revents) on_input();
    if (options_.panel && phone::blinks(panel_) && !fds[0].revents && !fds[2].revents) redraw({});
    if (leave_by_ && (!registered_ || clock_.now() >= *leave_by_)) left_ = true;
  }
  if (options_.panel) write_all("\n");
  return status_;
}

int PhoneSession::timeout_ms() const {
  if (leave_by_) return static_cast<int>(std::max<std::int64_t>(0, (*leave_by_ - clock_.now()) / 1ms) + 1);
  if (!options_.panel || !phone::blinks(panel_)) return -1;
  const auto phase = (clock_.now() - started_) % phone::kPanelPhase;
  return static_cast<int>((phone::kPanelPhase - phase) / 1ms) + 1;
}

void PhoneSession::take_news() {
  eventfd_t count = 0;
  eventfd_read(wake_, &count);
  const auto news = news_.with([](News& shared) {
    auto copy = shared;
    shared.lines.clear();
    return copy;
  });
  const bool changed = news.panel != panel_;
  panel_ = news.panel;
  registered_ = news.registered;
  if (options_.panel) {
    if (changed || !news.lines.empty()) redraw(news.lines);
  } else {
    for (const auto& line : news.lines) write_all(line);
  }
  if (!news.outcome) return;
  if (!*news.outcome) {
    fmt::print(stderr, "{}\n", clean(news.outcome->error()));
    status_ = 1;
  }
  left_ = true;
}

void PhoneSession::on_signal() {
  signalfd_siginfo info{};
  while (read(signals_, &info, sizeof info) == sizeof info) {
    if (info.ssi_signo == SIGWINCH) {
      if (options_.panel) redraw({});
    } else if (runner_ || leave_by_) {
      if (runner_) status_ = 1;
      left_ = true;
    } else {
      begin_leaving();
    }
  }
}

void PhoneSession::begin_leaving() {
  if (leave_by_) {
    left_ = true;  // asked twice
    return;
  }
  leave_by_ = clock_.now() + kGoodbye;
  // Without the news of this the deadline decides.
  worker_.post([this] {
    [[maybe_unused]] const auto done = agent_.unregister();
    publish({});
  });
}

void PhoneSession::on_input() {
  std::array<char, 512> bytes;
  const auto count = read(STDIN_FILENO, bytes.data(), bytes.size());
  if (count <= 0) {
    stdin_open_ = false;  // nobody types any more; the phone stays until a signal comes
    if (options_.panel) begin_leaving();
    return;
  }
  const std::string_view got{bytes.data(), static_cast<std::size_t>(count)};
  if (!options_.panel) {
    piped_ += got;
    for (auto end = piped_.find('\n'); end != std::string::npos; end = piped_.find('\n')) {
      typed(std::string{piped_.substr(0, end)});
      piped_.erase(0, end + 1);
    }
    return;
  }
  for (const auto& input : input_.feed(got)) {
    if (const auto* key = std::get_if<phone::TerminalInput::FunctionKey>(&input)) press_function_key(key->number);
    if (const auto* line = std::get_if<phone::TerminalInput::Line>(&input)) typed(line->text);
    if (std::holds_alternative<phone::TerminalInput::Leave>(input)) begin_leaving();
  }
  redraw({});
}

void PhoneSession::press_function_key(int number) {
  Command press;
  press.kind = Kind::kPress;
  press.argument = fmt::format("{}", number);
  command(std::move(press));
}

void PhoneSession::typed(std::string_view line) {
  auto parsed = phone::parse_typed(line);
  if (!parsed) return say(parsed.error());
  if (*parsed) command(std::move(**parsed));
}

void PhoneSession::command(Command command) {
  switch (command.kind) {
    case Kind::kQuit: return begin_leaving();
    case Kind::kHelp: return say(kHelp);
    case Kind::kShow: return say(phone::draw(panel_, 0, options_.colour, panel_width()));
    case Kind::kSleep:
    case Kind::kWait:
    case Kind::kExpect: return say("sleep, wait and expect are for scripts");
    default: break;
  }
  worker_.post([this, command = std::move(command)] {
    const auto done = phone::perform(command, agent_);
    if (done) return publish({});
    phone::Event event;
    event.type = phone::Event::Type::kError;
    event.t = clock_.now() - started_;
    event.reason = done.error();
    on_event(event);
  });
}

void PhoneSession::say(std::string_view line) {
  std::string text{line};
  if (!text.ends_with('\n')) text += '\n';
  if (options_.panel) return redraw({text});
  // With --json, standard output is for events alone.
  if (!options_.json) return write_all(text);
  fmt::print(stderr, "{}", text);
}

void PhoneSession::redraw(const std::vector<std::string>& above) {
  const auto size = screen_size();
  const int width = std::min<int>(size.ws_col, kMaxWidth);
  const auto phase = static_cast<unsigned>((clock_.now() - started_) / phone::kPanelPhase);
  // Up to the first line of what stands there; what is new above scrolls away with the rest of the screen.
  std::string out = drawn_ > 1 ? fmt::format("\r\x1b[{}A", drawn_ - 1) : "\r";
  for (const auto& text : above) {
    for (const char c : text) {
      if (c == '\n') out += "\x1b[K\r";
      out += c;
    }
  }
  auto block = phone::draw(panel_, phase, options_.colour, width);
  auto lines = static_cast<std::size_t>(std::ranges::count(block, '\n'));
  if (size.ws_row < lines + 3 || size.ws_col < 40) {
    block.clear();  // no room: the command line alone
    lines = 0;
  }
  const auto hint = phone::fit(kHint, width - 1);
  block += options_.colour ? fmt::format("\x1b[90m{}\x1b[0m\n", hint) : hint + "\n";
  drawn_ = lines + 2;
  for (const char c : block) {
    if (c == '\n') out += "\x1b[K\r";
    out += c;
  }
  const auto before = phone::text_width(std::string_view{input_.line()}.substr(0, input_.cursor()));
  out += fmt::format("> {}\x1b[J\r\x1b[{}C",
                     phone::fit(input_.line(), std::min(phone::text_width(input_.line()), width - 3)),
                     std::min(before + 2, width - 1));
  write_all(out);
}

}  // namespace lamplighter::cli
