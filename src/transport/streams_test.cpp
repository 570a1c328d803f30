#include <gmock/gmock.h>
#include <sys/resource.h>

#include "base/log.h"
#include "transport/stream_test.h"

// TCP on a worker, with real sockets.
namespace lamplighter::transport {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::SizeIs;
using testing::StartsWith;

TEST(Streams, AnswersOnTheConnectionARequestCameOn) {
  for (const auto* any_port : {"tcp:127.0.0.1:0", "tcp:[::1]:0"}) {
    StreamServer server(any_port);
    Stream one(server.address());
    Stream two(server.address());
    EXPECT_TRUE(two.send(request("two")));
    EXPECT_EQ(two.receive(request("two").size()), request("two"));
    EXPECT_TRUE(one.send(request("one", "k=2\r\n\r\n")));
    EXPECT_EQ(one.receive(request("one", "k=2\r\n\r\n").size()), request("one", "k=2\r\n\r\n"));
    const auto flow = server.echo.seen().at(1).first;
    EXPECT_EQ(flow.remote, one.address());
    EXPECT_EQ(flow.local, server.address());
    EXPECT_EQ(flow.kind, TransportKind::kTcp);
    EXPECT_NE(flow.connection, 0u);
    EXPECT_NE(flow.generation, 0u);
    EXPECT_FALSE(is_gone(flow));
  }
}

TEST(Streams, UdpAndTcpShareAPortNumber) {
  StreamServer udp("udp:127.0.0.1:0");
  auto settings = Running::settings_for("udp:127.0.0.1:0");
  settings.listen.push_back(listen_on("tcp:127.0.0.1:0"));
  StreamServer server(settings);
  Phone phone;
  phone.send(server.address(0), "datagram");
  EXPECT_EQ(phone.receive(), "datagram");
  Stream stream(server.address(1));
  stream.send(request("a"));
  EXPECT_EQ(stream.receive(request("a").size()), request("a"));
  EXPECT_EQ(server.echo.seen().at(1).first.listener, 1);
  // A listener of the one kind is none of the other.
  auto flow = server.echo.seen().at(0).first;
  flow.listener = 1;
  EXPECT_FALSE(server.send(flow, "x"));
}

TEST(Streams, APortInUseIsAnError) {
  StreamServer server("tcp:127.0.0.1:0");
  const auto taken = "tcp:" + server.address().to_string();
  SystemClock clock;
  Worker second(Running::settings_for(taken), clock);
  const auto opened = second.open();
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error(), HasSubstr(taken + ": address already in use"));
  EXPECT_THAT(opened.error(), HasSubstr("ss -ltnp"));
  auto settings = Running::settings_for(taken);
  settings.exclusive_probe = false;
  settings.listen.push_back(listen_on("ws:" + server.address().to_string()));
  EXPECT_THAT(Worker(settings, clock).open().error(), HasSubstr("listed twice"));
}

TEST(Streams, MessagesInPiecesAndManyInOne) {
  StreamSettings settings;
  settings.write_queue = 4 << 20;  // all of it: this phone may be slow
  StreamServer server("tcp:127.0.0.1:0", settings);
  Stream phone(server.address());
  const auto message = request("pieces", std::string(300, 'x'));
  for (const char& c : message) phone.send({&c, 1});
  EXPECT_EQ(phone.receive(message.size()), message);
  std::string many;
  for (int i = 0; i < 1000; ++i) many += request(std::to_string(i), std::string(static_cast<std::size_t>(i), 'b'));
  std::thread writer([&] { phone.send(many); });
  EXPECT_EQ(phone.receive(many.size()), many);
  writer.join();
  EXPECT_EQ(server.counters().messages_in.value(), 1001u);
}

TEST(Streams, PingsArePonged) {
  StreamServer server("tcp:127.0.0.1:0");
  Stream phone(server.address());
  phone.send("\r\n\r\n");
  EXPECT_EQ(phone.receive(2), "\r\n");
  phone.send("\r\n\r\n\r\n\r\n" + request("a"));
  EXPECT_EQ(phone.receive(4 + request("a").size()), "\r\n\r\n" + request("a"));
  EXPECT_EQ(server.counters().pings.value(), 3u);
}

TEST(Streams, WhatIsNoSipEndsTheConnection) {
  StreamServer server("tcp:127.0.0.1:0");
  for (const auto* bytes : {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "\x16\x03\x01", "hello\r\n"}) {
    Stream peer(server.address());
    peer.send(bytes);
    EXPECT_EQ(peer.receive_all(), "");
  }
  EXPECT_TRUE(eventually([&] { return server.counters().closed.value() == 3; }));
  EXPECT_EQ(server.counters().broken.value(), 3u);
  EXPECT_EQ(server.echo.closed_flows(), 3u);
}

//  phone                     server
//    | request, no length       |
//    |------------------------->|   it can be answered, but what follows cannot be found
//    |<--------- answer, end ---|
TEST(Streams, ARequestWithoutALengthIsAnsweredAndThenTheConnectionEnds) {
  StreamServer server("tcp:127.0.0.1:0");
  Stream phone(server.address());
  const std::string head = "OPTIONS sip:a SIP/2.0\r\nVia: SIP/2.0/TCP b\r\n\r\n";
  phone.send(head + "what follows is anybody's guess");
  EXPECT_EQ(phone.receive_all(), head);
  EXPECT_TRUE(eventually([&] { return server.echo.closed_flows() == 1; }));
  phone.close();
  EXPECT_TRUE(eventually([&] { return server.counters().closed.value() == 1; }));
}

TEST(Streams, AConnectionThatEndsIsGoneForSendersAndNobodyElseGetsItsMessages) {
  StreamServer server("tcp:127.0.0.1:0");
  Flow flow;
  {
    Stream phone(server.address());
    phone.send(request("a"));
    EXPECT_EQ(phone.receive(request("a").size()), request("a"));
    flow = server.echo.seen().at(0).first;
    server.send(flow, "SIP/2.0 200 OK\r\n\r\n");  // nothing is owed any more
    EXPECT_TRUE(server.send(flow, "x"));
  }
  ASSERT_TRUE(eventually([&] { return server.echo.closed_flows() == 1; }));
  EXPECT_EQ(server.echo.closed.with([](auto& list) { return list.at(0); }), flow);
  Stream other(server.address());
  other.send(request("b"));
  EXPECT_EQ(other.receive(request("b").size()), request("b"));
  const auto reused = server.echo.seen().at(1).first;
  EXPECT_EQ(reused.connection, flow.connection);
  EXPECT_NE(reused.generation, flow.generation);
  EXPECT_FALSE(server.send(flow, "for the one before"));
  EXPECT_TRUE(server.send(reused, "for this one"));
  EXPECT_EQ(other.receive(12), "for this one");
}

//  phone              server
//    | request, FIN     |
//    |----------------->|   it has closed its half: it still waits for the answer
//    |<----- 200, FIN --|
TEST(Streams, AHalfClosedPeerStillGetsItsAnswer) {
  StreamServer server("tcp:127.0.0.1:0", {}, false);
  Stream phone(server.address());
  phone.send(request("a"));
  phone.end();
  ASSERT_TRUE(eventually([&] { return server.echo.seen().size() == 1; }));
  const std::string answer = "SIP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n";
  EXPECT_TRUE(server.send(server.echo.seen().at(0).first, answer));
  EXPECT_EQ(phone.receive_all(), answer);
  EXPECT_TRUE(eventually([&] { return server.echo.closed_flows() == 1; }));
}

TEST(Streams, AHalfClosedPeerIsNotWaitedForForever) {
  StreamServer server("tcp:127.0.0.1:0", {}, false);
  Stream phone(server.address());
  phone.send(request("a"));
  phone.end();
  EXPECT_EQ(phone.receive_all(), "");  // ended by the server, which nobody gave an answer
  EXPECT_TRUE(eventually([&] { return server.echo.closed_flows() == 1; }));
}

TEST(Streams, ASlowReaderIsCutOffWhenItsQueueIsFull) {
  StreamSettings settings;
  settings.write_queue = 64 * 1024;
  StreamServer server("tcp:127.0.0.1:0", settings, false);
  server.on_thread(
      [&] { server.echo.on_got = [&](const Flow& flow, std::string_view bytes) { server.worker.send(flow, bytes); }; });
  Stream phone(server.address(), 4096);
  Stream other(server.address());
  const auto large = request("a", std::string(60'000, 'x'));
  std::thread writer([&] {
    while (phone.send(large)) {
    }
  });
  EXPECT_TRUE(eventually([&] { return server.counters().slow_readers.value() == 1; }));
  writer.join();
  EXPECT_TRUE(eventually([&] { return server.echo.closed_flows() == 1; }));
  other.send(request("b"));
  EXPECT_EQ(other.receive(request("b").size()), request("b"));
}

TEST(Streams, APeerThatReadsNothingIsCutOffInTime) {
  StreamSettings settings;
  settings.message = 50ms;
  settings.write_queue = 16 << 20;
  StreamServer server("tcp:127.0.0.1:0", settings, false);
  Stream phone(server.address(), 4096);
  phone.send(request("a"));
  ASSERT_TRUE(eventually([&] { return server.echo.seen().size() == 1; }));
  EXPECT_TRUE(server.send(server.echo.seen().at(0).first, std::string(15 << 20, 'x')));
  EXPECT_TRUE(eventually([&] { return server.counters().slow_readers.value() == 1; }));
  EXPECT_TRUE(eventually([&] { return server.echo.closed_flows() == 1; }));
}

TEST(Streams, SlowlorisHasADeadlineForEachMessage) {
  StreamSettings settings;
  settings.message = 50ms;
  StreamServer server("tcp:127.0.0.1:0", settings);
  Stream phone(server.address());
  phone.send(request("a"));
  EXPECT_EQ(phone.receive(request("a").size()), request("a"));
  phone.send("MESSAGE sip:a SIP/2.0\r\n");
  std::thread drip([&] {  // a byte now and then does not help
    while (phone.send("X") && server.counters().slow_senders.value() == 0) std::this_thread::yield();
  });
  EXPECT_TRUE(eventually([&] { return server.counters().slow_senders.value() == 1; }));
  drip.join();
  EXPECT_TRUE(eventually([&] { return server.echo.closed_flows() == 1; }));
}

TEST(Streams, WhoSaysNothingIsNotKept) {
  StreamSettings settings;
  settings.first_message = 30ms;
  StreamServer server("tcp:127.0.0.1:0", settings);
  Stream silent(server.address());
  EXPECT_EQ(silent.receive_all(), "");
  EXPECT_EQ(server.counters().slow_senders.value(), 1u);
}

TEST(Streams, WhoFallsSilentIsNotKeptForever) {
  StreamSettings settings;
  settings.idle = 30ms;
  StreamServer server("tcp:127.0.0.1:0", settings);
  Stream phone(server.address());
  phone.send("\r\n\r\n");
  EXPECT_EQ(phone.receive_all(), "\r\n");
  EXPECT_EQ(server.counters().idle.value(), 1u);
}

TEST(Streams, ConnectionsAreLimitedInAllAndBySource) {
  const auto limited = [](ConnectionBudget::Limits limits) {
    StreamSettings settings;
    settings.budget = std::make_shared<ConnectionBudget>(limits);
    return settings;
  };
  const auto speak = [](Stream& stream) {
    stream.send(request("a"));
    return stream.receive(request("a").size()) == request("a");
  };
  {
    StreamServer server("tcp:127.0.0.1:0", limited({.total = 2, .per_source = 5, .unproven = 5}));
    Stream one(server.address());
    ASSERT_TRUE(speak(one));
    {
      Stream two(server.address());
      ASSERT_TRUE(speak(two));
      Stream three(server.address());
      EXPECT_EQ(three.receive_all(), "");
      EXPECT_EQ(server.counters().refused_total.value(), 1u);
      two.end();
    }
    EXPECT_TRUE(eventually([&] { return server.counters().closed.value() == 1; }));
    Stream four(server.address());
    EXPECT_TRUE(speak(four));
  }
  {
    StreamServer server("tcp:127.0.0.1:0", limited({.total = 5, .per_source = 1, .unproven = 5}));
    Stream one(server.address());
    ASSERT_TRUE(speak(one));
    EXPECT_EQ(Stream(server.address()).receive_all(), "");
    EXPECT_EQ(server.counters().refused_source.value(), 1u);
  }
  {
    StreamServer server("tcp:127.0.0.1:0", limited({.total = 5, .per_source = 5, .unproven = 1}));
    Stream one(server.address());
    ASSERT_TRUE(speak(one));
    Stream two(server.address());
    ASSERT_TRUE(eventually([&] { return server.counters().accepted.value() == 2; }));
    EXPECT_EQ(Stream(server.address()).receive_all(), "");
    EXPECT_EQ(server.counters().refused_unproven.value(), 1u);
    ASSERT_TRUE(speak(two));
  }
}

TEST(ConnectionBudget, ASixtyFourOfIpv6IsOneSource) {
  ConnectionBudget budget({.total = 10, .per_source = 1, .unproven = 10});
  using enum ConnectionBudget::Admission;
  EXPECT_EQ(budget.admit(at("[2001:db8::1]:1").ip), kWelcome);
  EXPECT_EQ(budget.admit(at("[2001:db8::2]:1").ip), kTooManyOfSource);
  EXPECT_EQ(budget.admit(at("[2001:db8:0:1::2]:1").ip), kWelcome);
  budget.release(at("[2001:db8::2]:1").ip, false);
  EXPECT_EQ(budget.admit(at("[2001:db8::3]:1").ip), kWelcome);
  EXPECT_EQ(budget.total(), 2u);
}

TEST(Streams, WithoutFileDescriptorsItWaitsAndThenGoesOn) {
  StreamServer server("tcp:127.0.0.1:0");
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  Stream first(server.address());
  first.send(request("a"));
  EXPECT_EQ(first.receive(request("a").size()), request("a"));
  // UBSan looks at what it has not seen before by means of a pipe, which it cannot have below: show it a warning.
  log::warn("transport: {}: a test takes away all descriptors: {}", server.address().to_string(),
            std::string("EMFILE"));
  // From now on there is no new descriptor; the phone's own end exists already.
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int lowest_free = ::fcntl(fd, F_DUPFD_CLOEXEC, 0);
  ::close(lowest_free);
  const rlimit none{static_cast<rlim_t>(lowest_free), before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  sockaddr_storage storage;
  const auto size = server.address().to(storage);
  EXPECT_EQ(::connect(fd, reinterpret_cast<const sockaddr*>(&storage), size), 0);
  EXPECT_TRUE(eventually([&] { return server.counters().accept_pauses.value() >= 2; }));
  first.send(request("b"));  // those that are in are served
  EXPECT_EQ(first.receive(request("b").size()), request("b"));
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_TRUE(eventually([&] { return server.counters().accepted.value() == 2; }));
  ::close(fd);
}

TEST(Streams, StopSendsWhatWasQueuedAndClosesAll) {
  StreamServer server("tcp:127.0.0.1:0");
  Stream phone(server.address());
  phone.send(request("a"));
  EXPECT_EQ(phone.receive(request("a").size()), request("a"));
  const auto flow = server.echo.seen().at(0).first;
  server.worker.post([&server, flow] { server.worker.send(flow, "goodbye"); });
  server.worker.stop();
  EXPECT_EQ(phone.receive_all(), "goodbye");
}

TEST(Streams, WorkersShareAPortAndTheBudget) {
  StreamSettings streams;
  streams.budget = std::make_shared<ConnectionBudget>(ConnectionBudget::Limits{});
  auto settings = StreamServer::with(Running::settings_for("tcp:127.0.0.1:0"), streams);
  StreamServer first(settings);
  settings.index = 1;
  settings.listen = first.worker.bound();
  StreamServer second(settings);
  std::vector<std::unique_ptr<Stream>> phones;
  for (int i = 0; i < 40; ++i) {
    phones.push_back(std::make_unique<Stream>(first.address()));
    phones.back()->send(request("a"));
    ASSERT_EQ(phones.back()->receive(request("a").size()), request("a"));
  }
  EXPECT_THAT(first.echo.seen(), SizeIs(testing::Gt(0)));
  EXPECT_THAT(second.echo.seen(), SizeIs(testing::Gt(0)));
  EXPECT_EQ(second.echo.seen().at(0).first.worker, 1);
  EXPECT_EQ(streams.budget->total(), 40u);
}

}  // namespace
}  // namespace lamplighter::transport
