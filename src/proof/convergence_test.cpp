#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <sstream>
#include <string>
#include <vector>

#include "base/log.h"
#include "proof/world.h"

// The promises of docs/proof.md, held against random histories. LAMPLIGHTER_HISTORIES says how many.
namespace lamplighter::proof {
namespace {

/// Servers here fail in many ways, on purpose; their warnings would hide what a test has to say.
class QuietLog : public testing::Environment {
 public:
  void SetUp() override { set_up_log("off"); }
};
const auto* const kQuietLog = testing::AddGlobalTestEnvironment(new QuietLog);

int histories() {
  const auto* wanted = std::getenv("LAMPLIGHTER_HISTORIES");
  return wanted == nullptr ? 150 : std::max(std::atoi(wanted), 1);
}

/// A step, as the number it is made from; it shrinks to a wait of nothing by being left out.
rc::Gen<std::uint32_t> any_word() {
  return rc::gen::noShrink(rc::gen::map(rc::gen::inRange<std::uint64_t>(0, std::uint64_t{1} << 32),
                                        [](std::uint64_t word) { return static_cast<std::uint32_t>(word); }));
}

TEST(Convergence, EveryPromiseIsKeptInRandomHistories) {
  auto params = rc::detail::configuration().testParams;  // the seed; RC_PARAMS may set it
  params.maxSuccess = histories();
  params.maxSize = 40;
  const auto result = rc::detail::checkTestable(
      [] {
        const auto seed = *rc::gen::noShrink(rc::gen::inRange<std::uint64_t>(1, 1'000'000'000));
        const auto words = *rc::gen::container<std::vector<std::uint32_t>>(any_word());
        const auto history = History::from(seed, words);
        const auto verdict = play(history);
        if (verdict.failure) {
          RC_FAIL(fmt::format("({}) {}\n{}", verdict.failure->invariant, verdict.failure->what, history.text()));
        }
      },
      rc::detail::TestMetadata{.id = "Convergence", .description = "every promise is kept"}, params);
  rc::detail::SuccessResult success;
  if (!result.match(success)) {
    std::ostringstream what;
    rc::detail::printResultMessage(result, what);
    FAIL() << what.str();
  }
}

}  // namespace
}  // namespace lamplighter::proof
