#include "server/registrar.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <ctime>
#include <iterator>
#include <utility>

#include "base/log.h"
#include "sip/headers.h"

namespace lamplighter::server {
namespace {

using namespace std::chrono_literals;
using sip::HeaderId;

// What a binding may take in memory and in the store; far beyond what phones send.
constexpr std::size_t kMaxInstance = 256;
constexpr std::size_t kMaxPath = 2048;
constexpr std::size_t kMaxCallId = 256;
constexpr std::size_t kMaxUserAgent = 128;

constexpr auto kReportInterval = 5s;

// The instance without its quotes: `"<urn:uuid:…>"`. It is compared as a whole, so escapes may stay.
std::string_view unquoted(std::string_view text) {
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') return text.substr(1, text.size() - 2);
  return text;
}

void append_number(std::string& out, std::int64_t value) {
  std::array<char, 20> digits;
  out.append(digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr);
}

// Contact with what is left of its time, rounded up: a phone that asked for 3600 reads 3600.
void append_contact(std::string& out, const location::Binding& binding, WallTime now) {
  out.append("Contact: <").append(binding.uri).append(">;expires=");
  append_number(out, std::chrono::ceil<std::chrono::seconds>(binding.expires - now).count());
  if (binding.q != 1000) fmt::format_to(std::back_inserter(out), ";q=0.{:03}", binding.q);
  if (!binding.instance.empty()) out.append(";+sip.instance=\"").append(binding.instance).append("\"");
  if (binding.reg_id != 0) append_number(out.append(";reg-id="), binding.reg_id);
  out += "\r\n";
}

// RFC 3327 §5.3: the phone sees who is on its path.
std::string path_lines(const sip::Message& request) {
  std::string lines;
  if (!request.has(HeaderId::kPath)) return lines;
  for (const auto& field : request.headers()) {
    if (field.id == HeaderId::kPath) lines += request.line(field);
  }
  return lines;
}

}  // namespace

struct Registrar::Pending {
  transaction::ServerId id;
  std::string aor;
  std::string head;   ///< of the response
  std::string paths;  ///< Path lines of the request
  std::uint64_t ticket = 0;
};

Registrar::Registrar(RegistrarSettings settings, location::Location& location, store::Store& store,
                     Responder& responder, Executor& worker, const Clock& clock,
                     std::function<void(std::string_view aor)> changed)
    : settings_(settings),
      min_expires_(fmt::format("Min-Expires: {}\r\n", settings.min_expires.count())),
      location_(location),
      store_(store),
      responder_(responder),
      worker_(worker),
      clock_(clock),
      changed_(std::move(changed)) {}

void Registrar::on_register(transaction::ServerId id, const sip::Message& request, const Flow& flow,
                            std::string_view aor, TimePoint now) {
  if (const auto refusal = parse(request)) return refuse(id, request, flow, *refusal, now);
  const auto* cseq = request.cseq();
  if (!cseq) return refuse(id, request, flow, {400, "Bad CSeq header"}, now);

  location::RegisterRequest wanted;
  wanted.aor = aor;
  wanted.call_id = request.header(HeaderId::kCallId);
  wanted.cseq = cseq->number;
  wanted.user_agent = request.header(HeaderId::kUserAgent).substr(0, kMaxUserAgent);
  wanted.path = parsed_.path;
  wanted.flow = flow;
  wanted.wildcard = parsed_.wildcard;
  wanted.contacts = parsed_.contacts;
  auto reserved = location_.reserve(wanted, clock_.wall());
  if (!reserved) {
    // §10.3 step 7: "the request MUST fail" with 500; the phrase says what about it.
    const bool late = reserved.error() == location::Refusal::kOutOfOrder;
    return refuse(id, request, flow, late ? Refusal{500, "CSeq out of order"} : Refusal{403, "Too Many Contacts"}, now);
  }
  if (reserved->change.empty()) return accept(id, aor, responder_.head_of(request, flow), path_lines(request), now);

  // The answer waits for the store: a 200 means that the binding survives kill -9 (DESIGN §5).
  auto pending = std::make_unique<Pending>(id, std::string(aor), responder_.head_of(request, flow), path_lines(request),
                                           reserved->ticket);
  store_.commit(std::move(reserved->change), [this, kept = std::move(pending)](auto result) mutable {
    worker_.post([this, mine = std::move(kept), outcome = std::move(result)]() mutable {
      on_committed(std::move(mine), std::move(outcome));
    });
  });
}

void Registrar::on_committed(std::unique_ptr<Pending> pending, std::expected<void, store::StoreError> result) {
  location_.settle(pending->aor, pending->ticket, result.has_value());
  const auto now = clock_.now();
  if (result) {
    accept(pending->id, pending->aor, pending->head, pending->paths, now);
    return changed_(pending->aor);  // after the answer: a phone that booted hears 200 before its lamps
  }
  ++counters_.store_failures;
  report_failure(pending->aor, result.error(), now);
  responder_.reply(pending->id, pending->head, 500, "Registration could not be stored", "Retry-After: 5\r\n", now);
}

void Registrar::refuse(transaction::ServerId id, const sip::Message& request, const Flow& flow, const Refusal& refusal,
                       TimePoint now) {
  ++counters_.refused;
  responder_.reply(id, request, flow, refusal.status, refusal.reason, refusal.headers, now);
}

// §10.3 step 8: all contacts that are bound now, whoever registered them.
void Registrar::accept(transaction::ServerId id, std::string_view aor, std::string_view head, std::string_view paths,
                       TimePoint now) {
  ++counters_.accepted;
  const auto wall = clock_.wall();
  location_.lookup(aor, wall, bound_);
  headers_.clear();
  for (const auto& binding : bound_) append_contact(headers_, binding, wall);
  append_date(headers_, wall);
  if (!paths.empty()) headers_.append(paths).append("Supported: path\r\n");
  responder_.reply(id, head, 200, {}, headers_, now);
}

// RFC 3261 §20.17: "Date: Sat, 13 Nov 2010 23:29:00 GMT", in English whatever the locale.
void Registrar::append_date(std::string& out, WallTime now) {
  constexpr std::array kDays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto second = std::chrono::floor<std::chrono::seconds>(now.time_since_epoch());
  if (std::exchange(date_of_, second) != second) {
    const auto time = std::chrono::system_clock::to_time_t(now);
    std::tm parts{};
    ::gmtime_r(&time, &parts);
    date_ =
        fmt::format("Date: {}, {:02} {} {} {:02}:{:02}:{:02} GMT\r\n", kDays[static_cast<std::size_t>(parts.tm_wday)],
                    parts.tm_mday, kMonths[static_cast<std::size_t>(parts.tm_mon)], parts.tm_year + 1900, parts.tm_hour,
                    parts.tm_min, parts.tm_sec);
  }
  out += date_;
}

std::optional<Registrar::Refusal> Registrar::parse(const sip::Message& request) {
  parsed_.contacts.clear();
  parsed_.wildcard = false;
  parsed_.path.clear();
  if (request.header(HeaderId::kCallId).size() > kMaxCallId) return Refusal{400, "Call-ID Too Long"};

  std::optional<Refusal> refusal;
  std::size_t elements = 0;
  sip::for_each_element(request, HeaderId::kContact, [&](std::string_view element) {
    ++elements;
    refusal = parse_contact(request, element, elements == 1);
    return !refusal;
  });
  if (refusal) return refusal;
  // §10.3 step 6: "*" alone, and with Expires: 0.
  if (parsed_.wildcard && (elements != 1 || sip::expires(request) != 0s)) {
    return Refusal{400, "Contact * needs Expires: 0 and no other Contact"};
  }

  // RFC 3327 wants Supported: path next to Path. A phone behind a proxy that adds Path without asking is better
  // registered with the path than refused with 420: nobody could call it.
  sip::for_each_element(request, HeaderId::kPath, [&](std::string_view element) {
    const auto hop = sip::parse_name_addr(element);
    if (!hop) refusal = Refusal{400, "Bad Path header"};
    if (!parsed_.path.empty()) parsed_.path += ", ";
    parsed_.path += element;
    if (parsed_.path.size() > kMaxPath) refusal = Refusal{400, "Path Too Long"};
    return !refusal;
  });
  return refusal;
}

std::optional<Registrar::Refusal> Registrar::parse_contact(const sip::Message& request, std::string_view element,
                                                           bool first) {
  if (sip::trim(element) == "*") {
    parsed_.wildcard = true;
    return {};
  }
  const auto* address = first ? request.contact() : nullptr;  // that one has been read before
  std::expected<sip::NameAddr, sip::SipError> other;
  if (!address) {
    other = sip::parse_name_addr(element);
    if (!other) return Refusal{400, "Bad Contact header"};
    address = &*other;
  }
  // Any scheme may be bound (§10.3 names none); calls are routed to sip and sips contacts only.

  std::optional<std::string_view> q, instance, reg_id, expires;  // of several the first counts
  for (auto rest = address->params.text(); const auto param = sip::Params::next(rest);) {
    for (const auto& [name, value] : {std::pair{"q", &q}, std::pair{"+sip.instance", &instance},
                                      std::pair{"reg-id", &reg_id}, std::pair{"expires", &expires}}) {
      if (!*value && sip::iequals(param->name, name)) *value = param->value;
    }
  }

  location::RequestedContact contact;
  contact.uri = address->uri_text;
  if (q) {
    const auto thousandths = sip::parse_qvalue(*q);
    if (!thousandths) return Refusal{400, "Bad q in Contact header"};
    contact.q = static_cast<std::int16_t>(*thousandths);
  }
  if (instance) {
    contact.instance = unquoted(*instance);
    if (contact.instance.size() > kMaxInstance) return Refusal{400, "Bad +sip.instance in Contact header"};
    // RFC 5626 §4.2.1: reg-id means nothing without an instance. 0 and nonsense are taken for none.
    if (reg_id) contact.reg_id = sip::parse_number(*reg_id).value_or(0);
  }
  contact.expires = expires_of(request, expires);
  // §10.3 step 7: too brief only below an hour too; that is for administrators who set a larger minimum.
  if (contact.expires > 0s && contact.expires < settings_.min_expires && contact.expires < 1h) {
    return Refusal{423, {}, min_expires_};
  }
  contact.expires = std::min(contact.expires, settings_.max_expires);
  parsed_.contacts.push_back(contact);
  return {};
}

// §10.2.1.1 and §20.10: the parameter, else the header, else our default; a parameter nobody can read counts as 3600.
std::chrono::seconds Registrar::expires_of(const sip::Message& request,
                                           std::optional<std::string_view> parameter) const {
  if (parameter) return std::chrono::seconds{sip::parse_number(*parameter).value_or(3600)};
  return sip::expires(request).value_or(settings_.default_expires);
}

// The store says what is wrong with it; here, who is affected: at most once every few seconds.
void Registrar::report_failure(std::string_view aor, const store::StoreError& error, TimePoint now) {
  ++unreported_;
  if (last_report_ && now - *last_report_ < kReportInterval) return;
  log::error("registrar: {} registration(s) refused with 500, the latest of {}: {}", unreported_, aor, error.what);
  last_report_ = now;
  unreported_ = 0;
}

}  // namespace lamplighter::server
