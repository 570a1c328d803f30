#pragma once

#include <chrono>
#include <functional>
#include <vector>

#include "load/director.h"
#include "load/generator.h"

namespace lamplighter::load {

/// Phones that only hear what the server tells them by itself, as after a start with lamps that are not confirmed yet:
/// how long from the first of them to the last. They go on answering until the server has been quiet for a while: it
/// may not have heard every 200.
class Hearing : public Director {
 public:
  struct Moments {
    std::function<void()> first;  ///< the first lamp message came
    std::function<void()> all;    ///< every phone was told one
  };
  Hearing(Generator& generator, Moments moments);

  /// At most so long, and until it has been quiet for `quiet` after every phone was told something. In the result
  /// `done` are the phones that were, `seconds` is the time from the first message to the last, `lamp` holds how long
  /// after the first each came.
  Result run(std::chrono::milliseconds longest, std::chrono::milliseconds quiet = std::chrono::seconds{2});

  std::optional<Order> next(std::uint32_t) override { return std::nullopt; }
  Verdict answered(std::uint32_t, const Answer&) override { return Verdict::kBad; }
  void heard(std::uint32_t phone) override;
  bool lit(std::uint32_t, const LampBlock&, bool) override { return false; }
  void ended(std::uint32_t, End) override {}
  bool content() const override;

 private:
  Generator& generator_;
  Moments moments_;
  std::chrono::milliseconds quiet_{0};
  std::vector<bool> told_;
  std::uint32_t left_;
  TimePoint first_, last_;
  Latency after_first_;
};

}  // namespace lamplighter::load
