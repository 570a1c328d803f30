#include <fmt/format.h>
#include <gmock/gmock.h>

#include "server_fixture.h"
#include "sip/headers.h"
#include "sip/message.h"

// A whole server on real sockets: the path of a press, and what a restart keeps.
namespace lamplighter::tests {
namespace {

struct Phone {
  Peer peer;
  std::string user = "101";
  int count = 0;

  std::string request(const std::string& method, const std::string& uri, const std::string& extra) {
    const auto address = peer.address().to_string();
    ++count;
    return fmt::format(
        "{0} {1} SIP/2.0\r\nVia: SIP/2.0/UDP {2};rport;branch=z9hG4bK{3}{4}\r\nMax-Forwards: 70\r\n"
        "From: <sip:{3}@127.0.0.1>;tag=p{4}\r\nTo: <{1}>\r\nCall-ID: {3}-{4}\r\nCSeq: {4} {0}\r\n"
        "Contact: <sip:{3}@{2};line=abc>\r\nUser-Agent: snom370/8.4.35\r\n{5}Content-Length: 0\r\n\r\n",
        method, uri, address, user, count, extra);
  }
};

//  phone            server
//    | INVITE 431     |
//    |--------------->|
//    |<----- 404 -----|  Not a call
//    |<--- MESSAGE ---|
TEST(FirstMinute, EveryNumberOfTheTutorialLightsItsLamp) {
  ServerFixture server;
  ASSERT_TRUE(server.running()) << server.error();
  const std::map<std::string, std::string> tutorial = {
      {"431", "on"},      {"432", "off"},     {"433", "hold"},   {"434", "park"},   {"435", "pickup"},
      {"436", "message"}, {"437", "offline"}, {"438", "seized"}, {"439", "record"}, {"440", "error"}};
  for (const auto& [number, light] : tutorial) {
    Phone phone;
    phone.peer.send(server.sip(), phone.request("INVITE", "sip:" + number + "@127.0.0.1", {}));
    EXPECT_THAT(phone.peer.receive().value_or(""), testing::StartsWith("SIP/2.0 404 Not a call\r\n"));
    const auto lamp = phone.peer.receive().value_or("");
    EXPECT_THAT(lamp, testing::StartsWith(
                          fmt::format("MESSAGE sip:101@{};line=abc SIP/2.0\r\n", phone.peer.address().to_string())));
    EXPECT_THAT(lamp, testing::HasSubstr("\r\nFrom: <sip:server@127.0.0.1>;tag="));
    EXPECT_THAT(lamp, testing::HasSubstr("\r\nContent-Type: application/x-buttons\r\n"));
    const auto body = fmt::format("k=2\r\nc={0}\r\nn=432\r\na=invite\r\nl=Light is {0}", light);
    EXPECT_THAT(lamp, testing::EndsWith(fmt::format("Content-Length: {}\r\n\r\n{}", body.size(), body)));
  }
  EXPECT_EQ(server->totals().presses, 10u);
}

TEST(FirstMinute, KeyNumberAndLabelAreSettings) {
  ServerFixture server{{{"dial.key", "3"}, {"dial.number", "99"}, {"dial.label", "Lamp {light}"}}};
  ASSERT_TRUE(server.running()) << server.error();
  Phone phone;
  phone.peer.send(server.sip(), phone.request("INVITE", "sip:431@127.0.0.1", {}));
  EXPECT_EQ(status_of(phone.peer.receive().value_or("")), 404);
  EXPECT_THAT(phone.peer.receive().value_or(""), testing::EndsWith("k=3\r\nc=on\r\nn=99\r\na=invite\r\nl=Lamp on"));
}

TEST(FirstMinute, RegistrationsAreThereAfterARestart) {
  TempFolder folder;
  Phone phone;
  SocketAddress address;
  {
    ServerFixture server({}, &folder);
    ASSERT_TRUE(server.running()) << server.error();
    address = server.sip();
    phone.peer.send(address, phone.request("REGISTER", "sip:101@127.0.0.1", "Expires: 3600\r\n"));
    EXPECT_EQ(status_of(phone.peer.receive().value_or("")), 200);
  }
  ServerFixture server(ServerFixture::Values{{"sip.listen", "udp:" + address.to_string()}}, &folder);
  ASSERT_TRUE(server.running()) << server.error();
  EXPECT_EQ(server->totals().bindings, 1u);
  // And it is called there.
  Phone caller{.peer = Peer(), .user = "102"};
  caller.peer.send(server.sip(), caller.request("INVITE", "sip:101@127.0.0.1", {}));
  EXPECT_THAT(phone.peer.receive().value_or(""), testing::StartsWith("INVITE sip:101@"));
}

TEST(FirstMinute, WorksOverIpv6) {
  ServerFixture server({{"sip.listen", "udp:[::1]:0"}, {"auth.trusted", R"(["::1/128"])"}});
  ASSERT_TRUE(server.running()) << server.error();
  Phone phone{.peer = Peer(SocketAddress::parse("[::1]:0").value())};
  phone.peer.send(server.sip(), phone.request("INVITE", "sip:431@[::1]", {}));
  EXPECT_EQ(status_of(phone.peer.receive().value_or("")), 404);
  EXPECT_THAT(phone.peer.receive().value_or(""), testing::HasSubstr("\r\nFrom: <sip:server@[::1]>;tag="));
}

TEST(FirstMinute, ManyWorkersServeManyPhones) {
  ServerFixture server(ServerFixture::Values{{"sip.workers", "4"}});
  ASSERT_TRUE(server.running()) << server.error();
  std::vector<std::unique_ptr<Phone>> phones;
  for (int i = 0; i < 40; ++i) {
    phones.push_back(std::make_unique<Phone>());
    phones.back()->user = std::to_string(200 + i);
    phones.back()->peer.send(server.sip(),
                             phones.back()->request("REGISTER", "sip:" + phones.back()->user + "@127.0.0.1", {}));
    EXPECT_EQ(status_of(phones.back()->peer.receive().value_or("")), 200);
  }
  EXPECT_EQ(server->totals().bindings, 40u);
  // Each calls the next one, whichever worker that is on.
  for (std::size_t i = 0; i + 1 < phones.size(); ++i) {
    phones[i]->peer.send(server.sip(), phones[i]->request("MESSAGE", "sip:" + phones[i + 1]->user + "@127.0.0.1", {}));
    const auto got = phones[i + 1]->peer.receive().value_or("");
    ASSERT_THAT(got, testing::StartsWith("MESSAGE sip:" + phones[i + 1]->user));
    sip::Message message;
    ASSERT_TRUE(message.parse(got));
    std::string answer = "SIP/2.0 200 OK\r\n";
    for (const auto& field : message.headers()) {
      if (field.id != sip::HeaderId::kContact && field.id != sip::HeaderId::kUserAgent) answer += message.line(field);
    }
    phones[i + 1]->peer.send(server.sip(), answer + "\r\n");
    EXPECT_EQ(status_of(phones[i]->peer.receive().value_or("")), 200);
  }
}

}  // namespace
}  // namespace lamplighter::tests
