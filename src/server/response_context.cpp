#include "server/response_context.h"

#include <algorithm>

namespace lamplighter::server {
namespace {

constexpr bool is_challenge(int status) { return status == 401 || status == 407; }

/// Smaller is better (§16.7 step 6).
int rank(int status) {
  if (status >= 600) return 0;
  const int class_rank = (status / 100) * 10;
  if (status == 503) return class_rank + 2;
  if (is_challenge(status) || status == 415 || status == 420 || status == 484) return class_rank;
  // A branch that merely timed out says less than any that spoke.
  return status == 408 ? class_rank + 2 : class_rank + 1;
}

}  // namespace

std::size_t ResponseContext::add_branch() {
  branches_.emplace_back();
  return branches_.size() - 1;
}

ResponseContext::Decision ResponseContext::on_response(std::size_t branch, int status, std::string_view bytes) {
  if (branch >= branches_.size()) return {};
  auto& state = branches_[branch];
  if (status < 200) {
    if (state.status >= 200) return {};
    state.status = std::max(state.status, status);
    // A 100 is hop by hop; after a final response, provisionals are only noise.
    if (status == 100 || final_sent_) return {};
    return {Verdict::kForward};
  }
  if (status < 300) {
    const bool first = !final_sent_;
    state.status = status;
    if (!first && !invite_) return {};
    // Every 2xx to an INVITE goes upstream, retransmissions and other forks included: each one is a dialog.
    final_sent_ = true;
    return {Verdict::kForward, first && !pending().empty()};
  }
  return ended(branch, status, bytes);
}

ResponseContext::Decision ResponseContext::on_failure(std::size_t branch, int status) {
  return ended(branch, cancelled_ ? 487 : status, {});
}

ResponseContext::Decision ResponseContext::ended(std::size_t branch, int status, std::string_view bytes) {
  if (branch >= branches_.size() || branches_[branch].status >= 200) return {};
  branches_[branch] = {status, std::string(bytes)};
  if (final_sent_) return {};
  if (pending().empty()) {
    final_sent_ = true;
    return {Verdict::kSendBest};
  }
  return {Verdict::kNothing, status >= 600};
}

ResponseContext::Decision ResponseContext::on_cancel() {
  cancelled_ = true;
  return {Verdict::kNothing, !pending().empty()};
}

std::vector<std::size_t> ResponseContext::pending() const {
  std::vector<std::size_t> out;
  for (std::size_t i = 0; i < branches_.size(); ++i) {
    if (branches_[i].status < 200) out.push_back(i);
  }
  return out;
}

std::size_t ResponseContext::best_branch() const {
  const auto best = std::ranges::min_element(
      branches_, {}, [](const Branch& branch) { return branch.status < 300 ? 1000 : rank(branch.status); });
  return static_cast<std::size_t>(best - branches_.begin());
}

ResponseContext::Best ResponseContext::best() const {
  const auto at = best_branch();
  if (at == branches_.size() || branches_[at].status < 300) return {};
  return {branches_[at].status, branches_[at].bytes};
}

std::vector<std::string_view> ResponseContext::other_challenges() const {
  std::vector<std::string_view> out;
  const auto at = best_branch();
  for (std::size_t i = 0; i < branches_.size(); ++i) {
    if (i != at && is_challenge(branches_[i].status) && !branches_[i].bytes.empty())
      out.emplace_back(branches_[i].bytes);
  }
  return out;
}

}  // namespace lamplighter::server
