#include "location/packed_binding.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <vector>

namespace lamplighter::location {
namespace {

using std::chrono::milliseconds;

rc::Gen<SocketAddress> any_address() {
  return rc::gen::apply(
      [](bool v6, std::uint32_t v4, std::array<std::uint8_t, 16> bytes, std::uint16_t port) {
        SocketAddress out;
        out.ip = v6 ? IpAddress::v6(bytes) : IpAddress::v4(v4);
        out.port = port;
        return out;
      },
      rc::gen::arbitrary<bool>(), rc::gen::arbitrary<std::uint32_t>(),
      rc::gen::arbitrary<std::array<std::uint8_t, 16>>(), rc::gen::arbitrary<std::uint16_t>());
}

Binding any_binding() {
  const auto text = rc::gen::oneOf(rc::gen::arbitrary<std::string>(), rc::gen::just(std::string(200, 'x')));
  const auto time = rc::gen::map(rc::gen::arbitrary<std::int64_t>(), [](auto t) { return WallTime{milliseconds{t}}; });
  Binding binding;
  binding.uri = *text;
  binding.instance = *text;
  binding.reg_id = *rc::gen::arbitrary<std::uint32_t>();
  binding.call_id = *text;
  binding.cseq = *rc::gen::arbitrary<std::uint32_t>();
  binding.user_agent = *text;
  binding.path = *text;
  binding.q = *rc::gen::inRange<std::int16_t>(0, 1001);
  binding.flow.kind = *rc::gen::element(TransportKind::kUdp, TransportKind::kTcp, TransportKind::kWss);
  binding.flow.remote = *any_address();
  binding.flow.local = *any_address();
  binding.flow.connection = *rc::gen::arbitrary<std::uint32_t>();
  binding.flow.generation = *rc::gen::arbitrary<std::uint32_t>();
  binding.flow.listener = *rc::gen::arbitrary<std::uint16_t>();
  binding.flow.worker = *rc::gen::arbitrary<std::uint8_t>();
  binding.registered = *time;
  binding.refreshed = *time;
  binding.expires = *time;
  return binding;
}

RC_GTEST_PROP(PackedBindingProperty, ComesBackAsItWas, ()) {
  SharedTexts shared;
  std::vector<Binding> all;
  std::string packed;
  for (auto count = *rc::gen::inRange(1, 4); count > 0; --count) {
    all.push_back(any_binding());
    pack(view_of(all.back()), shared, packed);
  }
  const auto* at = packed.data();
  for (const auto& binding : all) {
    const auto one = Packed::at(at);
    at = one.end();
    Binding back;
    back.uri = "what was there before";
    one.view(shared).copy_to(back);
    RC_ASSERT(back == binding);
    RC_ASSERT(one.uri() == binding.uri);
  }
  RC_ASSERT(at == packed.data() + packed.size());
  for (at = packed.data(); at != packed.data() + packed.size();) {
    const auto one = Packed::at(at);
    one.unshare(shared);
    at = one.end();
  }
  RC_ASSERT(shared.size() == 0u);
}

TEST(PackedBinding, OfAnOrdinaryPhoneIsSmall) {
  Binding binding;
  binding.uri = "sip:1000@192.0.2.17:2051;line=k3f8a2c1";
  binding.call_id = "3c26700b8d6c-kvh6pmvqx7ru";
  binding.cseq = 4711;
  binding.user_agent = "snom370/8.4.35";
  binding.flow.remote = *SocketAddress::parse("192.0.2.17:2051");
  binding.flow.local = *SocketAddress::parse("192.0.2.1:5060");
  binding.registered = WallTime{milliseconds{1'700'000'000'000}};
  binding.refreshed = binding.registered + std::chrono::hours{300};
  binding.expires = binding.refreshed + std::chrono::hours{1};
  SharedTexts shared;
  std::string packed;
  pack(view_of(binding), shared, packed);
  EXPECT_LE(packed.size(), binding.uri.size() + binding.call_id.size() + 40);
  const auto one = packed.size();
  binding.uri.back() = '2';
  pack(view_of(binding), shared, packed);
  EXPECT_EQ(packed.size(), 2 * one);
  EXPECT_EQ(shared.size(), 1u) << "the phones have their User-Agent in common";
}

TEST(SharedTexts, ATextStaysAsLongAsItHasUsers) {
  SharedTexts texts;
  const auto snom = texts.use("snom");
  const auto yealink = texts.use("yealink");
  EXPECT_EQ(texts.use("snom"), snom);
  EXPECT_EQ(texts.size(), 2u);
  texts.leave(snom);
  EXPECT_EQ(texts[snom], "snom");
  texts.leave(snom);
  EXPECT_EQ(texts.size(), 1u);
  EXPECT_EQ(texts.use("grandstream"), snom) << "numbers are given again";
  EXPECT_EQ(texts[snom], "grandstream");
  EXPECT_EQ(texts[yealink], "yealink");
}

}  // namespace
}  // namespace lamplighter::location
