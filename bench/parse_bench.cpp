#include <benchmark/benchmark.h>

#include <string>

#include "sip/digest.h"
#include "sip/headers.h"
#include "sip/message.h"
#include "sip/writer.h"
#include "snom_invite.h"

// What the sip room costs per message, on the INVITE a Snom sends when its key is pressed. The budget for parse is
// 400 ns and no allocation.

namespace {

using namespace lamplighter;

constexpr std::string_view kCredentials =
    "Digest username=\"101\",realm=\"192.0.2.1\",nonce=\"7ypf/xlj9XXwfDPEoM4URrv\",uri=\"sip:192.0.2.1\",qop=auth,"
    "nc=00000001,cnonce=\"0a4f113b\",response=\"6629fae49393a05397450978507c4ef1\",algorithm=MD5";

void parse(benchmark::State& state) {
  sip::Message message;
  for (auto _ : state) {
    if (!message.parse(kInvite)) state.SkipWithError("cannot be parsed");
    benchmark::DoNotOptimize(message);
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(kInvite.size()));
}
BENCHMARK(parse);

void validate(benchmark::State& state) {
  sip::Message message;
  if (!message.parse(kInvite)) return state.SkipWithError("cannot be parsed");
  for (auto _ : state) {
    if (!sip::validate(message)) state.SkipWithError("is not valid");
  }
}
BENCHMARK(validate);

void respond(benchmark::State& state) {
  const auto source = SocketAddress::parse("192.0.2.7:3072").value();
  sip::Message message;
  if (!message.parse(kInvite)) return state.SkipWithError("cannot be parsed");
  std::string out;
  for (auto _ : state) {
    sip::begin_response(out, message, 404, "Not a call", "a1b2c3d4", source).no_body();
    benchmark::DoNotOptimize(out.data());
  }
}
BENCHMARK(respond);

// A lamp's MESSAGE, header by header.
void write_message(benchmark::State& state) {
  std::string out;
  for (auto _ : state) {
    sip::Writer(out)
        .request_line("MESSAGE", "sip:101@192.0.2.7:3072;line=k4x1w7pm")
        .header("Via", "SIP/2.0/UDP 192.0.2.1:5060;rport;branch=z9hG4bK0a1b2c3d4e5f")
        .header("Max-Forwards", std::uint64_t{70})
        .header("From", "<sip:server@192.0.2.1>;tag=5f4e3d2c1b0a")
        .header("To", "<sip:101@192.0.2.1>")
        .header("Call-ID", "0a1b2c3d4e5f6071")
        .header("CSeq", "1 MESSAGE")
        .body("application/x-buttons", "k=2\r\nc=on\r\nn=432\r\na=invite\r\nl=Light is on\r\n");
    benchmark::DoNotOptimize(out.data());
  }
}
BENCHMARK(write_message);

void canonical_aor(benchmark::State& state) {
  std::string aor;
  for (auto _ : state) {
    const auto uri = sip::parse_uri("sip:101@PBX.example.com;transport=tcp");
    sip::canonical_aor(*uri, aor);
    benchmark::DoNotOptimize(aor.data());
  }
}
BENCHMARK(canonical_aor);

void digest(benchmark::State& state) {
  const auto algorithm = static_cast<sip::DigestAlgorithm>(state.range(0));
  const auto ha1 = sip::digest_ha1(algorithm, "101", "192.0.2.1", "secret");
  for (auto _ : state) {
    auto credentials = sip::parse_digest_credentials(kCredentials);
    credentials->algorithm = algorithm;
    benchmark::DoNotOptimize(sip::digest_matches(*credentials, ha1, "REGISTER"));
  }
  state.SetLabel(std::string(sip::name_of(algorithm)));
}
BENCHMARK(digest)->Arg(0)->Arg(1);

}  // namespace
