#pragma once

#include <string>
#include <vector>

#include "load/director.h"
#include "load/generator.h"

namespace lamplighter::load {

/// "/v1/phones/1000@127.0.0.1", encoded.
std::string target_of_phone(const Generator& generator, std::uint32_t phone);

/// Switches one key of each phone on and off over the API with ?wait. Done is a write when the API says that the phone
/// has confirmed it and the MESSAGE has come; Result::answer is the time to the former, Result::lamp to the latter.
class ApiLoad : public Director {
 public:
  explicit ApiLoad(const Generator& generator);

  std::optional<Order> next(std::uint32_t phone) override;
  Verdict answered(std::uint32_t phone, const Answer& answer) override;
  bool lit(std::uint32_t phone, const LampBlock& block, bool active) override;
  void ended(std::uint32_t phone, End end) override;

  /// The first answer that was not as hoped, for people; empty: none.
  const std::string& complaint() const { return complaint_; }

 private:
  const Generator& generator_;
  std::string wait_;  ///< "?wait=32s"
  std::vector<bool> on_;
  std::string complaint_;
};

}  // namespace lamplighter::load
