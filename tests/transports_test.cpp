#include <gmock/gmock.h>

#include "lamp_phone.h"
#include "stream_phone.h"

// Whole servers with phones on TCP, and what becomes of lamps and calls when connections end.
namespace lamplighter::tests {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

const ServerFixture::Values kBoth = {{"sip.listen", R"(["udp:127.0.0.1:0", "tcp:127.0.0.1:0"])"}};

SocketAddress tcp(ServerFixture& server) { return server->listening().at(1).address; }
std::string phone_json(ServerFixture& server) { return server.http("GET", "/v1/phones/301").body; }

//  phone                server
//    | REGISTER, TCP      |
//    |------------------->|
//    | INVITE 431         |
//    |------------------->|
//    |<------------ 404 --|   all on the one connection
//    |<-- MESSAGE, TCP ---|
TEST(Transports, APhoneOnTcpDialsAndItsKeyLights) {
  ServerFixture server(kBoth);
  ASSERT_TRUE(server.running()) << server.error();
  StreamPhone phone("301", tcp(server));
  ASSERT_EQ(phone.register_now(), 200);
  phone.send(phone.request("INVITE", "sip:431@127.0.0.1", "press", 1));
  EXPECT_THAT(phone.receive().value_or("nothing"), StartsWith("SIP/2.0 404 Not a call\r\n"));
  const auto message = phone.receive().value_or("nothing");
  EXPECT_THAT(message, StartsWith("MESSAGE sip:301@192.0.2.9:5060;transport=tcp;line=abc SIP/2.0\r\n"));
  EXPECT_THAT(message, HasSubstr("\r\nVia: SIP/2.0/TCP " + tcp(server).to_string() + ";"));
  EXPECT_THAT(message, HasSubstr("\r\n\r\nk=2\r\nc=on"));
  phone.send(StreamPhone::answer(message));
  EXPECT_TRUE(eventually([&] { return phone_json(server).contains(R"("confirmed":true)"); }));
  EXPECT_THAT(phone_json(server), HasSubstr(R"("transport":"TCP","connected":true)"));
}

//  phone                server
//    | (hangs up)         |
//    |---- FIN ---------->|   the registration stays; nothing can be sent
//    |                    |<-- key 2 on
//    | REGISTER           |   it is the same life: what was confirmed is not told again
//    |------------------->|
//    |<- MESSAGE key 2 ---|
TEST(Transports, WhileItsConnectionIsGoneAPhoneIsUnreachableAndLaterCaughtUpWith) {
  ServerFixture server(kBoth);
  ASSERT_TRUE(server.running()) << server.error();
  StreamPhone phone("301", tcp(server));
  ASSERT_EQ(phone.register_now(), 200);
  server.http("PUT", "/v1/phones/301/keys/1?create=yes", R"({"light":"on"})");
  phone.send(StreamPhone::answer(phone.receive().value_or("\r\n\r\n")));
  ASSERT_TRUE(eventually([&] { return phone_json(server).contains(R"("confirmed":true)"); }));

  phone.disconnect();
  ASSERT_TRUE(eventually([&] { return phone_json(server).contains(R"("connected":false)"); })) << phone_json(server);
  EXPECT_THAT(phone_json(server), HasSubstr(R"("registered":true)"));
  EXPECT_EQ(server->totals().connections, 0u);
  server.http("PUT", "/v1/phones/301/keys/2?create=yes", R"({"light":"hold"})");
  ASSERT_TRUE(eventually([&] { return phone_json(server).contains(R"("state":"unreachable")"); }));
  EXPECT_THAT(server.http("GET", "/v1/phones/301/keys/2/history").body,
              HasSubstr(R"("detail":"its connection has ended")"));

  phone.connect(tcp(server));
  EXPECT_EQ(phone.register_now(), 200);
  const auto message = phone.receive().value_or("nothing");
  EXPECT_THAT(message, HasSubstr("\r\n\r\nk=2\r\nc=hold"));
  phone.send(StreamPhone::answer(message));
  EXPECT_TRUE(eventually([&] { return phone_json(server).contains(R"("confirmed":true)"); }));
  EXPECT_THAT(phone_json(server), HasSubstr(R"("connected":true)"));
}

//  phone                server
//    |<--- MESSAGE -------|
//    | (hangs up)         |   under way: given up at once, not after 32 s
TEST(Transports, ALampUnderWayIsGivenUpWithItsConnection) {
  ServerFixture server(kBoth);
  ASSERT_TRUE(server.running()) << server.error();
  StreamPhone phone("301", tcp(server));
  ASSERT_EQ(phone.register_now(), 200);
  server.http("PUT", "/v1/phones/301/keys/1?create=yes", R"({"light":"on"})");
  ASSERT_THAT(phone.receive().value_or("nothing"), StartsWith("MESSAGE "));
  phone.disconnect();
  ASSERT_TRUE(eventually([&] { return phone_json(server).contains(R"("state":"unreachable")"); }));
  const auto history = server.http("GET", "/v1/phones/301/keys/1/history").body;
  EXPECT_THAT(history, HasSubstr(R"("event":"abandoned")"));
  EXPECT_THAT(history, HasSubstr(R"("detail":"its connection has ended")"));
  phone.connect(tcp(server));
  EXPECT_EQ(phone.register_now(), 200);
  EXPECT_THAT(phone.receive().value_or("nothing"), HasSubstr("\r\n\r\nk=1\r\nc=on"));
}

//  caller, UDP          server          phone, TCP
//    | INVITE 301         |                |
//    |------------------->|--- INVITE ---->|   on its connection, two Record-Routes
//    |<--------- 180 -----|<--- 180 -------|
//    |                    |      (hangs up)|
//    |<--------- 480 -----|   next call: nobody there
TEST(Transports, CallsCrossFromUdpToTcpAndEndWithTheConnection) {
  ServerFixture server(kBoth);
  ASSERT_TRUE(server.running()) << server.error();
  StreamPhone phone("301", tcp(server));
  ASSERT_EQ(phone.register_now(), 200);
  Peer caller;
  const auto invite = [&](int number) {
    return fmt::format(
        "INVITE sip:301@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP {0};rport;branch=z9hG4bK{1}\r\nMax-Forwards: 70\r\n"
        "From: <sip:302@127.0.0.1>;tag=c\r\nTo: <sip:301@127.0.0.1>\r\nCall-ID: call-{1}\r\nCSeq: 1 INVITE\r\n"
        "Contact: <sip:302@{0}>\r\n\r\n",  // a datagram may do without Content-Length
        caller.address().to_string(), number);
  };
  caller.send(server.sip(), invite(1));
  EXPECT_EQ(status_of(caller.receive().value_or("")), 100);
  const auto received = phone.receive().value_or("nothing");
  EXPECT_THAT(received,
              StartsWith("INVITE sip:301@192.0.2.9:5060;transport=tcp;line=abc SIP/2.0\r\nVia: SIP/2.0/TCP "));
  EXPECT_THAT(received, HasSubstr("\r\nRecord-Route: <sip:" + tcp(server).to_string() + ";transport=tcp;lr;"));
  EXPECT_THAT(received, HasSubstr("\r\nRecord-Route: <sip:" + server.sip().to_string() + ";lr;"));
  EXPECT_THAT(received, HasSubstr("\r\nContent-Length: 0\r\n\r\n"));
  phone.send(StreamPhone::answer(received, "180 Ringing"));
  EXPECT_EQ(status_of(caller.receive().value_or("")), 180);
  phone.disconnect();
  EXPECT_EQ(status_of(caller.receive().value_or("")), 500);

  caller.send(server.sip(), fmt::format("ACK sip:301@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP {};rport;branch=z9hG4bK1\r\n"
                                        "From: <sip:302@127.0.0.1>;tag=c\r\nTo: <sip:301@127.0.0.1>\r\n"
                                        "Call-ID: call-1\r\nCSeq: 1 ACK\r\nContent-Length: 0\r\n\r\n",
                                        caller.address().to_string()));
  caller.send(server.sip(), invite(2));
  auto answer = caller.receive().value_or("call-2");
  while (!answer.contains("call-2")) answer = caller.receive().value_or("call-2");  // the first one's, told again
  EXPECT_EQ(status_of(answer), 404);  // no user of that name is known without a phone
}

/// The values of these header lines, in order, each as a Route line.
std::string routes_of(const std::string& message, bool reversed) {
  std::string out;
  constexpr std::string_view kName = "\r\nRecord-Route: ";
  for (auto at = message.find(kName); at != std::string::npos; at = message.find(kName, at + 2)) {
    const auto from = at + kName.size();
    const auto line = "Route: " + message.substr(from, message.find("\r\n", from) - from) + "\r\n";
    out = reversed ? line + out : out + line;
  }
  return out;
}

//  caller, TCP          server          called, TCP
//    |--- INVITE 302 ---->|--------------->|
//    |<--------- 200 -----|<--- 200 -------|   its Contact is no address of record: sip:x@192.0.2.9
//    |--- ACK x --------->|--------------->|   found by its connection, which the route names
//    |<-------------------|<--- BYE y -----|
//    |--- INFO x, forged->|                |   another connection put into the route: refused
TEST(Transports, InADialogARouteNamesTheConnectionOfTheFarSide) {
  ServerFixture server(kBoth);
  ASSERT_TRUE(server.running()) << server.error();
  StreamPhone caller("301", tcp(server));
  StreamPhone called("302", tcp(server));
  ASSERT_EQ(caller.register_now(), 200);
  ASSERT_EQ(called.register_now(), 200);
  caller.send(caller.request("INVITE", "sip:302@127.0.0.1", "call", 1));
  EXPECT_EQ(status_of(caller.receive().value_or("")), 100);
  const auto invite = called.receive().value_or("nothing");
  auto answer = StreamPhone::answer(invite);
  answer.insert(answer.find("Content-Length"), "Contact: <sip:x@192.0.2.9:5060;transport=tcp>\r\n");
  called.send(answer);
  const auto ok = caller.receive().value_or("nothing");
  ASSERT_EQ(status_of(ok), 200);
  ASSERT_THAT(routes_of(ok, true), HasSubstr(";fl="));

  const auto in_dialog = [](std::string bytes) {
    return bytes.replace(bytes.find("To: <sip:x@192.0.2.9>"), 21, "To: <sip:302@127.0.0.1>;tag=t");
  };
  caller.send(in_dialog(caller.request("ACK", "sip:x@192.0.2.9", "call", 1, routes_of(ok, true))));
  EXPECT_THAT(called.receive().value_or("nothing"), StartsWith("ACK sip:x@192.0.2.9 SIP/2.0\r\n"));

  auto bye = called.request("BYE", "sip:y@192.0.2.9", "call", 7, routes_of(invite, false));
  bye.replace(bye.find("From: <sip:302@127.0.0.1>;tag=p"), 31, "From: <sip:302@127.0.0.1>;tag=t");
  bye.replace(bye.find("To: <sip:y@192.0.2.9>"), 21, "To: <sip:301@127.0.0.1>;tag=p");
  called.send(bye);
  const auto received = caller.receive().value_or("nothing");
  EXPECT_THAT(received, StartsWith("BYE sip:y@192.0.2.9 SIP/2.0\r\n"));
  EXPECT_THAT(received, Not(HasSubstr("\r\nRoute:")));
  caller.send(StreamPhone::answer(received));
  EXPECT_EQ(status_of(called.receive().value_or("")), 200);

  auto forged = routes_of(ok, true);
  const auto flow = forged.rfind(";fl=");
  forged.replace(flow, forged.find('>', flow) - flow, ";fl=1.0.3.1");
  ASSERT_NE(forged, routes_of(ok, true));
  const auto both = forged.find("\r\n") + 2;
  caller.send(in_dialog(caller.request("INFO", "sip:x@192.0.2.9", "call", 2, forged.substr(both))));
  EXPECT_EQ(status_of(caller.receive().value_or("")), 403);
}

TEST(Transports, ARestartEndsConnectionsButNotRegistrations) {
  TempFolder folder;
  std::optional<ServerFixture> server(std::in_place, kBoth, &folder);
  ASSERT_TRUE(server->running()) << server->error();
  StreamPhone phone("301", tcp(*server));
  ASSERT_EQ(phone.register_now(), 200);
  server->http("PUT", "/v1/phones/301/keys/1?create=yes", R"({"light":"on"})");
  phone.send(StreamPhone::answer(phone.receive().value_or("\r\n\r\n")));
  ASSERT_TRUE(eventually([&] { return phone_json(*server).contains(R"("confirmed":true)"); }));

  server.emplace(kBoth, &folder);
  ASSERT_TRUE(server->running()) << server->error();
  EXPECT_THAT(phone_json(*server), HasSubstr(R"("connected":false)"));
  server->http("PUT", "/v1/phones/301/keys/2?create=yes", R"({"light":"hold"})");
  phone.connect(tcp(*server));
  EXPECT_EQ(phone.register_now(), 200);
  const auto message = phone.receive().value_or("nothing");
  EXPECT_THAT(message, HasSubstr("\r\n\r\nk=2\r\nc=hold"));  // key 1 is known to be lit
}

TEST(Transports, BadRequestsAreAnsweredBeforeTheConnectionEnds) {
  ServerFixture server(kBoth);
  ASSERT_TRUE(server.running()) << server.error();
  StreamPhone phone("301", tcp(server));
  auto endless = phone.request("OPTIONS", "sip:127.0.0.1", "o", 1);
  endless.replace(endless.find("Content-Length: 0\r\n"), 19, "");
  phone.send(endless);
  EXPECT_THAT(phone.receive().value_or("nothing"), StartsWith("SIP/2.0 400 Missing Content-Length header\r\n"));
  EXPECT_EQ(phone.receive(), std::nullopt);
  phone.connect(tcp(server));
  auto large = phone.request("OPTIONS", "sip:127.0.0.1", "o", 2);
  large.replace(large.find("Length: 0"), 9, "Length: 99999999");
  phone.send(large);
  EXPECT_THAT(phone.receive().value_or("nothing"), StartsWith("SIP/2.0 413 "));
  EXPECT_EQ(phone.receive(), std::nullopt);
  phone.connect(tcp(server));
  phone.send(phone.request("OPTIONS", "sip:127.0.0.1", "o", 3));
  EXPECT_THAT(phone.receive().value_or("nothing"), StartsWith("SIP/2.0 200 OK\r\n"));
  EXPECT_THAT(server.http("GET", "/healthz").body, HasSubstr(R"("broken":2)"));
  EXPECT_TRUE(eventually([&] { return server->idle(); }));
}

TEST(Transports, TlsWithoutACertificateDoesNotStart) {
  config::Settings settings;
  settings.set(R"(sip.listen=["tls:127.0.0.1:0"])");
  std::string errors;
  for (const auto& error : app::check_meanings(settings)) errors += error.to_string() + "\n";
  EXPECT_THAT(errors, HasSubstr("tls.certificate: sip.listen has tls: or wss:, expected the path of a PEM file"));
  EXPECT_THAT(errors, HasSubstr("tls.key: "));
  ServerFixture server({{"sip.listen", R"(["tls:127.0.0.1:0"])"}, {"tls.certificate", "/nowhere"}, {"tls.key", "/n"}});
  EXPECT_FALSE(server.running());
  EXPECT_THAT(server.error(), HasSubstr("tls.certificate: /nowhere: No such file"));
}

}  // namespace
}  // namespace lamplighter::tests
