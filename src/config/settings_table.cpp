#include <array>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <string>

#include "base/address.h"
#include "config/settings.h"
#include "config/units.h"

// The one table: a setting is added here and nowhere else. Lights, transports and the like are checked by the rooms
// that know them (app/), at the place in the file that Settings::error_at() remembers.
namespace lamplighter::config {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

constexpr std::int64_t kKiB = 1024, kMiB = 1024 * kKiB;

template <std::int64_t Low, std::int64_t High>
std::string between(const Value& value) {
  const auto number = std::get<std::int64_t>(value);
  if (number >= Low && number <= High) return {};
  return "expected a number from " + std::to_string(Low) + " to " + std::to_string(High);
}

template <std::int64_t Low, std::int64_t High>
std::string size_between(const Value& value) {
  const auto bytes = std::get<std::int64_t>(value);
  if (bytes >= Low && bytes <= High) return {};
  return "expected a size from " + std::to_string(Low / kKiB) + "KiB to " + std::to_string(High / kMiB) + "MiB";
}

// Bounds in the unit that the message shall show.
template <std::int64_t Low, std::int64_t High>
std::string seconds_between(const Value& value) {
  const auto duration = std::get<milliseconds>(value);
  if (duration >= std::chrono::seconds(Low) && duration <= std::chrono::seconds(High)) return {};
  return "expected a duration from " + std::to_string(Low) + "s to " + std::to_string(High) + "s";
}

template <std::int64_t Low, std::int64_t High>
std::string milliseconds_between(const Value& value) {
  const auto duration = std::get<milliseconds>(value);
  if (duration >= milliseconds(Low) && duration <= milliseconds(High)) return {};
  return "expected a duration from " + std::to_string(Low) + "ms to " + std::to_string(High) + "ms";
}

std::string expected_one_of(const std::string& text, std::initializer_list<std::string_view> choices) {
  std::string expected = "expected";
  std::size_t left = choices.size();
  for (const auto choice : choices) {
    if (text == choice) return {};
    --left;
    expected += " \"" + std::string(choice) + "\"" + (left == 0 ? "" : left == 1 ? " or" : ",");
  }
  return expected;
}

std::string some_text(const Value& value) {
  return std::get<std::string>(value).empty() ? "expected a text that is not empty" : "";
}

/// Text that ends up in a header line or a status line.
std::string one_line(const Value& value) {
  for (const char c : std::get<std::string>(value)) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return "expected text without control characters";
  }
  return {};
}

/// Text that ends up inside quotes of a header.
std::string quotable_text(const Value& value) {
  if (auto wrong = some_text(value) + one_line(value); !wrong.empty()) return wrong;
  const bool quotes = std::get<std::string>(value).find_first_of("\"\\") != std::string::npos;
  return quotes ? "expected text without quotes and backslashes" : "";
}

std::string hosts(const Value& value) {
  for (const auto& host : std::get<Strings>(value)) {
    const bool ip = IpAddress::parse(host).has_value();
    if (host.empty() || (!ip && host.find_first_of(" \t/:;@<>\"") != std::string::npos)) {
      return "expected a host name such as \"example.com\" or an address, without a port";
    }
  }
  return {};
}

std::string networks(const Value& value) {
  for (const auto& text : std::get<Strings>(value)) {
    if (const auto network = Network::parse(text); !network) return network.error();
  }
  return {};
}

std::string algorithms(const Value& value) {
  const auto& list = std::get<Strings>(value);
  for (const auto& name : list) {
    if (auto wrong = expected_one_of(name, {"SHA-256", "MD5"}); !wrong.empty()) return wrong;
  }
  return list.empty() ? "expected at least one of \"SHA-256\" and \"MD5\"" : "";
}

std::string address_or_off(const Value& value) {
  const auto& text = std::get<std::string>(value);
  if (text.empty()) return {};
  const auto address = SocketAddress::parse(text);
  return address ? "" : address.error();
}

std::string sip_uri(const Value& value) {
  if (auto wrong = one_line(value); !wrong.empty()) return wrong;
  const auto& text = std::get<std::string>(value);
  const bool plain = text.find_first_of(" <>\"") == std::string::npos;
  if (plain && (text.starts_with("sip:") || text.starts_with("sips:")) && text.back() != ':') return {};
  return "expected a SIP URI such as \"sip:server@{ip}\"";
}

std::string numbers(const Value& value) {
  for (const auto& [number, light] : std::get<Table>(value)) {
    if (number.empty() || number.find_first_of(" \t@<>\"") != std::string::npos) {
      return "expected a number to dial as the key, such as 431 or \"*431\"";
    }
  }
  return {};
}

std::string press(const Value& value) { return expected_one_of(std::get<std::string>(value), {"invite", "message"}); }

std::string client_certificates(const Value& value) {
  return expected_one_of(std::get<std::string>(value), {"no", "optional", "required"});
}

std::string tls_version(const Value& value) { return expected_one_of(std::get<std::string>(value), {"1.2", "1.3"}); }

std::string origins(const Value& value) {
  for (const auto& text : std::get<Strings>(value)) {
    const bool site = text.find("://") != std::string::npos && text.back() != '/';
    if (text != "*" && !site)
      return "expected an origin such as \"https://phone.example.com\" without a path, or \"*\"";
  }
  return {};
}

std::string pauses(const Value& value) {
  for (const auto& [model, text] : std::get<Table>(value)) {
    const auto pause = parse_duration(text);
    if (!pause || *pause < 0ms || *pause > 60s) return "expected a duration from 0ms to 60s for " + model;
  }
  return {};
}

std::string batches(const Value& value) {
  for (const auto& [model, text] : std::get<Table>(value)) {
    std::size_t count = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
    if (error != std::errc{} || end != text.data() + text.size() || count < 1 || count > 48) {
      return "expected a number from 1 to 48 for " + model;
    }
  }
  return {};
}

std::string durability(const Value& value) {
  return expected_one_of(std::get<std::string>(value), {"process", "power"});
}

std::string level(const Value& value) {
  return expected_one_of(std::get<std::string>(value), {"trace", "debug", "info", "warn", "error", "off"});
}

const Table& tutorial_lights() {
  static const Table lights = {{"431", "on"},     {"432", "off"},     {"433", "hold"},    {"434", "park"},
                               {"435", "pickup"}, {"436", "message"}, {"437", "offline"}, {"438", "seized"},
                               {"439", "record"}, {"440", "error"}};
  return lights;
}

}  // namespace

std::span<const Setting> settings_table() {
  // name, default, unit, doc, example, check, hidden
  static const std::array settings = std::to_array<Setting>({
      {"sip.listen", Strings{"udp:0.0.0.0:5060"}, "",
       "Where phones reach the server: transport (udp, tcp, tls, ws or wss), address and port. 0.0.0.0 stands for "
       "every "
       "IPv4 address of the machine, [::] for every IPv6 address. Several are allowed. tls and wss need "
       "tls.certificate "
       "and tls.key. More in transports.md.",
       R"(["udp:0.0.0.0:5060", "tcp:0.0.0.0:5060", "tls:0.0.0.0:5061", "wss:0.0.0.0:8443"])", nullptr},
      {"sip.workers", std::int64_t{0}, "threads",
       "Threads that handle SIP. 0 takes one per core. A phone always meets the same one.", "2", between<0, 128>},
      {"sip.domains", Strings{}, "",
       "Domains in SIP addresses that are ours, besides the addresses the server listens on. Phones registered as "
       "101@example.com need \"example.com\" here; requests for any other domain are refused unless "
       "proxy.relay_foreign "
       "allows them.",
       R"(["example.com", "pbx.example.com"])", hosts},
      {"sip.server_name", std::string("Lamplighter"), "",
       "What the Server header of our answers says. Empty leaves the header out.", R"("")", one_line},
      {"sip.receive_buffer", 4 * kMiB, "bytes",
       "Receive buffer of each UDP socket. If the log says that the kernel gave less, raise net.core.rmem_max; too "
       "small "
       "a buffer loses requests when all phones come back at once after a power cut.",
       R"("16MiB")", size_between<64 * kKiB, 1024 * kMiB>},
      {"sip.send_buffer", 4 * kMiB, "bytes",
       "Send buffer of each UDP socket. If the log says that the kernel gave less, raise net.core.wmem_max.",
       R"("16MiB")", size_between<64 * kKiB, 1024 * kMiB>},
      {"sip.t1", milliseconds(500ms), "",
       "Timer T1 of RFC 3261: the expected time there and back, and the wait before the first retransmission. A "
       "request "
       "over UDP is given up after 64 times this.",
       R"("250ms")", milliseconds_between<1, 10'000>},
      {"sip.t2", milliseconds(4s), "",
       "Timer T2 of RFC 3261: the longest wait between retransmissions of requests other than INVITE.", "",
       milliseconds_between<1, 60'000>},
      {"sip.t4", milliseconds(5s), "", "Timer T4 of RFC 3261: how long a message may linger in the network.", "",
       milliseconds_between<0, 60'000>},
      {"sip.max_transactions", std::int64_t{1'000'000}, "transactions",
       "Requests under way at the same time, for each worker. Beyond this new requests are dropped and counted, so "
       "that a "
       "flood cannot take all memory.",
       "100000", between<100, 100'000'000>},
      {"sip.faults", std::string(), "",
       "Loses, doubles, delays and reorders datagrams between the program and the network, for tests.",
       R"("loss=0.1,dup=0.05,reorder=0.1,delay=20ms,jitter=10ms,seed=42")", nullptr, true},

      {"registrar.default_expires", milliseconds(1h), "", "How long a registration lasts when the phone does not say.",
       "", seconds_between<1, 604'800>},
      {"registrar.min_expires", milliseconds(60s), "",
       "The shortest registration. A phone that asks for less is answered 423 and asks again. Below 15 seconds Snom "
       "phones take the registration for faulty.",
       "", seconds_between<1, 86'400>},
      {"registrar.max_expires", milliseconds(2h), "",
       "The longest registration. A phone that asks for more gets this. Shorter finds vanished phones earlier, longer "
       "means fewer requests.",
       R"("1h")", seconds_between<1, 604'800>},
      {"registrar.contacts_per_aor", std::int64_t{10}, "contacts",
       "Phones that may be registered at the same time with one address. One more is refused with 403.", "",
       between<1, 1000>},

      {"auth.realm", std::string("lamplighter"), "",
       "The realm in password requests. Stored passwords belong to it: after a change every user must be added again.",
       R"("pbx.example.com")", quotable_text},
      {"auth.trusted", Strings{"127.0.0.0/8", "::1/128"}, "",
       "Networks whose phones need no password. Whoever can send from such an address can register as anybody, so name "
       "only networks you control. An empty list asks everybody.",
       R"(["127.0.0.0/8", "192.168.178.0/24"])", networks},
      {"auth.algorithms", Strings{"MD5"}, "",
       "Digest algorithms offered to phones, the preferred one first. Add SHA-256 when every phone knows RFC 8760: "
       "many "
       "give up when they are offered one that they do not know.",
       R"(["SHA-256", "MD5"])", algorithms},
      {"auth.nonce_lifetime", milliseconds(300s), "",
       "How long a phone may use one challenge before it gets a new one (without asking its user again).", "",
       seconds_between<10, 86'400>},

      {"proxy.relay_foreign", false, "",
       "Relays requests for domains that are not ours, for senders that are trusted or gave a password. Off: nobody "
       "can "
       "use this server to reach others.",
       "", nullptr},
      {"proxy.invite_timeout", milliseconds(180s), "",
       "How long a call may ring before it is given up with 408 (timer C of RFC 3261, at least three minutes there).",
       "", seconds_between<1, 3600>},
      {"proxy.record_route", true, "",
       "Stays in the path of calls, so that their later requests (hang-up, hold) come through here too. Phones behind "
       "NAT need it.",
       "", nullptr},
      {"proxy.max_branches", std::int64_t{10}, "branches", "Contacts that one request is sent to at the same time.", "",
       between<1, 100>},

      {"dial.enabled", true, "",
       "Dialled numbers light lamps: a phone that dials one of dial.lights hears busy, and the lamp of its key "
       "dial.key "
       "changes.",
       "", nullptr},
      {"dial.user_agent", std::string("snom"), "",
       "Only for phones whose User-Agent header contains this text, upper and lower case as written. Empty: every "
       "phone. "
       "Other phones' calls to these numbers are routed as usual.",
       R"("snom370/8")", one_line},
      {"dial.key", std::string("2"), "",
       "The key whose lamp changes: what stands in the Number field of the key of type Button on the phone, normally "
       "its "
       "P-key number.",
       R"("5")", some_text},
      {"dial.number", std::string("432"), "", "What the phone dials when that key is pressed. Empty: nothing.",
       R"("431")", one_line},
      {"dial.label", std::string("Light is {light}"), "",
       "The text beside the key on phones that show one; {light} stands for the light's name.", R"("Door: {light}")",
       one_line},
      {"dial.press", std::string("invite"), "",
       "What a press does with dial.number: \"invite\" calls it, \"message\" sends it a MESSAGE.", R"("message")",
       press},
      {"dial.from", std::string("sip:server@{ip}"), "",
       "Who the message to the phone comes from; {ip} stands for our address that the phone called.",
       R"("sip:lamps@pbx.example.com")", sip_uri},
      {"dial.reply_code", std::int64_t{404}, "",
       "The status that ends the call to such a number. 404 sounds as busy on the phone.", "486", between<300, 699>},
      {"dial.reply_reason", std::string("Not a call"), "", "The reason phrase beside that status.", R"("Lamp set")",
       one_line},
      {"dial.lights", tutorial_lights(), "",
       "The numbers and the light each one sets: on, off, hold, park, pickup, message, offline, seized, record or "
       "error; or toggle, which turns a dark lamp on and a lit one off. A "
       "table in a file replaces this whole table; --set dial.lights.431=on sets one entry.",
       "{ 431 = \"on\", 432 = \"off\", \"*433\" = \"hold\" }", numbers},

      {"lamp.keys_per_phone", std::int64_t{256}, "keys",
       "Keys of one phone whose lamps are kept, when its model is not known. Known models have as many keys as they "
       "have.",
       "", between<1, 10'000>},
      {"lamp.phones", std::int64_t{1'000'000}, "phones",
       "Phones whose lamps are kept. The keys of one more are refused, so that nobody can take all memory.", "",
       between<1, 100'000'000>},
      {"lamp.unknown_models", true, "",
       "Sends lamps to phones whose User-Agent names no known model as well. Off: only to models that are known to "
       "take "
       "them.",
       "", nullptr},
      {"lamp.retry_first", milliseconds(5s), "",
       "The pause before a lamp is sent again to a phone that did not answer. It doubles each time, up to "
       "lamp.retry_max, "
       "and differs by up to a quarter from phone to phone. A phone that registers or dials is tried at once.",
       R"("10s")", seconds_between<1, 3600>},
      {"lamp.retry_max", milliseconds(60s), "", "The longest such pause.", R"("5m")", seconds_between<1, 86'400>},
      {"lamp.restore_rate", std::int64_t{1000}, "lamps/s",
       "After a start, lamps that phones have not confirmed yet are sent at this rate, so that a thousand phones do "
       "not "
       "hear of everything at once. A phone that dials or whose lamps change does not wait for its turn.",
       "200", between<1, 1'000'000>},
      {"lamp.pause", milliseconds(0), "",
       "The pause between a phone's answer and the next message to it, for phones that cannot keep up.", R"("50ms")",
       milliseconds_between<0, 60'000>},
      {"lamp.pauses", Table{}, "",
       "The same for single models, by the text before the slash of their User-Agent. \"0ms\" is no pause.",
       R"({ snom190 = "100ms", snom300 = "20ms" })", pauses},
      {"lamp.batches", Table{}, "",
       "Models that take several keys in one message, and how many. No model is known to, so each key is sent alone "
       "unless a model is named here.",
       R"({ snomD785 = "8" })", batches},
      {"lamp.history", std::int64_t{65'536}, "entries",
       "Changes and deliveries that are remembered, of all keys together, for \"lamplighter lamp history\". The oldest "
       "go first; about 200 bytes each. 0 keeps none.",
       "1000000", between<0, 100'000'000>},

      {"stream.max_connections", std::int64_t{20'000}, "connections",
       "Connections (TCP, TLS, WebSocket) at the same time. One more is closed at once and counted. Each takes a file "
       "descriptor: see `ulimit -n`.",
       "60000", between<1, 10'000'000>},
      {"stream.max_per_source", std::int64_t{1000}, "connections",
       "Connections from one address, or one IPv6 /64, at the same time. Many phones behind one NAT, or a proxy, need "
       "more.",
       "10000", between<1, 10'000'000>},
      {"stream.max_unproven", std::int64_t{1000}, "connections",
       "Connections that have not sent a whole message yet, handshakes of TLS and WebSocket included, at the same "
       "time.",
       "", between<1, 10'000'000>},
      {"stream.first_message", milliseconds(20s), "",
       "How long a new connection may take until its first whole message, handshakes included.", "",
       milliseconds_between<10, 600'000>},
      {"stream.message", milliseconds(20s), "",
       "How long a message may take from its first byte to its last, and how long a peer may leave unread what it is "
       "sent.",
       "", milliseconds_between<10, 600'000>},
      {"stream.idle", milliseconds(130min), "",
       "How long a connection may be silent. Below registrar.max_expires phones that send no keepalive are cut off "
       "between two registrations, and their lamps wait for the next one.",
       "", milliseconds_between<10, 604'800'000>},
      {"stream.write_queue", 256 * kKiB, "bytes",
       "What may wait for one peer that reads slowly. Beyond this its connection is closed.", R"("1MiB")",
       size_between<8 * kKiB, 64 * kMiB>},

      {"tls.certificate", std::string(), "",
       "The server's certificate in PEM format, followed by those between it and the root. It is read again when the "
       "file changes, and at SIGHUP.",
       R"("/etc/letsencrypt/live/pbx.example.com/fullchain.pem")", nullptr},
      {"tls.key", std::string(), "", "The private key of that certificate in PEM format.",
       R"("/etc/letsencrypt/live/pbx.example.com/privkey.pem")", nullptr},
      {"tls.client_certificates", std::string("no"), "",
       "Whether phones show a certificate signed by tls.ca: \"no\" does not ask, \"optional\" checks it when there is "
       "one, \"required\" refuses phones without. Passwords are asked for all the same.",
       R"("required")", client_certificates},
      {"tls.ca", std::string(), "", "Who signs the phones' certificates, in PEM format.",
       R"("/etc/lamplighter/phones-ca.pem")", nullptr},
      {"tls.min_version", std::string("1.2"), "", "The oldest TLS that is spoken: \"1.2\" or \"1.3\".", R"("1.3")",
       tls_version},
      {"tls.ciphers", std::string("ECDHE+AESGCM:ECDHE+CHACHA20"), "",
       "Ciphers of TLS 1.2, as `openssl ciphers` takes them. Old phones may need \"HIGH:!aNULL\".", R"("HIGH:!aNULL")",
       some_text},

      {"websocket.origins", Strings{}, "",
       "Web sites whose pages may connect, besides pages of the server's own host name. \"*\" allows all: then any "
       "page "
       "that somebody opens in a trusted network can speak for phones.",
       R"(["https://phone.example.com"])", origins},
      {"websocket.ping", milliseconds(45s), "",
       "How often a silent WebSocket is pinged, so that proxies on the way keep it open. 0 pings never.", R"("25s")",
       milliseconds_between<0, 3'600'000>},

      {"http.listen", std::string("127.0.0.1:8080"), "",
       "Address and port of the HTTP server: the API under /v1/, and /healthz. Empty turns it off. An address that "
       "other "
       "machines reach needs http.token_file.",
       R"("[::1]:8080")", address_or_off},
      {"http.token_file", std::string(), "",
       "A file whose first line is a token: the API then answers only requests with \"Authorization: Bearer <token>\". "
       "Only its owner should be able to read it.",
       R"("/etc/lamplighter/token")", nullptr},

      {"store.path", std::string("data/lamplighter.db"), "",
       "The database file with registrations, lamps and users. A relative path starts at the working folder.",
       R"("/var/lib/lamplighter/lamplighter.db")", some_text},
      {"store.durability", std::string("process"), "",
       "What an answered registration survives: \"process\" the end of the program, also by kill -9; \"power\" also a "
       "power cut, at the price of a disk flush per commit.",
       R"("power")", durability},
      {"store.queue", std::int64_t{100'000}, "changes",
       "Changes that may wait for the disk. Beyond this registrations are refused with 500 until it catches up.", "",
       between<1, 100'000'000>},

      {"log.level", std::string("info"), "",
       "What is written to stderr: trace, debug, info, warn, error or off. Each includes those after it.", R"("debug")",
       level},
  });
  return settings;
}

}  // namespace lamplighter::config
