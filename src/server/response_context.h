#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lamplighter::server {

/// What a forking proxy does with the responses of its branches (RFC 3261 §16.7): a pure machine. It keeps the final
/// responses until it is clear which one goes upstream.
class ResponseContext {
 public:
  explicit ResponseContext(bool invite) : invite_(invite) {}

  /// Returns the new branch's number.
  std::size_t add_branch();

  enum class Verdict : std::uint8_t {
    kNothing,
    kForward,   ///< send this very response upstream now
    kSendBest,  ///< every branch has ended: send best()
  };
  struct Decision {
    Verdict verdict = Verdict::kNothing;
    bool cancel_pending = false;  ///< the branches of pending() have lost: cancel them

    friend bool operator==(const Decision&, const Decision&) = default;
  };

  /// A response arrived on a branch. `bytes` are kept when they may become the best response.
  Decision on_response(std::size_t branch, int status, std::string_view bytes);
  /// A branch ended without a final response: counts as `status` (408 or 503; 487 once cancelled), with no bytes.
  Decision on_failure(std::size_t branch, int status);
  /// The caller gave up (CANCEL), or Timer C fired.
  Decision on_cancel();

  /// Branches that have no final response yet.
  std::vector<std::size_t> pending() const;
  bool is_pending(std::size_t branch) const { return branch < branches_.size() && branches_[branch].status < 200; }
  bool final_sent() const { return final_sent_; }
  bool cancelled() const { return cancelled_; }
  std::size_t branches() const { return branches_.size(); }

  struct Best {
    int status = 408;
    std::string_view bytes;  ///< empty: the proxy makes the response itself
  };
  /// §16.7 step 6: 6xx before all; else the lowest class; within 4xx those that help the caller to try again; 503 last.
  Best best() const;
  /// Bytes of the other 401 and 407 responses: their challenges join the best one's when it is one (step 7).
  std::vector<std::string_view> other_challenges() const;

 private:
  struct Branch {
    int status = 0;  ///< latest; 0: nothing yet
    std::string bytes;
  };

  Decision ended(std::size_t branch, int status, std::string_view bytes);
  std::size_t best_branch() const;

  std::vector<Branch> branches_;
  bool invite_;
  bool final_sent_ = false;
  bool cancelled_ = false;
};

}  // namespace lamplighter::server
