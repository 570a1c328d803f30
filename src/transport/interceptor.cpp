#include "transport/interceptor.h"

#include <fmt/format.h>

#include <charconv>
#include <mutex>
#include <optional>

namespace lamplighter::transport {
namespace {

using std::chrono::milliseconds;

template <typename T>
std::optional<T> parse_whole(std::string_view text) {
  T value{};
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<double> parse_probability(std::string_view text) {
  auto value = parse_whole<double>(text);
  if (!value || !(*value >= 0 && *value <= 1)) return std::nullopt;  // written so that a NaN fails
  return value;
}

std::optional<milliseconds> parse_delay(std::string_view text) {
  constexpr std::int64_t kLongest = 3'600'000;
  std::int64_t unit = 0;
  if (text.ends_with("ms")) {
    unit = 1;
    text.remove_suffix(2);
  } else if (text.ends_with("s")) {
    unit = 1000;
    text.remove_suffix(1);
  }
  auto value = parse_whole<std::int64_t>(text);
  if (unit == 0 || !value || *value < 0 || *value > kLongest / unit) return std::nullopt;
  return milliseconds{*value * unit};
}

/// Assigns and says whether it could.
template <typename T>
bool assign(T& target, std::optional<T> value) {
  if (value) target = *value;
  return value.has_value();
}

class Faults final : public Interceptor {
 public:
  explicit Faults(const FaultSettings& settings) : settings_(settings), random_(settings.seed) {}

  void pass(Direction, const Flow&, std::string_view, std::vector<Duration>& delays) override {
    std::lock_guard lock(mutex_);
    if (random_.chance(settings_.loss)) return;
    int copies = random_.chance(settings_.duplication) ? 2 : 1;
    for (int copy = 0; copy < copies; ++copy) {
      Duration delay = settings_.delay;
      if (settings_.jitter.count() > 0) {
        Duration jitter = settings_.jitter;
        delay += Duration{random_.below(static_cast<std::uint64_t>(jitter.count()) + 1)};
      }
      if (random_.chance(settings_.reordering)) delay += settings_.reorder_by;
      delays.push_back(delay);
    }
  }

 private:
  FaultSettings settings_;
  std::mutex mutex_;
  Random random_;
};

}  // namespace

std::expected<FaultSettings, std::string> FaultSettings::parse(std::string_view text) {
  FaultSettings settings;
  while (!text.empty()) {
    auto comma = text.find(',');
    auto item = text.substr(0, comma);
    text.remove_prefix(comma == text.npos ? text.size() : comma + 1);
    auto equals = item.find('=');
    auto name = item.substr(0, equals);
    auto value = equals == item.npos ? std::string_view{} : item.substr(equals + 1);

    std::string_view expected;
    if (name == "loss" || name == "dup" || name == "reorder") {
      auto& target = name == "loss" ? settings.loss : name == "dup" ? settings.duplication : settings.reordering;
      if (!assign(target, parse_probability(value))) expected = "a probability between 0 and 1, such as 0.1";
    } else if (name == "delay" || name == "jitter" || name == "reorder_by") {
      auto& target = name == "delay" ? settings.delay : name == "jitter" ? settings.jitter : settings.reorder_by;
      if (!assign(target, parse_delay(value))) expected = "a time up to an hour with its unit, such as 20ms or 1s";
    } else if (name == "seed") {
      if (!assign(settings.seed, parse_whole<std::uint64_t>(value))) expected = "a whole number";
    } else {
      return std::unexpected(fmt::format(
          "unknown fault \"{}\", expected loss, dup, reorder, delay, jitter, reorder_by or seed", name.substr(0, 64)));
    }
    if (!expected.empty()) {
      return std::unexpected(fmt::format("{}: expected {}, not \"{}\"", name, expected, value.substr(0, 64)));
    }
  }
  return settings;
}

std::shared_ptr<Interceptor> make_faults(FaultSettings settings) { return std::make_shared<Faults>(settings); }

}  // namespace lamplighter::transport
