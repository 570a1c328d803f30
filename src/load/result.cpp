#include "load/result.h"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "load/messages.h"

namespace lamplighter::load {
namespace {

double microseconds(std::chrono::nanoseconds time) { return static_cast<double>(time.count()) / 1000.0; }

double per(std::chrono::nanoseconds time, std::uint64_t count) {
  return count == 0 ? 0 : microseconds(time) / static_cast<double>(count);
}

std::string readable(std::chrono::nanoseconds time) {
  const auto us = microseconds(time);
  if (us < 1000) return fmt::format("{:.0f} us", us);
  if (us < 1'000'000) return fmt::format("{:.1f} ms", us / 1000);
  return fmt::format("{:.2f} s", us / 1'000'000);
}

std::string describe(const Latency& latency) {
  return fmt::format("p50 {}   p99 {}   p99.9 {}   max {}", readable(latency.quantile(0.5)),
                     readable(latency.quantile(0.99)), readable(latency.quantile(0.999)), readable(latency.max()));
}

boost::json::object json_of(const Latency& latency) {
  return {{"p50", microseconds(latency.quantile(0.5))},    {"p99", microseconds(latency.quantile(0.99))},
          {"p999", microseconds(latency.quantile(0.999))}, {"max", microseconds(latency.max())},
          {"mean", microseconds(latency.mean())},          {"count", latency.count()}};
}

std::string_view unit_of(Mode mode) {
  switch (mode) {
    case Mode::kPress: return "press";
    case Mode::kRegister: return "registration";
    case Mode::kOptions: return "answer";
    case Mode::kCall: return "call";
    case Mode::kQuery: return "query";
    case Mode::kApi: return "write";
    case Mode::kLamps: return "lamp";
    case Mode::kKeyboards: return "keyboard";
    case Mode::kWitness: return "order";
  }
  return {};
}

std::string plural(std::string_view unit) {
  if (unit.ends_with("ss")) return fmt::format("{}es", unit);
  if (unit.ends_with('y')) return fmt::format("{}ies", unit.substr(0, unit.size() - 1));
  return fmt::format("{}s", unit);
}

}  // namespace

std::string describe(const Result& r) {
  const auto unit = unit_of(r.mode);
  std::string out =
      fmt::format("{}: {} phones on {} sockets, {:.2f} s\n", name_of(r.mode), r.phones, r.sockets, r.seconds);
  const auto line = [&out](std::string_view name, const std::string& text) {
    out += fmt::format("  {:<18}{}\n", name, text);
  };
  line(plural(unit), fmt::format("{}   {:.1f} per second", r.done, static_cast<double>(r.done) / r.seconds));
  if (r.answer.count() > 0) line(r.mode == Mode::kApi ? "confirmed" : "final answer", describe(r.answer));
  if (r.lamp.count() > 0) line("lamp message", describe(r.lamp));
  std::string statuses;
  for (const auto& [status, count] : r.statuses)
    statuses += fmt::format("{}{}: {}", statuses.empty() ? "" : ", ", status, count);
  line("answers", statuses.empty() ? "none" : statuses);
  line("refused", fmt::format("{}   timed out {}   unfinished at the end {}", r.refused, r.timeouts, r.unfinished));
  line("sent again", fmt::format("{} by the phones, {} by the server", r.retransmissions, r.repeats));
  if (r.unexpected > 0) line("unexpected", fmt::format("{} lamp messages nobody pressed for", r.unexpected));
  if (r.server_cpu && r.done > 0) {
    line("server CPU", fmt::format("{:.1f} us per {}   {:.0f} % of a core   (process {})", per(*r.server_cpu, r.done),
                                   unit, microseconds(*r.server_cpu) / r.seconds / 10'000, r.server.value_or(0)));
  }
  if (r.done > 0) {
    line("own CPU", fmt::format("{:.1f} us per {}   {:.0f} % of a core", per(r.own_cpu, r.done), unit,
                                microseconds(r.own_cpu) / r.seconds / 10'000));
  }
  line("kernel drops", std::to_string(r.kernel_drops));
  if (r.kernel_drops > 0) {
    out += "  NOT A CLEAN RUN: receive buffers overflowed; fewer phones in flight or a larger net.core.rmem_max help\n";
  }
  if (r.mode == Mode::kQuery) line("missing", std::to_string(r.missing.size()));
  if (r.server_gone) out += "  the server's port closed during the run\n";
  return out;
}

std::string to_json(const Result& r) {
  boost::json::object out{{"mode", name_of(r.mode)},
                          {"phones", r.phones},
                          {"sockets", r.sockets},
                          {"seconds", r.seconds},
                          {"done", r.done},
                          {"per_second", static_cast<double>(r.done) / r.seconds},
                          {"refused", r.refused},
                          {"timeouts", r.timeouts},
                          {"unfinished", r.unfinished},
                          {"sent", r.sent},
                          {"received", r.received},
                          {"retransmissions", r.retransmissions},
                          {"repeats", r.repeats},
                          {"unexpected", r.unexpected},
                          {"messages", r.messages},
                          {"answer_us", json_of(r.answer)},
                          {"lamp_us", json_of(r.lamp)},
                          {"own_cpu_us_each", per(r.own_cpu, r.done)},
                          {"kernel_drops", r.kernel_drops},
                          {"clean", r.kernel_drops == 0},
                          {"server_gone", r.server_gone}};
  boost::json::object statuses;
  for (const auto& [status, count] : r.statuses) statuses[std::to_string(status)] = count;
  out["statuses"] = std::move(statuses);
  if (r.server_cpu) {
    out["server_pid"] = r.server.value_or(0);
    out["server_cpu_us_each"] = per(*r.server_cpu, r.done);
  }
  if (r.mode == Mode::kQuery) out["missing"] = r.missing.size();
  return boost::json::serialize(out);
}

}  // namespace lamplighter::load
