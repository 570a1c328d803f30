#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sqlite3.h>

#include <filesystem>
#include <fstream>

#include "server_fixture.h"

// What an administrator meets at 2 a.m.: each gets a clear error, and what can go on goes on.
namespace lamplighter::tests {
namespace {

std::string register_as(const std::string& user, const Peer& peer, int cseq) {
  const auto address = peer.address().to_string();
  return fmt::format(
      "REGISTER sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP {0};rport;branch=z9hG4bK{1}{2}\r\nMax-Forwards: 70\r\n"
      "From: <sip:{1}@127.0.0.1>;tag=r\r\nTo: <sip:{1}@127.0.0.1>\r\nCall-ID: reg-{1}\r\nCSeq: {2} REGISTER\r\n"
      "Contact: <sip:{1}@{0};padding={3}>\r\nExpires: 3600\r\nContent-Length: 0\r\n\r\n",
      address, user, cseq, std::string(600, 'x'));
}

std::string press_431(const Peer& peer, const std::string& branch) {
  const auto address = peer.address().to_string();
  return fmt::format(
      "INVITE sip:431@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP {0};rport;branch=z9hG4bK{1}\r\nMax-Forwards: 70\r\n"
      "From: <sip:101@127.0.0.1>;tag=p\r\nTo: <sip:431@127.0.0.1>\r\nCall-ID: {1}\r\nCSeq: 1 INVITE\r\n"
      "Contact: <sip:101@{0};line=abc>\r\nUser-Agent: snom370/8.4.35\r\nContent-Length: 0\r\n\r\n",
      address, branch);
}

TEST(BadDay, APortInUseIsNamedWithAHint) {
  ServerFixture first;
  ASSERT_TRUE(first.running()) << first.error();
  ServerFixture second(ServerFixture::Values{{"sip.listen", "udp:" + first.sip().to_string()}});
  ASSERT_FALSE(second.running());
  EXPECT_THAT(second.error(), testing::HasSubstr(first.sip().to_string()));
  EXPECT_THAT(second.error(), testing::HasSubstr("in use"));
  EXPECT_THAT(second.error(), testing::HasSubstr("ss -"));
}

TEST(BadDay, AnHttpPortInUseIsNamedToo) {
  ServerFixture first;
  ASSERT_TRUE(first.running()) << first.error();
  ServerFixture second(ServerFixture::Values{{"http.listen", first->http_address()}});
  ASSERT_FALSE(second.running());
  EXPECT_THAT(second.error(), testing::HasSubstr(first->http_address()));
}

TEST(BadDay, ADatabaseThatCannotBeWrittenIsNamed) {
  TempFolder folder;
  std::ofstream(folder.file("a-file")) << "not a folder";
  ServerFixture server(ServerFixture::Values{{"store.path", folder.file("a-file/lamplighter.db")}});
  ASSERT_FALSE(server.running());
  EXPECT_THAT(server.error(), testing::HasSubstr(folder.file("a-file")));
}

TEST(BadDay, ADatabaseOfANewerVersionIsLeftAlone) {
  TempFolder folder;
  {
    ServerFixture server({}, &folder);
  }
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open(folder.file("lamplighter.db").c_str(), &database), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(database, "PRAGMA user_version = 99", nullptr, nullptr, nullptr), SQLITE_OK);
  sqlite3_close(database);
  ServerFixture server({}, &folder);
  ASSERT_FALSE(server.running());
  EXPECT_THAT(server.error(), testing::HasSubstr("newer"));
  EXPECT_THAT(server.error(), testing::HasSubstr("99"));
}

TEST(BadDay, AFullDiskRefusesNewRegistrationsAndTheRestGoesOn) {
  TempFolder folder;
  ServerFixture server(ServerFixture::Values{{"sip.workers", "1"}}, &folder);
  ASSERT_TRUE(server.running()) << server.error();
  Peer phone;
  phone.send(server.sip(), register_as("101", phone, 1));
  EXPECT_EQ(status_of(phone.receive().value_or("")), 200);
  {
    SpoiltDisk full(std::filesystem::file_size(folder.file("lamplighter.db-wal")));
    phone.send(server.sip(), register_as("102", phone, 1));
    const auto refused = phone.receive().value_or("");
    EXPECT_EQ(status_of(refused), 500);
    EXPECT_THAT(refused, testing::HasSubstr("could not be stored"));

    // Lamps still light, and phones that were registered are still called.
    phone.send(server.sip(), press_431(phone, "full"));
    EXPECT_EQ(status_of(phone.receive().value_or("")), 404);
    EXPECT_THAT(phone.receive().value_or(""), testing::HasSubstr("c=on"));
    EXPECT_EQ(server->totals().phones, 1u);
  }
  // Space is back: the next registration is taken without a restart.
  phone.send(server.sip(), register_as("103", phone, 1));
  std::string answer;
  do {
    answer = phone.receive().value_or("none");
  } while (answer.starts_with("MESSAGE"));
  EXPECT_EQ(status_of(answer), 200);
}

TEST(BadDay, MalformedDatagramsOfEverySizeAreSurvived) {
  ServerFixture server(ServerFixture::Values{{"sip.workers", "1"}});
  ASSERT_TRUE(server.running()) << server.error();
  Peer peer;
  for (const std::size_t size : {0u, 1u, 2u, 17u, 1400u, 65000u}) {
    peer.send(server.sip(), std::string(size, '\0'));
    peer.send(server.sip(), std::string(size, 'A'));
    peer.send(server.sip(), "INVITE " + std::string(size, ' ') + "\r\n\r\n");
  }
  Peer phone;
  phone.send(server.sip(), register_as("101", phone, 1));
  EXPECT_EQ(status_of(phone.receive().value_or("")), 200);
}

}  // namespace
}  // namespace lamplighter::tests
