#include "load/keyboards.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>

#include "load/api_load.h"

namespace lamplighter::load {
namespace {

using namespace std::chrono_literals;

constexpr std::array<std::string_view, 5> kLights = {"on", "hold", "pickup", "park", "message"};
constexpr auto kAskAgain = 100ms;

double mebibytes(std::uint64_t bytes) { return static_cast<double>(bytes) / (1024 * 1024); }

boost::json::value json_of(const std::optional<Memory>& memory) {
  if (!memory) return nullptr;
  return boost::json::object{{"rss", memory->rss}, {"pss", memory->pss}};
}

double growth(const std::optional<Memory>& from, const std::optional<Memory>& to, std::uint32_t phones) {
  if (!from || !to || phones == 0) return 0;
  return (static_cast<double>(to->pss) - static_cast<double>(from->pss)) / phones;
}

}  // namespace

Keyboards::Keyboards(Generator& generator, std::uint32_t changes)
    : generator_(generator), changes_(changes), boards_(generator.phones()) {}

// Never dark, and different in each change: so every key of every change takes a message.
std::string Keyboards::light_of(std::uint32_t phone, std::uint32_t key) const {
  return std::string(kLights[(phone + key + boards_[phone].changes) % kLights.size()]);
}

std::string Keyboards::label_of(std::uint32_t phone, std::uint32_t key) const {
  return fmt::format("{}-{}-{}", phone, key, boards_[phone].changes);
}

std::optional<Order> Keyboards::next(std::uint32_t phone) {
  if (phase_ == Phase::kAsk) {
    if (phone != 0 || last_page_) return std::nullopt;
    return Order{.method = "GET", .target = "/v1/phones?limit=1000" + (after_.empty() ? "" : "&after=" + after_)};
  }
  auto& board = boards_[phone];
  if (board.changes == changes_) return std::nullopt;
  ++board.changes;
  board.shown = 0;
  const auto keys = generator_.options().keys;
  std::string body = R"({"keys":{)";
  for (std::uint32_t key = 1; key <= keys; ++key) {
    fmt::format_to(std::back_inserter(body), R"({}"{}":{{"light":"{}","label":"{}"}})", key == 1 ? "" : ",", key,
                   light_of(phone, key), label_of(phone, key));
  }
  body += "}}";
  return Order{
      .method = "PUT", .target = target_of_phone(generator_, phone) + "/keys", .body = std::move(body), .lamps = keys};
}

Verdict Keyboards::answered(std::uint32_t, const Answer& answer) {
  const bool good = answer.status >= 200 && answer.status < 300;
  if (!good && complaint_.empty()) {
    complaint_ = answer.status == 0 ? "the HTTP connection broke"
                                    : fmt::format("the API answered {}: {}", answer.status, answer.text);
  }
  if (phase_ == Phase::kChange || !good) return good ? Verdict::kGood : Verdict::kBad;
  boost::system::error_code error;
  const auto page = boost::json::parse(answer.text, error);
  if (error || !page.is_object() || !page.as_object().contains("phones")) {
    complaint_ = "GET /v1/phones: not the document that was expected";
    return Verdict::kBad;
  }
  for (const auto& phone : page.at("phones").as_array()) {
    unconfirmed_ += phone.at("unconfirmed").to_number<std::uint64_t>();
  }
  const auto* after = page.as_object().if_contains("next");
  last_page_ = after == nullptr;
  if (after != nullptr) after_ = after->as_string();
  return Verdict::kGood;
}

bool Keyboards::lit(std::uint32_t phone, const LampBlock& block, bool) {
  if (phase_ != Phase::kChange) return false;
  auto& board = boards_[phone];
  for (std::uint32_t key = 1; key <= generator_.options().keys; ++key) {
    if (block.key != fmt::format_int(key).c_str()) continue;
    const auto bit = std::uint64_t{1} << key;
    if ((board.shown & bit) != 0 || block.label != label_of(phone, key) || block.light != light_of(phone, key)) {
      return false;
    }
    board.shown |= bit;
    return true;
  }
  return false;
}

void Keyboards::ended(std::uint32_t, End) {}

bool Keyboards::ask_whether_confirmed(std::chrono::milliseconds longest) {
  phase_ = Phase::kAsk;
  const auto end = std::chrono::steady_clock::now() + longest;
  do {
    after_.clear();
    unconfirmed_ = 0;
    last_page_ = false;
    generator_.run(*this, Mode::kKeyboards, {.duration = longest});
    if (last_page_ && unconfirmed_ == 0) return true;
    generator_.listen(*this, kAskAgain);
  } while (complaint_.empty() && std::chrono::steady_clock::now() < end);
  return false;
}

KeyboardsReport Keyboards::run(std::chrono::milliseconds longest, std::optional<pid_t> server,
                               std::optional<Memory> before) {
  KeyboardsReport report;
  const auto memory = [&] { return server ? memory_of(*server) : std::nullopt; };
  report.before = before;
  report.registered = memory();
  const auto begin = std::chrono::steady_clock::now();
  report.changes = generator_.run(*this, Mode::kKeyboards, {.duration = longest});
  if (!report.changes.server_gone && ask_whether_confirmed(std::clamp<std::chrono::milliseconds>(longest, 1s, 30s))) {
    report.confirmed = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  }
  report.after = memory();

  report.least = UINT64_MAX;
  for (const auto& board : boards_) {
    report.messages += board.messages;
    report.most = std::max<std::uint64_t>(report.most, board.messages);
    report.least = std::min<std::uint64_t>(report.least, board.messages);
    report.minimum += std::uint64_t{board.changes} * generator_.options().keys;
  }
  check_lamps(report);
  return report;
}

void Keyboards::check_lamps(KeyboardsReport& report) {
  for (std::uint32_t phone = 0; phone < boards_.size(); ++phone) {
    for (std::uint32_t key = 1; key <= generator_.options().keys; ++key) {
      ++report.lamps;
      const auto* lamp = generator_.lamps_of(phone).find(std::to_string(key));
      if (lamp != nullptr && lamp->light == light_of(phone, key) && lamp->label == label_of(phone, key)) continue;
      ++report.wrong;
      if (!report.first_wrong.empty()) continue;
      report.first_wrong = fmt::format("{}: key {} shows {}, ordered was {} \"{}\"", generator_.aor_of(phone), key,
                                       lamp == nullptr ? "nothing" : fmt::format("{} \"{}\"", lamp->light, lamp->label),
                                       light_of(phone, key), label_of(phone, key));
    }
  }
}

std::string describe(const KeyboardsReport& r) {
  auto out = describe(r.changes);
  const auto line = [&out](std::string_view name, const std::string& text) {
    out += fmt::format("  {:<18}{}\n", name, text);
  };
  line("all confirmed", r.confirmed > 0 ? fmt::format("after {:.2f} s", r.confirmed) : "NO: some keys never were");
  line("requests", fmt::format("{} MESSAGEs, {} needed; {} to {} per phone; {} sent again", r.messages, r.minimum,
                               r.least, r.most, r.changes.repeats));
  line("lamps",
       fmt::format("{} looked at, {} wrong{}{}", r.lamps, r.wrong, r.wrong > 0 ? ", the first: " : "", r.first_wrong));
  const auto memory = [&](std::string_view name, const std::optional<Memory>& now, const std::optional<Memory>& then) {
    if (!now) return;
    auto text = fmt::format("RSS {:.1f} MiB   PSS {:.1f} MiB", mebibytes(now->rss), mebibytes(now->pss));
    if (then) text += fmt::format("   {:.0f} bytes more per phone", growth(then, now, r.changes.phones));
    line(name, text);
  };
  memory("memory before", r.before, std::nullopt);
  memory("  registered", r.registered, r.before);
  memory("  with keyboards", r.after, r.registered);
  return out;
}

std::string to_json(const KeyboardsReport& r) {
  auto out = boost::json::parse(to_json(r.changes)).as_object();
  out["confirmed_seconds"] = r.confirmed > 0 ? boost::json::value(r.confirmed) : nullptr;
  out["messages"] = r.messages;
  out["minimum"] = r.minimum;
  out["messages_per_phone"] = boost::json::object{{"least", r.least}, {"most", r.most}};
  out["lamps"] = r.lamps;
  out["wrong_lamps"] = r.wrong;
  out["memory"] = boost::json::object{{"before", json_of(r.before)},
                                      {"registered", json_of(r.registered)},
                                      {"after", json_of(r.after)},
                                      {"bytes_per_registration", growth(r.before, r.registered, r.changes.phones)},
                                      {"bytes_per_keyboard", growth(r.registered, r.after, r.changes.phones)}};
  return boost::json::serialize(out);
}

}  // namespace lamplighter::load
