#include "phone/event_json.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

namespace lamplighter::phone {
namespace {

using namespace std::chrono_literals;
using Type = Event::Type;

Event event(Type type) {
  Event out;
  out.type = type;
  out.t = 1500ms;
  out.server = "127.0.0.1:5060";
  return out;
}

TEST(EventJson, KeyTellsEverythingTheKeyShows) {
  auto key = event(Type::kKey);
  key.key = "2";
  key.lamp = {lamp::Light::kOn, lamp::Color::kGreen, "Light is \"on\"", "432", lamp::Press::kInvite};
  EXPECT_EQ(to_json(key),
            R"({"t":1.500,"event":"key","key":"2","light":"on","color":"green","label":"Light is \"on\"",)"
            R"("number":"432","action":"invite"})");
  key.lamp = {};
  EXPECT_EQ(to_json(key), R"({"t":1.500,"event":"key","key":"2","light":"off"})");
}

TEST(EventJson, RegistrationTellsServerAndTime) {
  auto registered = event(Type::kRegistered);
  registered.expires = 3600s;
  EXPECT_EQ(to_json(registered), R"({"t":1.500,"event":"registered","server":"127.0.0.1:5060","expires":3600})");
  auto failed = event(Type::kRegisterFailed);
  failed.status = 403;
  failed.reason = "Forbidden";
  failed.attempt = 2;
  failed.retry_in = 2s;
  EXPECT_EQ(to_json(failed),
            R"({"t":1.500,"event":"register_failed","server":"127.0.0.1:5060","attempt":2,"status":403,)"
            R"("reason":"Forbidden","retry_in":2.000})");
}

TEST(EventJson, CallTellsStateAndOutcome) {
  auto call = event(Type::kCall);
  call.call = 1;
  call.call_state = CallState::kEnded;
  call.outgoing = true;
  call.peer = "sip:431@127.0.0.1";
  call.status = 404;
  call.reason = "Not a call";
  EXPECT_EQ(to_json(call),
            R"({"t":1.500,"event":"call","call":1,"state":"ended","direction":"out","peer":"sip:431@127.0.0.1",)"
            R"("status":404,"reason":"Not a call"})");
  EXPECT_EQ(to_text(call), "call with sip:431@127.0.0.1 ended: 404 Not a call");
}

TEST(EventJson, EveryTypeIsValidJsonWithAName) {
  for (int i = 0; i <= static_cast<int>(Type::kCall); ++i) {
    auto any = event(static_cast<Type>(i));
    any.reason = "tab\t and \x01 and ü";
    any.key = "1";
    boost::system::error_code error;
    const auto value = boost::json::parse(to_json(any), error);
    ASSERT_FALSE(error) << to_json(any);
    EXPECT_EQ(value.at("event").as_string(), name_of(any.type));
    EXPECT_FALSE(name_of(any.type).empty());
    EXPECT_FALSE(to_text(any).empty());
  }
}

}  // namespace
}  // namespace lamplighter::phone
