#include "load/api_load.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

namespace lamplighter::load {
namespace {

constexpr std::chrono::seconds kLongestWait{60};  // the API allows no more

bool says_confirmed(std::string_view body) {
  boost::system::error_code error;
  const auto value = boost::json::parse(body, error);
  const auto* object = error ? nullptr : value.if_object();
  const auto* confirmed = object == nullptr ? nullptr : object->if_contains("confirmed");
  return confirmed != nullptr && confirmed->is_bool() && confirmed->as_bool();
}

}  // namespace

std::string target_of_phone(const Generator& generator, std::uint32_t phone) {
  std::string target = "/v1/phones/";
  for (const char c : generator.aor_of(phone)) {
    if (c == '[' || c == ']') {
      target += c == '[' ? "%5B" : "%5D";  // an IPv6 address (RFC 3986 §3.3)
    } else {
      target += c;
    }
  }
  return target;
}

ApiLoad::ApiLoad(const Generator& generator) : generator_(generator), on_(generator.phones()) {
  const auto timeout = std::chrono::ceil<std::chrono::seconds>(generator.options().timeout);
  wait_ = fmt::format("?wait={}s", std::clamp(timeout, std::chrono::seconds{1}, kLongestWait).count());
}

std::optional<Order> ApiLoad::next(std::uint32_t phone) {
  on_[phone] = !on_[phone];
  const auto& key = generator_.options().key;
  return Order{.deed = Deed::kHttp,
               .method = "PUT",
               .target = fmt::format("{}/keys/{}{}", target_of_phone(generator_, phone), key, wait_),
               .body = fmt::format(R"({{"light":"{}"}})", on_[phone] ? "on" : "off"),
               .lamps = 1};
}

Verdict ApiLoad::answered(std::uint32_t, const Answer& answer) {
  if (answer.status >= 200 && answer.status < 300 && says_confirmed(answer.text)) return Verdict::kGood;
  if (complaint_.empty()) {
    complaint_ = answer.status == 0 ? "the HTTP connection broke"
                                    : fmt::format("the API answered {}: {}", answer.status, answer.text);
  }
  return Verdict::kBad;
}

bool ApiLoad::lit(std::uint32_t phone, const LampBlock& block, bool active) {
  return active && block.key == generator_.options().key && block.light == (on_[phone] ? "on" : "off");
}

void ApiLoad::ended(std::uint32_t, End) {}

}  // namespace lamplighter::load
