#include "load/messages.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <ranges>
#include <vector>

namespace lamplighter::load {
namespace {

constexpr std::string_view kCookie = "z9hG4bK";

// What a snom370 sends when a key is pressed; long on purpose: the server parses what it will meet in the field.
constexpr std::string_view kInvite =
    "INVITE {uri} SIP/2.0\n"
    "Via: SIP/2.0/UDP {local};branch={branch};rport\n"
    "From: \"{user}\" <sip:{user}@{domain}>;tag={tag}\n"
    "To: <{uri}>\n"
    "Call-ID: {callid}\n"
    "CSeq: {cseq} INVITE\n"
    "Max-Forwards: 70\n"
    "Contact: <sip:{user}@{local};line={instance}>;reg-id=1\n"
    "{auth}"
    "X-Serialnumber: 0004{instance}\n"
    "P-Key-Flags: resolution=\"31x13\", keys=\"4\"\n"
    "User-Agent: {agent}\n"
    "Accept: application/sdp\n"
    "Allow: INVITE, ACK, CANCEL, BYE, REFER, OPTIONS, NOTIFY, SUBSCRIBE, PRACK, MESSAGE, INFO, UPDATE\n"
    "Allow-Events: talk, hold, refer, call-info\n"
    "Supported: timer, 100rel, replaces, from-change\n"
    "Session-Expires: 3600;refresher=uas\n"
    "Min-SE: 90\n"
    "Content-Type: application/sdp\n";

constexpr std::string_view kSdp =
    "v=0\r\no=root 1811001 1811001 IN IP4 127.0.0.1\r\ns=call\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    "m=audio 54818 RTP/AVP 9 0 8 101\r\na=rtpmap:9 G722/8000\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n"
    "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=ptime:20\r\na=sendrecv\r\n";

// RFC 3261 §17.1.1.3: the INVITE's branch, CSeq number, From and request-URI; the To of the response.
constexpr std::string_view kAck =
    "ACK {uri} SIP/2.0\n"
    "Via: SIP/2.0/UDP {local};branch={branch};rport\n"
    "From: \"{user}\" <sip:{user}@{domain}>;tag={tag}\n"
    "{to}"
    "Call-ID: {callid}\n"
    "CSeq: {cseq} ACK\n"
    "Max-Forwards: 70\n"
    "Content-Length: 0\n\n";

// §12.2.1.1: to the Contact of whoever answered, by way of those who wanted to stay in the path.
constexpr std::string_view kAckOfCall =
    "ACK {uri} SIP/2.0\n"
    "Via: SIP/2.0/UDP {local};branch={branch}a;rport\n"
    "From: \"{user}\" <sip:{user}@{domain}>;tag={tag}\n"
    "{to}"
    "Call-ID: {callid}\n"
    "CSeq: {cseq} ACK\n"
    "Max-Forwards: 70\n"
    "{route}"
    "User-Agent: {agent}\n"
    "Content-Length: 0\n\n";

constexpr std::string_view kBye =
    "BYE {uri} SIP/2.0\n"
    "Via: SIP/2.0/UDP {local};branch={branch};rport\n"
    "From: \"{user}\" <sip:{user}@{domain}>;tag={tag}\n"
    "{to}"
    "Call-ID: {callid}\n"
    "CSeq: {cseq} BYE\n"
    "Max-Forwards: 70\n"
    "{route}"
    "{auth}"
    "User-Agent: {agent}\n"
    "Content-Length: 0\n\n";

constexpr std::string_view kRegister =
    "REGISTER {uri} SIP/2.0\n"
    "Via: SIP/2.0/UDP {local};branch={branch};rport\n"
    "From: <sip:{user}@{domain}>;tag={tag}\n"
    "To: <sip:{user}@{domain}>\n"
    "Call-ID: {callid}\n"
    "CSeq: {cseq} REGISTER\n"
    "Max-Forwards: 70\n"
    "Contact: <sip:{user}@{local};line={instance}>;reg-id=1;"
    "+sip.instance=\"<urn:uuid:6c616d70-6c69-4768-8465-0000{instance}>\"\n"
    "{auth}"
    "User-Agent: {agent}\n"
    "Allow-Events: dialog\n"
    "Supported: gruu\n"
    "Expires: {expires}\n"
    "Content-Length: 0\n\n";

// RFC 3261 §10.2.3: without a Contact it asks what is bound.
constexpr std::string_view kQuery =
    "REGISTER {uri} SIP/2.0\n"
    "Via: SIP/2.0/UDP {local};branch={branch};rport\n"
    "From: <sip:{user}@{domain}>;tag={tag}\n"
    "To: <sip:{user}@{domain}>\n"
    "Call-ID: {callid}\n"
    "CSeq: {cseq} REGISTER\n"
    "Max-Forwards: 70\n"
    "{auth}"
    "User-Agent: {agent}\n"
    "Content-Length: 0\n\n";

constexpr std::string_view kOptions =
    "OPTIONS {uri} SIP/2.0\n"
    "Via: SIP/2.0/UDP {local};branch={branch};rport\n"
    "From: <sip:{user}@{domain}>;tag={tag}\n"
    "To: <{uri}>\n"
    "Call-ID: {callid}\n"
    "CSeq: {cseq} OPTIONS\n"
    "Max-Forwards: 70\n"
    "{auth}"
    "User-Agent: {agent}\n"
    "Accept: application/sdp\n"
    "Content-Length: 0\n\n";

bool equal_without_case(std::string_view a, std::string_view b) {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return (x | 0x20) == (y | 0x20); });
}

std::string_view first_line(std::string_view text) { return text.substr(0, text.find("\r\n")); }

std::string_view without_blanks(std::string_view text) {
  while (text.starts_with(' ') || text.starts_with('\t')) text.remove_prefix(1);
  return text;
}

// Calls visit(name, value, line) for each header line until it returns false.
template <typename F>
void for_each_line(std::string_view message, F&& visit) {
  auto at = message.find("\r\n");
  while (at != std::string_view::npos) {
    at += 2;
    const auto end = message.find("\r\n", at);
    if (end == std::string_view::npos || end == at) return;
    const auto text = message.substr(at, end - at);
    const auto colon = text.find(':');
    if (colon != std::string_view::npos) {
      auto name = text.substr(0, colon);
      while (name.ends_with(' ') || name.ends_with('\t')) name.remove_suffix(1);
      if (!visit(name, without_blanks(text.substr(colon + 1)), message.substr(at, end + 2 - at))) return;
    }
    at = end;
  }
}

bool is_named(std::string_view name, std::string_view full, char compact) {
  if (name.size() == 1) return compact != '\0' && (name[0] | 0x20) == compact;
  return equal_without_case(name, full);
}

// At least so many digits: messages of one kind are all of one length then.
void append_hex(std::string& out, std::uint32_t value, int digits) {
  const auto needed = static_cast<int>(std::bit_width(value) + 3) / 4;
  for (int digit = std::max(digits, needed) - 1; digit >= 0; --digit) {
    out += "0123456789abcdef"[(value >> (4 * digit)) & 15];
  }
}

std::optional<std::uint32_t> take_hex(std::string_view& rest) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), value, 16);
  if (error != std::errc{}) return std::nullopt;
  rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
  return value;
}

Values fixed_values(const Options& options, std::string_view server, std::string_view domain,
                    std::string_view expires) {
  Values values{};
  at(values, Slot::kServer) = server;
  at(values, Slot::kDomain) = domain;
  at(values, Slot::kAgent) = options.user_agent;
  at(values, Slot::kExpires) = expires;
  return values;
}

}  // namespace

std::string_view name_of(Mode mode) {
  switch (mode) {
    case Mode::kPress: return "press";
    case Mode::kRegister: return "register";
    case Mode::kOptions: return "options";
    case Mode::kCall: return "call";
    case Mode::kQuery: return "verify";
    case Mode::kApi: return "api";
    case Mode::kLamps: return "lamps";
    case Mode::kKeyboards: return "keyboards";
    case Mode::kWitness: return "witness";
  }
  return {};
}

void append_branch(std::string& out, const Ticket& ticket) {
  out += kCookie;
  append_hex(out, ticket.run, 8);
  out += '-';
  append_hex(out, ticket.phone, 5);
  out += '-';
  append_hex(out, ticket.sequence, 6);
}

std::optional<Ticket> ticket_of(std::string_view branch) {
  if (!branch.starts_with(kCookie)) return std::nullopt;
  branch.remove_prefix(kCookie.size());
  Ticket ticket;
  for (auto* part : {&ticket.run, &ticket.phone, &ticket.sequence}) {
    if (part != &ticket.run) {
      if (!branch.starts_with('-')) return std::nullopt;
      branch.remove_prefix(1);
    }
    const auto value = take_hex(branch);
    if (!value) return std::nullopt;
    *part = *value;
  }
  if (!branch.empty()) return std::nullopt;
  return ticket;
}

std::string_view header_line(std::string_view message, std::string_view name, char compact) {
  std::string_view found;
  for_each_line(message, [&](std::string_view n, std::string_view, std::string_view line) {
    if (is_named(n, name, compact)) found = line;
    return found.empty();
  });
  return found;
}

std::string_view header_value(std::string_view message, std::string_view name, char compact) {
  std::string_view found;
  for_each_line(message, [&](std::string_view n, std::string_view value, std::string_view) {
    const bool match = is_named(n, name, compact);
    if (match) found = value;
    return !match;
  });
  return found;
}

std::optional<Incoming> look_at(std::string_view message) {
  Incoming incoming;
  auto line = first_line(message);
  if (line.starts_with("SIP/2.0 ")) {
    line.remove_prefix(8);
    const auto digits = line.substr(0, 3);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), incoming.status);
    if (error != std::errc{} || end != digits.data() + 3 || incoming.status < 100) return std::nullopt;
    incoming.reason = line.substr(std::min<std::size_t>(4, line.size()));
  } else {
    const auto first = line.find(' ');
    const auto second = line.rfind(' ');
    if (first == std::string_view::npos || first == second || line.substr(second + 1) != "SIP/2.0") return std::nullopt;
    incoming.method = line.substr(0, first);
    incoming.uri = line.substr(first + 1, second - first - 1);
  }
  const auto via = header_value(message, "Via", 'v');
  const auto branch = via.find(";branch=");
  const auto cseq = header_value(message, "CSeq");
  if (branch == std::string_view::npos || cseq.empty()) return std::nullopt;
  const auto rest = via.substr(branch + 8);
  incoming.branch = rest.substr(0, rest.find_first_of(";, \t"));
  if (incoming.method.empty()) incoming.method = cseq.substr(cseq.rfind(' ') + 1);
  return incoming;
}

std::optional<std::uint32_t> user_number(std::string_view uri) {
  if (!uri.starts_with("sip:")) return std::nullopt;
  uri.remove_prefix(4);
  const auto host = uri.find('@');
  if (host == std::string_view::npos) return std::nullopt;
  const auto digits = uri.substr(0, host);
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

void append_answer(std::string& out, std::string_view request, std::string_view status, std::string_view tag,
                   std::string_view more) {
  out.append("SIP/2.0 ").append(status).append("\r\n");
  for_each_line(request, [&](std::string_view name, std::string_view value, std::string_view line) {
    if (is_named(name, "To", 't') && value.find(";tag=") == std::string_view::npos) {
      out.append(line.substr(0, line.size() - 2)).append(";tag=").append(tag).append("\r\n");
    } else if (is_named(name, "Via", 'v') || is_named(name, "To", 't') || is_named(name, "From", 'f') ||
               is_named(name, "Call-ID", 'i') || is_named(name, "CSeq", '\0') || is_named(name, "Record-Route", '\0')) {
      out += line;
    }
    return true;
  });
  out += more.empty() ? "Content-Length: 0\r\n\r\n" : more;
}

void append_ok(std::string& out, std::string_view request, std::string_view tag) {
  append_answer(out, request, "200 OK", tag);
}

void append_answer_of_callee(std::string& out, std::string_view invite, std::string_view user, std::string_view local,
                             std::string_view instance) {
  append_answer(out, invite, "200 OK", instance,
                fmt::format("Contact: <sip:{}@{};line={}>\r\nAllow: INVITE, ACK, CANCEL, BYE, OPTIONS\r\n"
                            "Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{}",
                            user, local, instance, kSdp.size(), kSdp));
}

std::string routes_of(std::string_view response) {
  std::vector<std::string_view> values;
  for_each_line(response, [&](std::string_view name, std::string_view value, std::string_view) {
    // One line may hold several (§7.3.1); the comma that parts them stands behind a ">".
    for (auto rest = value; is_named(name, "Record-Route", '\0') && !rest.empty();) {
      const auto end = std::min(rest.find(',', rest.find('>')), rest.size());
      values.push_back(without_blanks(rest.substr(0, end)));
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return true;
  });
  std::string out;
  for (const auto value : std::views::reverse(values)) out.append("Route: ").append(value).append("\r\n");
  return out;
}

std::string_view contact_uri_of(std::string_view message) {
  const auto contact = header_value(message, "Contact", 'm');
  const auto open = contact.find('<');
  if (open == std::string_view::npos) return contact.substr(0, contact.find(';'));
  return contact.substr(open + 1, contact.find('>', open) - open - 1);
}

bool has_contact(std::string_view message, std::string_view uri) {
  bool found = false;
  for_each_line(message, [&](std::string_view name, std::string_view value, std::string_view) {
    if (!is_named(name, "Contact", 'm')) return true;
    for (auto open = value.find('<'); open != std::string_view::npos; open = value.find('<', open + 1)) {
      if (value.substr(open + 1).starts_with(uri) && value.substr(open + 1 + uri.size()).starts_with('>')) found = true;
    }
    return !found;
  });
  return found;
}

Texts::Texts(const Options& given, std::string_view server, std::string_view domain)
    : invite({}, {}),
      ack({}, {}),
      ack_of_call({}, {}),
      bye({}, {}),
      register_({}, {}),
      unregister({}, {}),
      query({}, {}),
      options({}, {}) {
  const auto expires = std::to_string(given.expires.count());
  const auto fixed = fixed_values(given, server, domain, expires);
  invite = Template(fmt::format("{}Content-Length: {}\n\n{}", kInvite, kSdp.size(), kSdp), fixed);
  ack = Template(kAck, fixed);
  ack_of_call = Template(kAckOfCall, fixed);
  bye = Template(kBye, fixed);
  register_ = Template(kRegister, fixed);
  unregister = Template(kRegister, fixed_values(given, server, domain, "0"));
  query = Template(kQuery, fixed);
  options = Template(kOptions, fixed);
}

}  // namespace lamplighter::load
