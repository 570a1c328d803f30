#include <gmock/gmock.h>

#include <fstream>

#include "transport/stream_test.h"
#include "transport/tls_test.h"

// TLS on a worker, with real sockets and certificates made on the spot.
namespace lamplighter::transport {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using Clients = TlsSettings::ClientCertificates;

class TlsStreams : public testing::Test {
 protected:
  TlsSettings settings() const { return {.certificate = ours_.certificate_file, .key = ours_.key_file}; }
  static StreamSettings streams(TlsSettings tls) {
    StreamSettings out;
    out.tls = TlsContext::load(std::move(tls)).value();
    return out;
  }
  static std::string load_error(TlsSettings tls) {
    const auto loaded = TlsContext::load(std::move(tls));
    return loaded ? "no error" : loaded.error();
  }
  /// Whether the server lets this phone speak: with TLS 1.3 it hears of a refusal only when it reads.
  static bool speaks(const SocketAddress& server, const TlsPeer::Options& options = {}) {
    Stream stream(server);
    TlsPeer phone(stream.fd(), options);
    return phone.connect() && phone.send(request("a")) && phone.receive(request("a").size()) == request("a");
  }

  TempFolder folder_;
  TestCertificate ours_{folder_, "pbx.example.com"};
  TestCertificate ca_{folder_, "phones-ca"};
  TestCertificate phone_{folder_, "phone", &ca_};
};

TEST_F(TlsStreams, MessagesGoBothWays) {
  StreamServer server("tls:127.0.0.1:0", streams(settings()));
  Stream stream(server.address());
  TlsPeer phone(stream.fd());
  ASSERT_TRUE(phone.connect());
  EXPECT_EQ(phone.server_name(), "pbx.example.com");
  EXPECT_EQ(phone.version(), "TLSv1.3");
  phone.send("\r\n\r\n");
  EXPECT_EQ(phone.receive(2), "\r\n");
  std::string many;
  for (int i = 0; i < 200; ++i) many += request(std::to_string(i), std::string(500, 'b'));
  std::thread writer([&] { phone.send(many); });
  writer.join();
  EXPECT_EQ(phone.receive(many.size()), many);
  const auto flow = server.echo.seen().at(0).first;
  EXPECT_EQ(flow.kind, TransportKind::kTls);
  EXPECT_TRUE(server.send(flow, std::string(100'000, 'x')));
  EXPECT_EQ(phone.receive(100'000), std::string(100'000, 'x'));
}

TEST_F(TlsStreams, OldVersionsAndWeakCiphersAreRefused) {
  StreamServer server("tls:127.0.0.1:0", streams(settings()));
  EXPECT_TRUE(speaks(server.address(), {.max_version = TLS1_2_VERSION}));
  EXPECT_FALSE(speaks(server.address(), {.max_version = TLS1_1_VERSION, .ciphers = "ALL:@SECLEVEL=0"}));
  EXPECT_FALSE(speaks(server.address(), {.max_version = TLS1_2_VERSION, .ciphers = "AES128-SHA"}));
  EXPECT_TRUE(eventually([&] { return server.counters().handshakes_failed.value() == 2; }));
  auto strict = settings();
  strict.only_tls13 = true;
  StreamServer other("tls:127.0.0.1:0", streams(strict));
  EXPECT_TRUE(speaks(other.address()));
  EXPECT_FALSE(speaks(other.address(), {.max_version = TLS1_2_VERSION}));
}

TEST_F(TlsStreams, SipInClearTextIsNoHandshake) {
  StreamServer server("tls:127.0.0.1:0", streams(settings()));
  Stream phone(server.address());
  phone.send(request("a"));
  phone.receive_all();
  EXPECT_TRUE(eventually([&] { return server.counters().handshakes_failed.value() == 1; }));
  EXPECT_TRUE(server.echo.seen().empty());
}

TEST_F(TlsStreams, AHandshakeHasADeadline) {
  auto wanted = streams(settings());
  wanted.first_message = 30ms;
  StreamServer server("tls:127.0.0.1:0", wanted);
  Stream silent(server.address());
  Stream slow(server.address());
  slow.send("\x16\x03\x01");
  EXPECT_EQ(silent.receive_all(), "");
  EXPECT_EQ(slow.receive_all(), "");
  EXPECT_EQ(server.counters().slow_senders.value(), 2u);
}

TEST_F(TlsStreams, AHandshakeIsNoMessage) {
  auto wanted = streams(settings());
  wanted.first_message = 2s;  // enough for a handshake on a machine that has other things to do
  StreamServer server("tls:127.0.0.1:0", wanted);
  Stream stream(server.address());
  TlsPeer phone(stream.fd());
  ASSERT_TRUE(phone.connect());  // and then says nothing
  EXPECT_EQ(phone.receive(1), "");
  EXPECT_TRUE(eventually([&] { return server.counters().slow_senders.value() == 1; }));
}

TEST_F(TlsStreams, ClientCertificatesAreCheckedWhenAskedFor) {
  TestCertificate stranger(folder_, "stranger");
  auto wanted = settings();
  wanted.ca = ca_.certificate_file;
  for (const auto clients : {Clients::kNo, Clients::kOptional, Clients::kRequired}) {
    wanted.client_certificates = clients;
    StreamServer server("tls:127.0.0.1:0", streams(wanted));
    EXPECT_TRUE(speaks(server.address(), {.own = &phone_}));
    EXPECT_EQ(speaks(server.address()), clients != Clients::kRequired);
    EXPECT_EQ(speaks(server.address(), {.own = &stranger}), clients == Clients::kNo);
  }
}

TEST_F(TlsStreams, ANewCertificateIsTakenWithoutARestart) {
  auto wanted = streams(settings());
  const auto tls = wanted.tls;
  StreamServer server("tls:127.0.0.1:0", std::move(wanted));
  Stream old_stream(server.address());
  TlsPeer old_phone(old_stream.fd());
  ASSERT_TRUE(old_phone.connect());
  EXPECT_FALSE(tls->files_changed());

  TestCertificate renewed(folder_, "renewed.example.com");
  renewed.write(ours_.certificate_file, ours_.key_file);
  EXPECT_TRUE(tls->files_changed());
  ASSERT_TRUE(tls->reload());
  EXPECT_FALSE(tls->files_changed());
  Stream stream(server.address());
  TlsPeer phone(stream.fd());
  ASSERT_TRUE(phone.connect());
  EXPECT_EQ(phone.server_name(), "renewed.example.com");
  old_phone.send(request("a"));
  EXPECT_EQ(old_phone.receive(request("a").size()), request("a"));

  // Half a renewal: the one before stays, and is not tried again until a file changes.
  ours_.write(ours_.certificate_file, folder_.file("elsewhere"));
  const auto failed = tls->reload();
  ASSERT_FALSE(failed);
  EXPECT_THAT(failed.error(), HasSubstr("is not the key of"));
  EXPECT_FALSE(tls->files_changed());
  Stream third_stream(server.address());
  TlsPeer third(third_stream.fd());
  ASSERT_TRUE(third.connect());
  EXPECT_EQ(third.server_name(), "renewed.example.com");
}

TEST_F(TlsStreams, SaysWhatIsWrongWithItsFiles) {
  auto wanted = settings();
  wanted.certificate = folder_.file("nowhere.pem");
  EXPECT_EQ(load_error(wanted), "tls.certificate: " + wanted.certificate + ": No such file or directory");
  wanted = settings();
  wanted.key = wanted.certificate;
  EXPECT_THAT(load_error(wanted), HasSubstr("tls.key: " + wanted.key));
  wanted = settings();
  wanted.key = ca_.key_file;
  EXPECT_EQ(load_error(wanted), "tls.key: " + wanted.key + " is not the key of " + wanted.certificate);
  wanted = settings();
  std::ofstream(folder_.file("text")) << "no certificate";
  wanted.certificate = folder_.file("text");
  EXPECT_THAT(load_error(wanted), HasSubstr("expected a file in PEM format"));
  wanted = settings();
  wanted.client_certificates = Clients::kRequired;
  wanted.ca = folder_.file("nowhere.pem");
  EXPECT_THAT(load_error(wanted), HasSubstr("tls.ca: "));
  wanted = settings();
  wanted.ciphers = "ROT13";
  EXPECT_THAT(load_error(wanted), HasSubstr("tls.ciphers: \"ROT13\""));
}

TEST_F(TlsStreams, APeerThatHangsUpDoesNoHarm) {
  StreamServer server("tls:127.0.0.1:0", streams(settings()));
  for (int i = 0; i < 20; ++i) {
    Stream stream(server.address());
    TlsPeer phone(stream.fd());
    ASSERT_TRUE(phone.connect());
    for (int j = 0; j < i; ++j) phone.send(request("a", std::string(1000, 'x')));
    const linger reset{1, 0};
    ::setsockopt(stream.fd(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  }
  EXPECT_TRUE(eventually([&] { return server.counters().closed.value() == 20; }));
  EXPECT_TRUE(speaks(server.address()));
}

}  // namespace
}  // namespace lamplighter::transport
