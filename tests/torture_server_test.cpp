#include <fmt/format.h>
#include <gmock/gmock.h>

#include <fstream>
#include <iterator>

#include "server_fixture.h"
#include "sip/headers.h"
#include "sip/message.h"

// The torture messages of RFC 4475 and RFC 5118 against a running server: the right status code, or silence. The
// parser's own verdicts are in src/sip/torture_test.cpp.
namespace lamplighter::tests {
namespace {

constexpr int kSilence = 0;

struct Torture {
  const char* file;
  std::vector<int> allowed;  ///< statuses of the first final answer
};

std::string read(const std::string& name) {
  std::ifstream file(std::string(LAMPLIGHTER_SOURCE_DIR "/tests/corpus/") + name, std::ios::binary);
  EXPECT_TRUE(file) << name;
  std::string bytes{std::istreambuf_iterator<char>(file), {}};
  if (!name.starts_with("rfc5118/")) return bytes;
  std::string crlf;  // that archive has bare LFs, and two files lack the empty line
  for (const char c : bytes) crlf.append(c == '\n' ? "\r\n" : std::string(1, c));
  if (crlf.find("\r\n\r\n") == std::string::npos) crlf += "\r\n";
  // ipv6-in-sdp promises 17 bytes more than it has; its subject is the addresses.
  if (const auto at = crlf.find("Content-Length: 268"); at != std::string::npos)
    crlf.replace(at, 19, "Content-Length: 251");
  return crlf;
}

/// Where a server without `rport` in the Via must send its answer: the port the Via names (RFC 3261 §18.2.2).
std::uint16_t answer_port(const std::string& bytes) {
  sip::Message message;
  (void)message.parse(bytes);
  const auto* via = message.top_via();
  return via && via->port != 0 ? via->port : std::uint16_t{5060};
}

/// Each message meets a server of its own: several of them share a branch, and would be taken for retransmissions.
class TortureServer : public testing::TestWithParam<Torture> {
 protected:
  ServerFixture server_{{{"sip.workers", "1"},
                         {"sip.domains",
                          R"(["example.com", "example.org", "example.net", "chair-dnrc.example.com",
                              "services.example.com", "registrar.example.com", "company.com"])"}}};
};

/// A registration, which the server answers after everything sent before it: one worker takes datagrams in order, and
/// one store commits in order.
std::string ping(std::uint16_t port) {
  return fmt::format(
      "REGISTER sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{0};branch=z9hG4bKping{0}{2}\r\n"
      "From: <sip:ping@127.0.0.1>;tag=p\r\nTo: <sip:ping@127.0.0.1>\r\nCall-ID: ping-{1}-{2}\r\nCSeq: 1 REGISTER\r\n"
      "Contact: <sip:ping@127.0.0.1:{0}>\r\nMax-Forwards: 70\r\n\r\n",
      port, ::getpid(), testing::UnitTest::GetInstance()->current_test_info()->name());
}

TEST_P(TortureServer, GetsItsStatusOrSilence) {
  ASSERT_TRUE(server_.running()) << server_.error();
  const auto bytes = read(std::string(GetParam().file) + ".dat");
  // An address of this process's own, so that the fixed ports of the Vias are free.
  const auto pid = static_cast<std::uint32_t>(::getpid());
  const SocketAddress local{IpAddress::v4(0x7f400000U | (pid & 0x3fffU) << 8 | 9U), answer_port(bytes)};
  Peer peer(local);
  peer.send(server_.sip(), bytes);
  peer.send(server_.sip(), ping(local.port));

  int answer = kSilence;
  for (;;) {
    const auto got = peer.receive();
    ASSERT_TRUE(got) << "the server no longer answers";
    if (got->find("Call-ID: ping-") != std::string::npos) break;
    if (answer < 200) answer = status_of(*got);
  }
  EXPECT_THAT(GetParam().allowed, testing::Contains(answer));
}

std::string test_name(const testing::TestParamInfo<Torture>& info) {
  std::string name = info.param.file;
  std::ranges::replace_if(name, [](char c) { return !std::isalnum(static_cast<unsigned char>(c)); }, '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(
    Rfc4475, TortureServer,
    testing::Values(
        // Valid: acted on. Nobody is registered, so calls find no one; registrations are made.
        Torture{"rfc4475/wsinv", {404}}, Torture{"rfc4475/intmeth", {404}}, Torture{"rfc4475/esc01", {404}},
        Torture{"rfc4475/escnull", {200}}, Torture{"rfc4475/esc02", {404, 405}}, Torture{"rfc4475/lwsdisp", {404}},
        Torture{"rfc4475/longreq", {404}}, Torture{"rfc4475/dblreq", {200}}, Torture{"rfc4475/semiuri", {404}},
        Torture{"rfc4475/transports", {404}}, Torture{"rfc4475/mpart01", {403}}, Torture{"rfc4475/inv2543", {404}},
        Torture{"rfc4475/badbranch", {404}}, Torture{"rfc4475/unreason", {kSilence}},
        Torture{"rfc4475/noreason", {kSilence}},
        // Refused.
        Torture{"rfc4475/badinv01", {400}}, Torture{"rfc4475/clerr", {400}}, Torture{"rfc4475/ncl", {400}},
        Torture{"rfc4475/scalar02", {400}}, Torture{"rfc4475/quotbal", {400}}, Torture{"rfc4475/ltgtruri", {400}},
        Torture{"rfc4475/lwsruri", {400}}, Torture{"rfc4475/lwsstart", {400}}, Torture{"rfc4475/trws", {400}},
        Torture{"rfc4475/escruri", {400}}, Torture{"rfc4475/baddate", {400}}, Torture{"rfc4475/regbadct", {400}},
        Torture{"rfc4475/badaspec", {400}}, Torture{"rfc4475/baddn", {400}}, Torture{"rfc4475/mismatch01", {400}},
        Torture{"rfc4475/mismatch02", {400, 501}}, Torture{"rfc4475/badvers", {505}}, Torture{"rfc4475/insuf", {400}},
        Torture{"rfc4475/multi01", {400}}, Torture{"rfc4475/mcl01", {400}}, Torture{"rfc4475/unkscm", {416}},
        Torture{"rfc4475/novelsc", {416}}, Torture{"rfc4475/bext01", {420}}, Torture{"rfc4475/zeromf", {483, 200}},
        Torture{"rfc4475/test", {kSilence, 400}},
        // Responses to drop.
        Torture{"rfc4475/scalarlg", {kSilence}}, Torture{"rfc4475/bigcode", {kSilence}},
        Torture{"rfc4475/bcast", {kSilence}},
        // A proxy forwards what an endpoint would refuse; a registrar takes or refuses.
        Torture{"rfc4475/invut", {404}}, Torture{"rfc4475/sdp01", {404}}, Torture{"rfc4475/unksm2", {404}},
        Torture{"rfc4475/regaut01", {200, 401}}, Torture{"rfc4475/cparam01", {200}}, Torture{"rfc4475/cparam02", {200}},
        Torture{"rfc4475/regescrt", {200}}),
    test_name);

INSTANTIATE_TEST_SUITE_P(
    Rfc5118, TortureServer,
    testing::Values(Torture{"rfc5118/ipv6-bad", {400}},
                    // Valid, for domains that are not ours: a registrar that is not this one, and no relay.
                    Torture{"rfc5118/ipv6-good", {403}}, Torture{"rfc5118/port-ambiguous", {403}},
                    Torture{"rfc5118/port-unambiguous", {403}}, Torture{"rfc5118/ipv6-in-sdp", {403}},
                    Torture{"rfc5118/mult-ip-in-sdp", {403}}, Torture{"rfc5118/mult-ip-in-header", {403}},
                    Torture{"rfc5118/via-received-param-no-delim", {403}},
                    Torture{"rfc5118/via-received-param-with-delim", {403}},
                    Torture{"rfc5118/ipv6-bug-abnf-3-colons", {403}},
                    Torture{"rfc5118/ipv6-correct-abnf-2-colons", {403}}, Torture{"rfc5118/ipv4-mapped-ipv6", {404}}),
    test_name);

TEST(TortureServerAfterwards, NoTableHasGrown) {
  ServerFixture server({{"sip.workers", "1"}, {"sip.t1", "10ms"}, {"sip.t2", "40ms"}, {"sip.t4", "50ms"}});
  ASSERT_TRUE(server.running()) << server.error();
  Peer peer;
  for (const auto* info : {"rfc4475/wsinv", "rfc4475/longreq", "rfc4475/clerr", "rfc4475/dblreq", "rfc4475/inv2543"}) {
    peer.send(server.sip(), read(std::string(info) + ".dat"));
  }
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{30};
  while ((server->totals().requests < 5 || !server->idle()) && std::chrono::steady_clock::now() < deadline)
    (void)peer.receive(std::chrono::milliseconds{20});
  EXPECT_EQ(server->totals().requests, 5u);
  EXPECT_TRUE(server->idle());
}

}  // namespace
}  // namespace lamplighter::tests
