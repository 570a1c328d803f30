#include <algorithm>
#include <array>
#include <optional>
#include <span>

#include "sip/chars.h"
#include "sip/digest.h"
#include "sip/headers.h"

// The Digest headers' text: "Digest name=value, name="value"" (RFC 3261 §25.1 credentials and challenge).
namespace lamplighter::sip {
namespace {

constexpr SipError kMalformed{400, "Bad digest credentials"};
constexpr SipError kBadChallenge{400, "Bad digest challenge"};
constexpr SipError kNotOurs{401, "Unsupported authentication"};

struct Field {
  std::string_view name;
  std::string_view value;  // without its quotes
};

// Takes "name=value" off the front, and the comma after it.
std::optional<Field> take_field(std::string_view& rest) {
  Field field;
  field.name = chars::take(rest, chars::kToken);
  chars::skip_blanks(rest);
  if (field.name.empty() || !rest.starts_with('=')) return std::nullopt;
  rest.remove_prefix(1);
  chars::skip_blanks(rest);
  if (rest.starts_with('"')) {
    const auto quoted = chars::take_quoted(rest);
    if (quoted.empty()) return std::nullopt;
    field.value = quoted.substr(1, quoted.size() - 2);
  } else {
    // A token; some clients leave the quotes off the uri or a base64 nonce.
    const auto end = std::min(rest.find_first_of(", \t\r\n\"\\"), rest.size());
    field.value = rest.substr(0, end);
    if (field.value.empty()) return std::nullopt;
    rest.remove_prefix(end);
  }
  chars::skip_blanks(rest);
  if (rest.empty()) return field;
  if (!rest.starts_with(',')) return std::nullopt;
  while (rest.starts_with(',')) {
    rest.remove_prefix(1);
    chars::skip_blanks(rest);
  }
  return field;
}

// Takes "Digest" and the blanks after it.
bool take_scheme(std::string_view& rest) {
  rest = trim(rest);
  if (!iequals(chars::take(rest, chars::kToken), "Digest") || rest.empty() || !chars::is_blank(rest.front())) {
    return false;
  }
  chars::skip_blanks(rest);
  return true;
}

std::optional<DigestAlgorithm> algorithm_from(std::string_view name) {
  for (const auto algorithm : {DigestAlgorithm::kMd5, DigestAlgorithm::kSha256}) {
    if (iequals(name, name_of(algorithm))) return algorithm;
  }
  return std::nullopt;
}

bool is_nonce_count(std::string_view text) {
  return text.size() == 8 && std::ranges::all_of(text, [](char c) { return chars::hex_digit(c) >= 0; });
}

/// A place for each field this program knows; what else a header has is skipped.
struct Slot {
  std::string_view name;
  std::string_view* value;
  bool required = false;
  bool seen = false;
};

// Fills the slots; false when the text is malformed, a field is repeated or a required one is missing.
bool fill(std::string_view rest, std::span<Slot> slots) {
  while (!rest.empty()) {
    const auto field = take_field(rest);
    if (!field) return false;
    const auto slot = std::ranges::find_if(slots, [&](const Slot& s) { return iequals(s.name, field->name); });
    if (slot == slots.end()) continue;
    if (slot->seen) return false;
    slot->seen = true;
    *slot->value = field->value;
  }
  return std::ranges::all_of(slots, [](const Slot& slot) { return slot.seen || !slot.required; });
}

}  // namespace

std::expected<DigestCredentials, SipError> parse_digest_credentials(std::string_view value) {
  auto rest = value;
  if (!take_scheme(rest)) return std::unexpected(kNotOurs);
  DigestCredentials found;
  std::string_view algorithm = "MD5";
  std::array slots{Slot{"username", &found.username, true}, Slot{"realm", &found.realm, true},
                   Slot{"nonce", &found.nonce, true},       Slot{"uri", &found.uri, true},
                   Slot{"response", &found.response, true}, Slot{"cnonce", &found.cnonce},
                   Slot{"opaque", &found.opaque},           Slot{"qop", &found.qop},
                   Slot{"nc", &found.nonce_count},          Slot{"algorithm", &algorithm}};
  if (!fill(rest, slots)) return std::unexpected(kMalformed);
  const auto known = algorithm_from(algorithm);
  if (!known) return std::unexpected(kNotOurs);
  found.algorithm = *known;
  if (found.qop.empty()) return found;
  // RFC 7616 §3.4: with qop, cnonce and nc have to be there; we only ever offer "auth".
  if (!iequals(found.qop, "auth") || found.cnonce.empty() || !is_nonce_count(found.nonce_count)) {
    return std::unexpected(kMalformed);
  }
  return found;
}

std::expected<DigestChallenge, SipError> parse_digest_challenge(std::string_view value) {
  auto rest = value;
  if (!take_scheme(rest)) return std::unexpected(kNotOurs);
  DigestChallenge found;
  std::string_view algorithm = "MD5";
  std::string_view qop;
  std::string_view stale;
  std::array slots{Slot{"realm", &found.realm, true},
                   Slot{"nonce", &found.nonce, true},
                   Slot{"opaque", &found.opaque},
                   Slot{"algorithm", &algorithm},
                   Slot{"qop", &qop},
                   Slot{"stale", &stale}};
  if (!fill(rest, slots)) return std::unexpected(kBadChallenge);
  const auto known = algorithm_from(algorithm);
  if (!known) return std::unexpected(kNotOurs);
  found.algorithm = *known;
  found.stale = iequals(stale, "true");
  auto options = qop;
  while (!options.empty() && !found.qop_auth) found.qop_auth = iequals(next_list_item(options), "auth");
  if (!qop.empty() && !found.qop_auth) return std::unexpected(kNotOurs);  // "auth-int" alone
  return found;
}

}  // namespace lamplighter::sip
