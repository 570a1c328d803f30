#include <gtest/gtest.h>

#include "location/location.h"

// What becomes of bindings whose connection has ended.
namespace lamplighter::location {
namespace {

using namespace std::chrono_literals;

constexpr WallTime kNow{1'700'000'000'000ms};
constexpr std::string_view kAor = "101@example.com";

Flow flow(std::uint32_t connection, std::uint32_t generation = 1) {
  Flow out;
  out.remote = SocketAddress::parse("192.0.2.7:40000").value();
  out.kind = TransportKind::kTcp;
  out.connection = connection;
  out.generation = generation;
  return out;
}

class FlowGone : public testing::Test {
 protected:
  Location::Reservation reserve(std::string_view uri, const Flow& over, std::uint32_t cseq) {
    const RequestedContact contact{.uri = uri, .instance = {}, .reg_id = 0, .q = 1000, .expires = 3600s};
    RegisterRequest request;
    request.aor = kAor;
    request.call_id = uri;
    request.cseq = cseq;
    request.flow = over;
    request.contacts = std::span(&contact, 1);
    return location_.reserve(request, kNow).value();
  }
  void bind(std::string_view uri, const Flow& over, std::uint32_t cseq = 1) {
    location_.settle(kAor, reserve(uri, over, cseq).ticket, true);
  }
  Flow flow_of(std::string_view uri) const {
    std::vector<Binding> found;
    location_.lookup(kAor, kNow, found);
    for (const auto& binding : found) {
      if (binding.uri == uri) return binding.flow;
    }
    ADD_FAILURE() << uri << " is not bound";
    return {};
  }

  Location location_{{}, [](std::string_view a, std::string_view b) { return a == b; }};
};

TEST_F(FlowGone, MarksWhatWasRegisteredOverItAndNothingElse) {
  bind("sip:a", flow(1));
  bind("sip:b", flow(1, 2));
  bind("sip:c", flow(2));
  location_.flow_gone(kAor, flow(1));
  location_.flow_gone("nobody@example.com", flow(1));
  EXPECT_TRUE(is_gone(flow_of("sip:a")));
  EXPECT_EQ(flow_of("sip:b"), flow(1, 2));
  EXPECT_EQ(flow_of("sip:c"), flow(2));
  EXPECT_EQ(location_.bindings(), 3u);
}

TEST_F(FlowGone, ARegistrationOnItsWayToTheStoreIsMarkedToo) {
  const auto under_way = reserve("sip:a", flow(1), 1);
  location_.flow_gone(kAor, flow(1));
  location_.settle(kAor, under_way.ticket, true);
  EXPECT_TRUE(is_gone(flow_of("sip:a")));
}

TEST_F(FlowGone, ARefreshOverAnotherConnectionIsTheSameLife) {
  bind("sip:a", flow(1));
  location_.flow_gone(kAor, flow(1));
  const auto refresh = reserve("sip:a", flow(5), 2);
  ASSERT_EQ(refresh.change.put.size(), 1u);
  EXPECT_EQ(refresh.change.put.front().registered, kNow);
  location_.flow_gone(kAor, flow(1));  // heard of again, late
  location_.settle(kAor, refresh.ticket, true);
  EXPECT_EQ(flow_of("sip:a"), flow(5));
}

}  // namespace
}  // namespace lamplighter::location
