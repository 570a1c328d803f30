#include "proof/history.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <optional>

#include "base/random.h"

namespace lamplighter::proof {
namespace {

using Kind = Step::Kind;
using std::chrono::milliseconds;

struct KindName {
  Kind kind;
  std::string_view name;
};
constexpr std::array kKinds{
    KindName{Kind::kWait, "wait"},
    KindName{Kind::kDial, "dial"},
    KindName{Kind::kPress, "press"},
    KindName{Kind::kWrite, "write"},
    KindName{Kind::kClear, "clear"},
    KindName{Kind::kFlip, "flip"},
    KindName{Kind::kBoard, "board"},
    KindName{Kind::kReboot, "reboot"},
    KindName{Kind::kRegister, "register"},
    KindName{Kind::kMove, "move"},
    KindName{Kind::kUnplug, "unplug"},
    KindName{Kind::kPlug, "plug"},
    KindName{Kind::kCrash, "crash"},
    KindName{Kind::kStart, "start"},
    KindName{Kind::kNet, "net"},
    KindName{Kind::kDiskFail, "disk-fail"},
    KindName{Kind::kDiskHeal, "disk-heal"},
    KindName{Kind::kDiskSlow, "disk-slow"},
    KindName{Kind::kWall, "wall"},
};
constexpr std::array<std::string_view, 4> kActions{"invite", "message", "toggle", "toggle-by-message"};
constexpr std::array<std::string_view, 4> kCodes{kToggleCode, "431", "432", "433"};
constexpr std::array kLights{lamp::Light::kOn, lamp::Light::kOff, lamp::Light::kHold, lamp::Light::kMessage};

constexpr std::size_t kMostSteps = 10'000;
constexpr std::size_t kMostPhones = 9;
// Bindings are made for an hour: a wall clock that errs by less than half of it lets none expire.
constexpr std::int64_t kMostWall = 1500;
constexpr std::int64_t kLongestWait = 600'000;

std::string net_text(const transport::FaultSettings& net) {
  return fmt::format("loss={:.2f},dup={:.2f},reorder={:.2f},delay={}ms,jitter={}ms,reorder_by={}ms,seed={}", net.loss,
                     net.duplication, net.reordering, net.delay.count(), net.jitter.count(), net.reorder_by.count(),
                     net.seed);
}

/// The words of one line, taken from the front.
class Words {
 public:
  explicit Words(std::string_view line) : rest_(line) {}
  std::string_view next() {
    while (!rest_.empty() && (rest_.front() == ' ' || rest_.front() == '\t')) rest_.remove_prefix(1);
    const auto word = rest_.substr(0, rest_.find_first_of(" \t"));
    rest_.remove_prefix(word.size());
    return word;
  }

 private:
  std::string_view rest_;
};

using Error = std::unexpected<std::string>;

std::expected<std::int64_t, std::string> number(std::string_view word, std::int64_t least, std::int64_t most,
                                                std::string_view what) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (word.empty() || error != std::errc{} || end != word.data() + word.size() || value < least || value > most) {
    return Error(fmt::format("expected {} from {} to {}, not \"{}\"", what, least, most, word));
  }
  return value;
}

template <typename List>
std::optional<std::size_t> index_in(const List& list, std::string_view word) {
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (list[i] == word) return i;
  }
  return std::nullopt;
}

std::expected<Step, std::string> parse_step(const History& history, std::string_view line) {
  Words words(line);
  const auto name = words.next();
  Step step;
  const KindName* found = nullptr;
  for (const auto& kind : kKinds) found = kind.name == name ? &kind : found;
  if (found == nullptr) {
    std::string names;
    for (const auto& kind : kKinds) names.append(" ").append(kind.name);
    return Error(fmt::format("unknown step \"{}\", expected one of{}", name, names));
  }
  step.kind = found->kind;

  std::string error;
  const auto take = [&](std::int64_t least, std::int64_t most, std::string_view what) -> std::int64_t {
    auto value = number(words.next(), least, most, what);
    if (!value && error.empty()) error = value.error();
    return value.value_or(least);
  };
  const auto take_phone = [&] {
    step.phone = static_cast<unsigned>(take(1, static_cast<std::int64_t>(history.phones.size()), "a phone"));
  };
  const auto take_aor = [&] {
    step.aor = words.next();
    if (!index_in(history.phones, step.aor) && error.empty()) {
      error = fmt::format("expected whose keys, as in the line \"phones\", not \"{}\"", step.aor);
    }
  };
  const auto take_key = [&] { step.key = static_cast<unsigned>(take(1, kKeys, "a key")); };
  const auto take_light = [&](std::string_view word) {
    const auto light = lamp::light_from(word);
    if (!light && error.empty()) error = fmt::format("expected a light ({}), not \"{}\"", lamp::light_names(), word);
    return light.value_or(lamp::Light::kOff);
  };

  switch (step.kind) {
    case Kind::kWait: step.value = take(0, kLongestWait, "milliseconds"); break;
    case Kind::kDial:
      take_phone();
      step.code = words.next();
      if (!index_in(kCodes, step.code) && error.empty()) {
        error = fmt::format("expected a code ({}), not \"{}\"", fmt::join(kCodes, " "), step.code);
      }
      break;
    case Kind::kPress: take_phone(), take_key(); break;
    case Kind::kWrite: {
      take_aor(), take_key();
      step.light = take_light(words.next());
      const auto word = words.next();
      const auto action = index_in(kActions, word);
      if (!action && error.empty()) {
        error = fmt::format("expected an action ({}), not \"{}\"", fmt::join(kActions, " "), word);
      }
      step.action = static_cast<Action>(action.value_or(0));
      break;
    }
    case Kind::kClear:
    case Kind::kFlip: take_aor(), take_key(); break;
    case Kind::kBoard:
      take_aor();
      for (auto word = words.next(); !word.empty() && error.empty(); word = words.next()) {
        const auto equals = word.find('=');
        const auto key = number(word.substr(0, equals), 1, kKeys, "a key");
        if (!key || equals == word.npos) {
          error = fmt::format("expected key=light, not \"{}\"", word);
        } else {
          step.lights.emplace_back(static_cast<unsigned>(*key), take_light(word.substr(equals + 1)));
        }
      }
      break;
    case Kind::kReboot:
    case Kind::kRegister:
    case Kind::kMove:
    case Kind::kUnplug:
    case Kind::kPlug: take_phone(); break;
    case Kind::kCrash: step.value = take(0, 1000, "a number of changes that reach the disk"); break;
    case Kind::kNet: {
      auto net = transport::FaultSettings::parse(words.next());
      if (!net) return Error(net.error());
      step.net = *net;
      break;
    }
    case Kind::kDiskSlow: step.value = take(1, 10'000, "milliseconds"); break;
    case Kind::kWall: step.value = take(-kMostWall, kMostWall, "seconds"); break;
    case Kind::kStart:
    case Kind::kDiskFail:
    case Kind::kDiskHeal: break;
  }
  if (error.empty()) {
    if (const auto more = words.next(); !more.empty()) error = fmt::format("nothing expected at \"{}\"", more);
  }
  if (!error.empty()) return Error(std::move(error));
  return step;
}

/// Set-up lines change the history; false when the line is none.
std::expected<bool, std::string> parse_setup(History& history, std::string_view line) {
  Words words(line);
  const auto name = words.next();
  if (name == "phones") {
    history.phones.clear();
    for (auto word = words.next(); !word.empty(); word = words.next()) history.phones.emplace_back(word);
    if (history.phones.empty() || history.phones.size() > kMostPhones) {
      return Error(fmt::format("expected the users of 1 to {} phones", kMostPhones));
    }
    return true;
  }
  if (name == "workers") {
    const auto count = number(words.next(), 1, 8, "workers");
    if (!count) return Error(count.error());
    history.workers = static_cast<unsigned>(*count);
    return true;
  }
  if (name == "seed") {
    const auto word = words.next();
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), history.seed);
    if (word.empty() || error != std::errc{} || end != word.data() + word.size()) {
      return Error(fmt::format("expected a number, not \"{}\"", word));
    }
    return true;
  }
  return false;
}

/// Draws from one word: the low bits decide first.
class Draw {
 public:
  explicit Draw(std::uint32_t word) : left_(word) {}
  unsigned below(unsigned bound) {
    const auto drawn = static_cast<unsigned>(left_ % bound);
    left_ /= bound;
    return drawn;
  }
  std::uint64_t rest() const { return left_; }

 private:
  std::uint64_t left_;
};

// Word 0 is a wait of nothing; the commonest kinds come first.
Step step_from(const History& history, std::uint32_t word) {
  static constexpr std::array kDrawn{
      Kind::kWait,  Kind::kWait, Kind::kWait,     Kind::kWait,     Kind::kWait,     Kind::kWrite,  Kind::kWrite,
      Kind::kWrite, Kind::kDial, Kind::kDial,     Kind::kDial,     Kind::kPress,    Kind::kPress,  Kind::kPress,
      Kind::kPress, Kind::kFlip, Kind::kClear,    Kind::kBoard,    Kind::kReboot,   Kind::kReboot, Kind::kRegister,
      Kind::kMove,  Kind::kMove, Kind::kUnplug,   Kind::kPlug,     Kind::kCrash,    Kind::kCrash,  Kind::kStart,
      Kind::kNet,   Kind::kNet,  Kind::kDiskFail, Kind::kDiskHeal, Kind::kDiskSlow, Kind::kWall};
  Draw draw(word);
  Step step;
  step.kind = kDrawn[draw.below(kDrawn.size())];
  const auto phones = static_cast<unsigned>(history.phones.size());
  const auto any_phone = [&] { step.phone = 1 + draw.below(phones); };
  const auto any_aor = [&] { step.aor = history.phones[draw.below(phones)]; };
  const auto any_key = [&] { step.key = 1 + (kDialKey - 1 + draw.below(kKeys)) % kKeys; };
  switch (step.kind) {
    case Kind::kWait: {
      // From nothing over a round trip to beyond timer F and the longest pause.
      static constexpr std::array<unsigned, 8> kMost{5, 40, 40, 300, 1200, 4000, 12'000, 80'000};
      const auto most = kMost[draw.below(kMost.size())];
      step.value = draw.below(most);
      break;
    }
    case Kind::kDial: any_phone(), step.code = kCodes[draw.below(kCodes.size())]; break;
    case Kind::kPress: any_phone(), any_key(); break;
    case Kind::kWrite:
      any_aor(), any_key();
      step.light = kLights[draw.below(kLights.size())];
      step.action = static_cast<Action>((draw.below(4) + 2) % 4);
      break;
    case Kind::kClear:
    case Kind::kFlip: any_aor(), any_key(); break;
    case Kind::kBoard:
      any_aor();
      for (unsigned key = 1; key <= kKeys; ++key) {
        if (draw.below(2) == 0) step.lights.emplace_back(key, kLights[draw.below(kLights.size())]);
      }
      break;
    case Kind::kReboot:
    case Kind::kRegister:
    case Kind::kMove:
    case Kind::kUnplug:
    case Kind::kPlug: any_phone(); break;
    case Kind::kCrash: step.value = draw.below(4); break;
    case Kind::kNet:
      step.net.loss = 0.05 * draw.below(9);
      step.net.duplication = 0.1 * draw.below(4);
      step.net.reordering = 0.1 * draw.below(4);
      step.net.delay = milliseconds{1 + 10 * draw.below(8)};
      step.net.jitter = milliseconds{20 * draw.below(5)};
      step.net.reorder_by = milliseconds{30 + 50 * draw.below(4)};
      step.net.seed = 1 + draw.rest();
      break;
    case Kind::kDiskSlow: step.value = 1 + draw.below(10) * draw.below(60); break;
    case Kind::kWall: step.value = static_cast<std::int64_t>(draw.below(2 * kMostWall + 1)) - kMostWall; break;
    case Kind::kStart:
    case Kind::kDiskFail:
    case Kind::kDiskHeal: break;
  }
  return step;
}

}  // namespace

std::string toggle_number(unsigned key) { return fmt::format("70{}", key); }

std::string Step::text() const {
  std::string_view name;
  for (const auto& each : kKinds) name = each.kind == kind ? each.name : name;
  switch (kind) {
    case Kind::kWait:
    case Kind::kCrash:
    case Kind::kDiskSlow:
    case Kind::kWall: return fmt::format("{} {}", name, value);
    case Kind::kDial: return fmt::format("{} {} {}", name, phone, code);
    case Kind::kPress: return fmt::format("{} {} {}", name, phone, key);
    case Kind::kWrite:
      return fmt::format("{} {} {} {} {}", name, aor, key, lamp::name_of(light),
                         kActions[static_cast<std::size_t>(action)]);
    case Kind::kClear:
    case Kind::kFlip: return fmt::format("{} {} {}", name, aor, key);
    case Kind::kBoard: {
      auto out = fmt::format("{} {}", name, aor);
      for (const auto& [each, its_light] : lights) out += fmt::format(" {}={}", each, lamp::name_of(its_light));
      return out;
    }
    case Kind::kReboot:
    case Kind::kRegister:
    case Kind::kMove:
    case Kind::kUnplug:
    case Kind::kPlug: return fmt::format("{} {}", name, phone);
    case Kind::kNet: return fmt::format("{} {}", name, net_text(net));
    case Kind::kStart:
    case Kind::kDiskFail:
    case Kind::kDiskHeal: return std::string(name);
  }
  return {};
}

std::string History::text() const {
  auto out = fmt::format("phones {}\nworkers {}\nseed {}\n", fmt::join(phones, " "), workers, seed);
  for (const auto& step : steps) out.append(step.text()).append("\n");
  return out;
}

std::expected<History, std::string> History::parse(std::string_view text) {
  History history;
  for (std::size_t line_number = 1; !text.empty(); ++line_number) {
    const auto end = text.find('\n');
    auto line = text.substr(0, end);
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
    line = line.substr(0, line.find('#'));
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.remove_suffix(1);
    if (line.find_first_not_of(" \t") == line.npos) continue;
    const auto fail = [&](const std::string& what) { return Error(fmt::format("line {}: {}", line_number, what)); };
    const auto setup = parse_setup(history, line);
    if (!setup) return fail(setup.error());
    if (*setup) continue;
    auto step = parse_step(history, line);
    if (!step) return fail(step.error());
    if (history.steps.size() == kMostSteps) return fail(fmt::format("more than {} steps", kMostSteps));
    history.steps.push_back(std::move(*step));
  }
  return history;
}

History History::from(std::uint64_t seed, std::span<const std::uint32_t> words) {
  static const std::array<std::vector<std::string>, 4> kHouses{
      {{"101", "102"}, {"101", "101"}, {"101", "101", "102"}, {"101", "101", "102", "103"}}};
  History history;
  history.seed = seed;
  Random random(seed);
  history.phones = kHouses[random.below(kHouses.size())];
  history.workers = 1 + static_cast<unsigned>(random.below(3));
  history.steps.reserve(words.size());
  for (const auto word : words) history.steps.push_back(step_from(history, word));
  return history;
}

History History::random(std::uint64_t seed) {
  Random random(seed ^ 0x9e3779b97f4a7c15);
  std::vector<std::uint32_t> words(10 + random.below(31));
  for (auto& word : words) word = static_cast<std::uint32_t>(random.next());
  return from(seed, words);
}

}  // namespace lamplighter::proof
