#include "server/registrar.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/table_test_support.h"
#include "sip/headers.h"
#include "sip/uri.h"
#include "store/memory_store.h"

namespace lamplighter::server {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

constexpr std::string_view kAor = "101@192.0.2.1";

bool equivalent(std::string_view a, std::string_view b) {
  const auto left = sip::parse_uri(a);
  const auto right = sip::parse_uri(b);
  return left && right && sip::equivalent(*left, *right);
}

class RegistrarTest : public testing::Test {
 protected:
  /// A REGISTER with these header lines; each has a branch of its own.
  std::string text(std::string_view headers, std::string_view call_id = "call-1") {
    return fmt::format(
        "REGISTER sip:192.0.2.1 SIP/2.0\r\n"
        "Via: SIP/2.0/UDP 192.0.2.17:2048;branch=z9hG4bK-{1};rport\r\n"
        "Max-Forwards: 70\r\n"
        "From: <sip:101@192.0.2.1>;tag=a\r\n"
        "To: <sip:101@192.0.2.1>\r\n"
        "Call-ID: {0}\r\n"
        "CSeq: {1} REGISTER\r\n"
        "User-Agent: snom370/8.4.35\r\n"
        "{2}"
        "Content-Length: 0\r\n\r\n",
        call_id, ++cseq, headers);
  }

  /// Puts one in, runs the store and the worker until they are idle, and gives the response.
  std::string answer(std::string_view headers, std::string_view call_id = "call-1") {
    const auto before = net.sender.sent.size();
    net.request(text(headers, call_id));
    settle();
    return net.since(before);
  }
  void settle() {
    while (!disk.tasks.empty() || !worker.tasks.empty()) {
      disk.run();
      worker.run();
    }
  }
  std::vector<location::Binding> bound() {
    std::vector<location::Binding> all;
    location.lookup(kAor, net.clock.wall(), all);
    return all;
  }

  std::uint32_t cseq = 0;
  FakeExecutor disk;    // the store's thread
  FakeExecutor worker;  // the worker's mailbox
  store::MemoryStore store{&disk};
  location::Location location{{.contacts_per_aor = 3}, equivalent};
  TableHarness net{[this](auto id, const auto& request, const auto& flow, auto now) {
    registrar.on_register(id, request, flow, kAor, now);
  }};
  Responder responder{net.table, ""};
  Registrar registrar{RegistrarSettings{.default_expires = 3600s, .min_expires = 60s, .max_expires = 7200s},
                      location,
                      store,
                      responder,
                      worker,
                      net.clock,
                      [this](std::string_view aor) { changed.emplace_back(aor); }};
  std::vector<std::string> changed;  ///< AORs whose contacts changed, as the registrar told it
};

//  phone          worker          store
//    | REGISTER     |               |
//    |------------->| change ------>|
//    |              |               | committed
//    |<---- 200 ----|<--------------|
TEST_F(RegistrarTest, TheAnswerWaitsForTheStore) {
  const auto request = text("Contact: <sip:101@192.0.2.17:2048;line=ab12>\r\nExpires: 600\r\n");
  EXPECT_THAT(net.request(request), IsEmpty());
  EXPECT_THAT(bound(), IsEmpty()) << "not visible before it is durable";
  disk.run();
  EXPECT_THAT(net.sender.sent, IsEmpty()) << "the answer leaves from the worker";
  worker.run();
  const auto response = net.since(0);
  EXPECT_THAT(response, StartsWith("SIP/2.0 200 OK\r\n"));
  EXPECT_THAT(response, HasSubstr("\r\nContact: <sip:101@192.0.2.17:2048;line=ab12>;expires=600\r\n"));
  EXPECT_THAT(response, HasSubstr("\r\nDate: Tue, 14 Nov 2023 22:13:20 GMT\r\n"));
  ASSERT_EQ(bound().size(), 1u);
  EXPECT_EQ(bound()[0].user_agent, "snom370/8.4.35");
  EXPECT_EQ(bound()[0].flow, net.flow);
  EXPECT_EQ(store.bindings(), 1u);
  EXPECT_EQ(registrar.counters().accepted.value(), 1u);
}

TEST_F(RegistrarTest, ARetransmissionWhileTheStoreWorksIsNotASecondRegistration) {
  const auto request = text("Contact: <sip:101@192.0.2.17>\r\n");
  net.request(request);
  net.request(request);
  EXPECT_EQ(disk.tasks.size(), 1u);
  settle();
  EXPECT_EQ(net.sender.sent.size(), 1u);
}

TEST_F(RegistrarTest, AQueryIsAnsweredAtOnceWithAllContacts) {
  answer("Contact: <sip:101@192.0.2.17>;q=0.5, <sip:101@192.0.2.18>;q=0.25\r\n");
  net.clock.advance(100s);
  const auto response = net.request(text("", "call-2"));
  EXPECT_THAT(response, StartsWith("SIP/2.0 200 OK\r\n"));
  EXPECT_THAT(response, HasSubstr("Contact: <sip:101@192.0.2.17>;expires=3500;q=0.500\r\n"
                                  "Contact: <sip:101@192.0.2.18>;expires=3500;q=0.250\r\n"));
  EXPECT_THAT(disk.tasks, IsEmpty());
}

TEST_F(RegistrarTest, TheContactsOwnExpiryCountsBeforeTheHeaderBeforeTheDefault) {
  EXPECT_THAT(answer("Contact: <sip:a@h>;expires=100, <sip:b@h>\r\nExpires: 200\r\n"),
              AllOf(HasSubstr("<sip:a@h>;expires=100"), HasSubstr("<sip:b@h>;expires=200")));
  EXPECT_THAT(answer("Contact: <sip:c@h>\r\n"), HasSubstr("<sip:c@h>;expires=3600"));
}

TEST_F(RegistrarTest, TooLongIsCutToTheMaximum) {
  EXPECT_THAT(answer("Contact: <sip:a@h>;expires=4294967296\r\n"), HasSubstr(";expires=7200"));
}

TEST_F(RegistrarTest, TooBriefIsAnsweredWithTheMinimum) {
  const auto response = answer("Contact: <sip:a@h>;expires=59\r\n");
  EXPECT_THAT(response, StartsWith("SIP/2.0 423 Interval Too Brief\r\n"));
  EXPECT_THAT(response, HasSubstr("\r\nMin-Expires: 60\r\n"));
  EXPECT_THAT(bound(), IsEmpty());
  EXPECT_THAT(answer("Contact: <sip:a@h>;expires=60\r\n"), StartsWith("SIP/2.0 200"));
  EXPECT_EQ(registrar.counters().refused.value(), 1u);
}

TEST_F(RegistrarTest, AnExpiryNobodyCanReadIsAnHour) {
  EXPECT_THAT(answer("Contact: <sip:a@h>;expires=soon\r\n"), HasSubstr(";expires=3600"));
}

TEST_F(RegistrarTest, ExpiresZeroUnregistersThatContact) {
  answer("Contact: <sip:a@h>, <sip:b@h>\r\n");
  const auto response = answer("Contact: <sip:a@h>;expires=0\r\n");
  EXPECT_THAT(response, AllOf(StartsWith("SIP/2.0 200"), HasSubstr("<sip:b@h>"), Not(HasSubstr("<sip:a@h>"))));
  EXPECT_EQ(store.bindings(), 1u);
}

TEST_F(RegistrarTest, TheStarUnregistersEverything) {
  answer("Contact: <sip:a@h>, <sip:b@h>\r\n");
  const auto response = answer("Contact: *\r\nExpires: 0\r\n");
  EXPECT_THAT(response, AllOf(StartsWith("SIP/2.0 200"), Not(HasSubstr("Contact:"))));
  EXPECT_THAT(bound(), IsEmpty());
  EXPECT_EQ(store.bindings(), 0u);
}

TEST_F(RegistrarTest, TheStarNeedsExpiresZeroAndNoCompany) {
  for (const auto* headers :
       {"Contact: *\r\n", "Contact: *\r\nExpires: 60\r\n", "Contact: *, <sip:a@h>\r\nExpires: 0\r\n",
        "Contact: <sip:a@h>\r\nContact: *\r\nExpires: 0\r\n"}) {
    EXPECT_THAT(answer(headers), StartsWith("SIP/2.0 400 ")) << headers;
  }
}

TEST_F(RegistrarTest, MalformedContactsAreNamed) {
  for (const auto* headers : {"Contact: <sip:a@h\r\n", "Contact: nonsense\r\n", "Contact: <sip:a@h>;q=2\r\n"}) {
    EXPECT_THAT(answer(headers), AllOf(StartsWith("SIP/2.0 400 "), HasSubstr("Contact"))) << headers;
  }
  EXPECT_THAT(answer(fmt::format("Contact: <sip:{}@h>\r\n", std::string(1100, 'a'))),
              StartsWith("SIP/2.0 400 Bad Contact header"));
  EXPECT_THAT(bound(), IsEmpty());
}

TEST_F(RegistrarTest, OneBadContactRegistersNone) {
  EXPECT_THAT(answer("Contact: <sip:a@h>, <sip:b@h>;expires=1\r\n"), StartsWith("SIP/2.0 423"));
  EXPECT_THAT(bound(), IsEmpty());
}

TEST_F(RegistrarTest, AnOldCSeqOfTheSameCallIsRefused) {
  answer("Contact: <sip:a@h>\r\n");
  cseq -= 1;
  auto late = text("Contact: <sip:a@h>;expires=0\r\n");
  late.replace(late.find("z9hG4bK-1"), 9, "z9hG4bK-other");
  const auto before = net.sender.sent.size();
  net.request(late);
  settle();
  EXPECT_THAT(net.since(before), StartsWith("SIP/2.0 500 CSeq out of order\r\n"));
  EXPECT_EQ(bound().size(), 1u);
}

TEST_F(RegistrarTest, TheOrderHoldsWhileTheStoreWorks) {
  net.request(text("Contact: <sip:a@h>\r\n"));
  cseq -= 1;
  auto copy = text("Contact: <sip:a@h>\r\n");
  copy.replace(copy.find("z9hG4bK-1"), 9, "z9hG4bK-other");
  EXPECT_THAT(net.request(copy), StartsWith("SIP/2.0 500"));
}

TEST_F(RegistrarTest, MoreContactsThanTheLimitAreRefused) {
  EXPECT_THAT(answer("Contact: <sip:a@h>, <sip:b@h>, <sip:c@h>, <sip:d@h>\r\n"),
              StartsWith("SIP/2.0 403 Too Many Contacts\r\n"));
  EXPECT_THAT(bound(), IsEmpty());
}

TEST_F(RegistrarTest, TheInstanceReplacesThePhonesOldContactAndIsEchoed) {
  answer("Contact: <sip:101@192.0.2.17:1111>;+sip.instance=\"<urn:uuid:1>\";reg-id=1\r\n");
  const auto response =
      answer("Contact: <sip:101@192.0.2.17:2222>;+sip.instance=\"<urn:uuid:1>\";reg-id=1\r\n", "after-reboot");
  EXPECT_THAT(response,
              HasSubstr("Contact: <sip:101@192.0.2.17:2222>;expires=3600;+sip.instance=\"<urn:uuid:1>\";reg-id=1"));
  EXPECT_THAT(response, Not(HasSubstr(":1111")));
  EXPECT_EQ(store.bindings(), 1u);
}

TEST_F(RegistrarTest, ThePathIsKeptAndEchoed) {
  const auto response = answer(
      "Contact: <sip:a@h>\r\nPath: <sip:edge1.example.com;lr>, <sip:edge2.example.com;lr>\r\n"
      "Path: <sip:edge3.example.com;lr>\r\n");
  EXPECT_THAT(response, HasSubstr("Path: <sip:edge1.example.com;lr>, <sip:edge2.example.com;lr>\r\n"));
  EXPECT_THAT(response, HasSubstr("Path: <sip:edge3.example.com;lr>\r\nSupported: path\r\n"));
  ASSERT_EQ(bound().size(), 1u);
  EXPECT_EQ(bound()[0].path, "<sip:edge1.example.com;lr>, <sip:edge2.example.com;lr>, <sip:edge3.example.com;lr>");
}

TEST_F(RegistrarTest, ContactsOfOtherSchemesAreKept) {
  EXPECT_THAT(answer("Contact: <mailto:bell@example.com>, <tel:+4930123>\r\n"),
              AllOf(StartsWith("SIP/2.0 200"), HasSubstr("<mailto:bell@example.com>"), HasSubstr("<tel:+4930123>")));
}

//  phone          worker          store
//    | REGISTER     |               |
//    |------------->| change ------>|
//    |              |               X disk full
//    |<-- 500 ------|<--------------|   Retry-After: 5
TEST_F(RegistrarTest, WhatCannotBeStoredIsRefusedAndTakenLater) {
  store.fail_with(store::StoreError{store::StoreError::Kind::kFull, "lamplighter.db: disk is full"});
  const auto response = answer("Contact: <sip:a@h>\r\n");
  EXPECT_THAT(response, StartsWith("SIP/2.0 500 Registration could not be stored\r\n"));
  EXPECT_THAT(response, HasSubstr("\r\nRetry-After: 5\r\n"));
  EXPECT_THAT(bound(), IsEmpty());
  EXPECT_EQ(registrar.counters().store_failures.value(), 1u);
  EXPECT_THAT(net.request(text("")), StartsWith("SIP/2.0 200")) << "queries are still answered";

  store.fail_with(std::nullopt);
  EXPECT_THAT(answer("Contact: <sip:a@h>\r\n"), StartsWith("SIP/2.0 200"));
  EXPECT_EQ(bound().size(), 1u);
}

TEST_F(RegistrarTest, UnregisteringWhatIsNotThereNeedsNoStore) {
  EXPECT_THAT(net.request(text("Contact: <sip:a@h>;expires=0\r\n")), StartsWith("SIP/2.0 200"));
  EXPECT_THAT(disk.tasks, IsEmpty());
}

}  // namespace
}  // namespace lamplighter::server
