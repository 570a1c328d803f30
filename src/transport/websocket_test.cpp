#include "transport/websocket.h"

#include <gmock/gmock.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "transport/stream_test.h"
#include "transport/tls_test.h"

// SIP over WebSocket: the pure parts, and whole connections.
namespace lamplighter::transport {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

/// A frame as a client writes it.
std::string frame(int opcode, std::string_view payload, bool last = true) {
  std::string out;
  append_frame(out, WebSocketOpcode::kText, payload);
  out[0] = static_cast<char>((last ? 0x80 : 0) | opcode);
  out[1] = static_cast<char>(out[1] | 0x80);
  const auto head = out.size() - payload.size();
  const char mask[4] = {0x12, 0x34, 0x56, 0x78};
  for (std::size_t i = 0; i < payload.size(); ++i) out[head + i] = static_cast<char>(out[head + i] ^ mask[i % 4]);
  out.insert(head, mask, 4);
  return out;
}

struct Framed {
  explicit Framed(std::size_t limit = 1000) : framer(limit) {}
  void take(std::string_view piece) {
    if (over) return;
    std::vector<char> exact(piece.begin(), piece.end());
    framer.feed(exact);
    for (;;) {
      const auto event = framer.next();
      if (!event) {
        events.push_back(fmt::format("{} {}", event.error().code, event.error().what));
        over = true;
        return;
      }
      if (!*event) return;
      events.push_back(fmt::format("{}:{}", "mpoc"[static_cast<int>((*event)->kind)], (*event) -> bytes));
    }
  }
  WebSocketFramer framer;
  std::vector<std::string> events;
  bool over = false;
};

std::vector<std::string> events(std::string_view bytes, std::size_t limit = 1000) {
  Framed whole(limit);
  whole.take(bytes);
  Framed single(limit);
  for (const char& c : bytes) single.take({&c, 1});
  EXPECT_EQ(single.events, whole.events);
  return whole.events;
}

TEST(WebSocketFramer, TakesFramesApart) {
  EXPECT_THAT(events(frame(1, "text") + frame(2, "binary") + frame(9, "?") + frame(10, "!") + frame(8, "")),
              ElementsAre("m:text", "m:binary", "p:?", "o:!", "c:"));
  for (const std::size_t size : {0, 1, 125, 126, 127, 300, 65535, 65536, 70000}) {
    const std::string text(size, 'x');
    Framed framed(100'000);
    framed.take(frame(1, text) + frame(1, "y"));
    EXPECT_THAT(framed.events, ElementsAre("m:" + text, "m:y")) << size;
  }
  EXPECT_THAT(events(frame(1, "text").substr(0, 9)), IsEmpty());
}

TEST(WebSocketFramer, PutsFragmentsTogether) {
  EXPECT_THAT(events(frame(1, "a", false) + frame(9, "p") + frame(0, "b", false) + frame(0, "c") + frame(1, "d")),
              ElementsAre("p:p", "m:abc", "m:d"));
  EXPECT_THAT(events(frame(0, "b")), ElementsAre("1002 fragments out of order"));
  EXPECT_THAT(events(frame(1, "a", false) + frame(1, "b")), ElementsAre("1002 fragments out of order"));
}

TEST(WebSocketFramer, RefusesWhatRfc6455Forbids) {
  auto unmasked = frame(1, "text");
  unmasked[1] = static_cast<char>(unmasked[1] & 0x7f);
  EXPECT_THAT(events(unmasked), ElementsAre("1002 frame without a mask"));
  auto reserved = frame(1, "text");
  reserved[0] = static_cast<char>(reserved[0] | 0x40);
  EXPECT_THAT(events(reserved), ElementsAre("1002 extension that was not agreed on"));
  EXPECT_THAT(events(frame(3, "")), ElementsAre("1002 unknown kind of frame"));
  EXPECT_THAT(events(frame(11, "")), ElementsAre("1002 unknown kind of frame"));
  EXPECT_THAT(events(frame(9, "", false)), ElementsAre("1002 control frame too large or in fragments"));
  EXPECT_THAT(events(frame(9, std::string(126, 'x'))), ElementsAre("1002 control frame too large or in fragments"));
  EXPECT_THAT(events(frame(1, std::string(101, 'x')), 100), ElementsAre("1009 message too large"));
  EXPECT_THAT(events(frame(1, std::string(60, 'x'), false) + frame(0, std::string(41, 'x')), 100),
              ElementsAre("1009 message too large"));
  EXPECT_THAT(events("\x81\xff\xff\xff\xff\xff\xff\xff\xff\xff 1234"), ElementsAre("1009 message too large"));
}

RC_GTEST_PROP(WebSocketFramerProperty, AnySplitYieldsTheSame, (const std::vector<std::string>& texts)) {
  std::string all;
  for (const auto& text : texts)
    all += frame(*rc::gen::element(0, 1, 2, 8, 9, 10, 5), text, *rc::gen::arbitrary<bool>());
  Framed whole;
  whole.take(all);
  Framed cut;
  for (std::string_view rest = all; !rest.empty();) {
    const auto size = std::min<std::size_t>(rest.size(), *rc::gen::inRange<std::size_t>(1, 20));
    cut.take(rest.substr(0, size));
    rest.remove_prefix(size);
  }
  RC_ASSERT(cut.events == whole.events);
}

// The example of RFC 6455 §1.3, and what a browser adds.
std::string upgrade(std::string_view extra = "Sec-WebSocket-Protocol: sip\r\n") {
  return fmt::format(
      "GET /chat HTTP/1.1\r\nHost: pbx.example.com:8443\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{}\r\n",
      extra);
}

WebSocketUpgrade::Answer answer(const std::string& bytes, const std::vector<std::string>& origins = {}) {
  WebSocketUpgrade machine(&origins);
  for (std::size_t i = 0; i + 1 < bytes.size(); ++i) {
    if (auto early = machine.take({&bytes[i], 1})) return *early;
  }
  return machine.take({&bytes.back(), 1}).value_or(WebSocketUpgrade::Answer{"", false, "nothing yet", ""});
}

TEST(WebSocketUpgrade, AgreesOnSip) {
  const std::vector<std::string> none;
  WebSocketUpgrade machine(&none);
  const auto good = machine.take(upgrade() + "rest");
  ASSERT_TRUE(good && good->good);
  EXPECT_EQ(good->rest, "rest");
  EXPECT_THAT(good->bytes, StartsWith("HTTP/1.1 101 "));
  EXPECT_THAT(good->bytes, HasSubstr("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
  EXPECT_THAT(good->bytes, HasSubstr("Sec-WebSocket-Protocol: sip\r\n"));
  EXPECT_TRUE(answer(upgrade("Sec-WebSocket-Protocol: chat, sip\r\n")).good);
  EXPECT_TRUE(answer(upgrade("Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Protocol: sip\r\n")).good);
}

TEST(WebSocketUpgrade, SaysWhatItExpected) {
  const auto refused = [](const std::string& bytes, int status, std::string_view reason) {
    const auto given = answer(bytes);
    EXPECT_FALSE(given.good);
    EXPECT_THAT(given.bytes, StartsWith(fmt::format("HTTP/1.1 {} ", status)));
    EXPECT_THAT(given.bytes, HasSubstr(reason));
    EXPECT_THAT(given.reason, HasSubstr(reason));
  };
  refused("GET / HTTP/1.1\r\nHost: a\r\n\r\n", 426, "expected a WebSocket");
  refused("OPTIONS sip:a SIP/2.0\r\nVia: b\r\n\r\n", 400, "no HTTP request");
  refused(std::string("\x16\x03\x01\r\n\r\n", 7), 400, "no HTTP request");
  refused(upgrade(""), 400, "Sec-WebSocket-Protocol: sip");
  refused(upgrade("Sec-WebSocket-Protocol: xmpp\r\n"), 400, "Sec-WebSocket-Protocol: sip");
  auto old = upgrade();
  old.replace(old.find("Version: 13") + 9, 2, "8");
  refused(old, 426, "Sec-WebSocket-Version: 13");
  auto keyless = upgrade();
  keyless.replace(keyless.find("dGhl"), 4, "");
  refused(keyless, 400, "Sec-WebSocket-Key");
  refused(upgrade("X: " + std::string(9000, 'x') + "\r\n"), 431, "8 KiB");
}

// A page of anybody's may not speak SIP through the browser of somebody whose network is trusted.
TEST(WebSocketUpgrade, PagesOfOtherSitesMayNotConnectUnlessNamed) {
  const std::string sip = "Sec-WebSocket-Protocol: sip\r\n";
  EXPECT_TRUE(answer(upgrade(sip + "Origin: https://pbx.example.com\r\n")).good);
  EXPECT_TRUE(answer(upgrade(sip + "Origin: http://PBX.example.com:8080\r\n")).good);
  const auto evil = upgrade(sip + "Origin: https://evil.example\r\n");
  EXPECT_THAT(answer(evil).bytes, StartsWith("HTTP/1.1 403 "));
  EXPECT_THAT(answer(evil).reason, HasSubstr("pages of https://evil.example may not connect"));
  EXPECT_FALSE(answer(upgrade(sip + "Origin: null\r\n")).good);
  EXPECT_FALSE(answer(evil, {"https://good.example"}).good);
  EXPECT_TRUE(answer(evil, {"https://good.example", "https://evil.example"}).good);
  EXPECT_TRUE(answer(evil, {"*"}).good);
}

/// The browser's end, over TCP or TLS.
template <typename Wire>
class Browser {
 public:
  explicit Browser(Wire& wire) : wire_(wire) {}
  bool open() {
    wire_.send(upgrade());
    const auto got = wire_.receive(kAnswer);
    return got.starts_with("HTTP/1.1 101 ") && got.ends_with("\r\n\r\n");
  }
  void say(int opcode, std::string_view payload) { wire_.send(frame(opcode, payload)); }
  /// "m:…" as above; "" when the connection ended.
  std::string hear() {
    const auto head = wire_.receive(2);
    if (head.size() < 2) return "";
    std::size_t size = static_cast<unsigned char>(head[1]);
    if (size == 126) {
      const auto wide = wire_.receive(2);
      size = static_cast<std::size_t>(static_cast<unsigned char>(wide[0]) << 8 | static_cast<unsigned char>(wide[1]));
    }
    return fmt::format("{:x}:{}", static_cast<unsigned char>(head[0]), wire_.receive(size));
  }

 private:
  static constexpr std::size_t kAnswer = 158;
  Wire& wire_;
};

TEST(WebSocketStreams, OneMessageAFrame) {
  StreamServer server("ws:127.0.0.1:0");
  Stream wire(server.address());
  Browser browser(wire);
  ASSERT_TRUE(browser.open());
  const std::string message = "OPTIONS sip:a SIP/2.0\r\nVia: SIP/2.0/WS b.invalid\r\n\r\n";  // needs no Content-Length
  browser.say(1, message);
  EXPECT_EQ(browser.hear(), "81:" + message);
  browser.say(2, message);
  EXPECT_EQ(browser.hear(), "81:" + message);
  EXPECT_EQ(server.echo.seen().at(0).first.kind, TransportKind::kWs);
  browser.say(9, "are you there");
  EXPECT_EQ(browser.hear(), "8a:are you there");
  browser.say(1, "\r\n\r\n");
  EXPECT_EQ(browser.hear(), "81:\r\n");
  browser.say(8, "\x03\xe8");
  EXPECT_EQ(browser.hear(), "88:\x03\xe8");
  EXPECT_EQ(browser.hear(), "");
  EXPECT_TRUE(eventually([&] { return server.echo.closed_flows() == 1; }));
}

TEST(WebSocketStreams, WhatCannotBeIsAnsweredWithACodeAndTheEnd) {
  StreamServer server("ws:127.0.0.1:0");
  Stream wire(server.address());
  Browser browser(wire);
  ASSERT_TRUE(browser.open());
  browser.say(0, "fragment of nothing");
  EXPECT_EQ(browser.hear(), "88:\x03\xea");
  EXPECT_EQ(browser.hear(), "");
  Stream web(server.address());
  web.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_THAT(web.receive_all(), StartsWith("HTTP/1.1 426 "));
  EXPECT_EQ(server.counters().handshakes_failed.value(), 1u);
}

TEST(WebSocketStreams, SilentBrowsersArePinged) {
  StreamSettings settings;
  settings.websocket_ping = 40ms;
  settings.idle = 1s;
  StreamServer server("ws:127.0.0.1:0", settings);
  Stream wire(server.address());
  Browser browser(wire);
  ASSERT_TRUE(browser.open());
  browser.say(1, "\r\n\r\n");
  EXPECT_EQ(browser.hear(), "81:\r\n");
  for (int i = 0; i < 30; ++i) {  // pongs keep it alive, for longer than a silent one may stay
    ASSERT_EQ(browser.hear(), "89:");
    browser.say(10, "");
  }
  while (browser.hear() == "89:") {
  }
  EXPECT_EQ(server.counters().idle.value(), 1u);
}

TEST(WebSocketStreams, OverTlsToo) {
  TempFolder folder;
  TestCertificate ours(folder, "pbx.example.com");
  StreamSettings settings;
  settings.tls = TlsContext::load({.certificate = ours.certificate_file, .key = ours.key_file}).value();
  StreamServer server("wss:127.0.0.1:0", settings);
  Stream stream(server.address());
  TlsPeer wire(stream.fd());
  ASSERT_TRUE(wire.connect());
  Browser browser(wire);
  ASSERT_TRUE(browser.open());
  browser.say(1, request("a"));
  EXPECT_EQ(browser.hear(), "81:" + request("a"));
  EXPECT_EQ(server.echo.seen().at(0).first.kind, TransportKind::kWss);
}

}  // namespace
}  // namespace lamplighter::transport
