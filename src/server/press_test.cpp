#include <gmock/gmock.h>

#include "server/core_test_support.h"

namespace lamplighter::server {
namespace {

using std::chrono::seconds;
using testing::HasSubstr;

constexpr const char* kAor = "101@localhost";
constexpr const char* kPhone = "127.0.0.1:40001";

class KeyPress : public CoreTest {
 protected:
  KeyPress() { dial.toggles = {"441"}; }

  Request message_press(const std::string& body, const std::string& call_id, const std::string& user = "432",
                        const std::string& type = "application/x-buttons") {
    Request press;
    press.method = "MESSAGE";
    press.uri = "sip:" + user + "@127.0.0.1";
    press.to_header = "<" + press.uri + ">";
    press.branch = "z9hG4bK-" + call_id;
    press.call_id = call_id;
    press.extra = {"User-Agent: snom370/8.4.35", "Content-Type: " + type};
    press.body = body;
    return press;
  }
  Request dialled(const std::string& number, const std::string& call_id) {
    Request press;
    press.uri = "sip:" + number + "@127.0.0.1";
    press.to_header = "<" + press.uri + ">";
    press.branch = "z9hG4bK-" + call_id;
    press.call_id = call_id;
    press.extra = {"User-Agent: snom370/8.4.35"};
    return press;
  }
  void set(const std::string& name, const lamp::Key& key) {
    act([&] {
      const lamp::Edit edit{.name = name, .kind = lamp::Edit::Kind::kSet, .key = &key, .off = nullptr};
      ASSERT_TRUE(desk().change(kAor, {&edit, 1}, {}, false, [](auto) {}));
    });
  }
  lamp::Light light(const std::string& name) {
    const auto state = phones().find(kAor, name);
    return state && state->key ? state->key->light : lamp::Light::kOff;
  }
};

//  phone            server
//    | MESSAGE k=2    |      to what stands in n=
//    |--------------->|
//    |<----- 200 -----|      at once
//    |<--- MESSAGE ---|      the key's action: 432 is off
TEST_F(KeyPress, AMessageCarriesOutTheKeysActionLikeADialledCode) {
  start();
  set("2", {.light = lamp::Light::kOn,
            .color = {},
            .label = "Light is on",
            .number = "432",
            .press = lamp::Press::kMessage});
  const auto out = receive(kPhone, message_press("k=2", "press-1").text());
  ASSERT_EQ(out.size(), 2u);
  EXPECT_EQ(out[0].status(), 200);
  EXPECT_THAT(out[1].body(), HasSubstr("c=off"));
  EXPECT_EQ(core().counters().presses.value(), 1u);
}

TEST_F(KeyPress, TheBodyIsReadLeniently) {
  start();
  set("2", {.light = lamp::Light::kOn, .color = {}, .label = {}, .number = "432", .press = lamp::Press::kMessage});
  int number = 0;
  for (const auto* body : {"k=2\r\n", "k=2\n", "a=press\r\nk=2\r\nx=1", " k = 2"}) {
    const auto call_id = fmt::format("lenient-{}", ++number);
    const auto out = receive(kPhone, message_press(body, call_id, "432", "text/plain").text());
    ASSERT_FALSE(out.empty());
    EXPECT_EQ(out[0].status(), 200) << body;
  }
}

TEST_F(KeyPress, WithoutAKeyInTheBodyTheTargetSaysWhatIsMeant) {
  start();
  const auto out = receive(kPhone, message_press("", "press-1", "431").text());
  ASSERT_EQ(out.size(), 2u);
  EXPECT_EQ(out[0].status(), 200);
  EXPECT_EQ(light("2"), lamp::Light::kOn);
}

TEST_F(KeyPress, TextFromUserToUserIsNoPressWhateverItSays) {
  start();
  register_phone("102", "127.0.0.1:40002");
  set("1", {.light = lamp::Light::kOff, .color = {}, .label = {}, .number = {}, .press = lamp::Press::kToggle});
  const auto out = receive(kPhone, message_press("k=1", "text-1", "102", "text/plain").text());
  ASSERT_EQ(out.size(), 1u);
  EXPECT_THAT(out[0].start_line(), HasSubstr("MESSAGE sip:102@127.0.0.1:40002"));
  // Nor are buttons that somebody else sends to a phone.
  const auto buttons = receive(kPhone, message_press("k=1\r\nc=on", "text-2", "102").text());
  ASSERT_EQ(buttons.size(), 1u);
  EXPECT_THAT(buttons[0].start_line(), HasSubstr("MESSAGE sip:102@127.0.0.1:40002"));
  EXPECT_EQ(light("1"), lamp::Light::kOff);
}

TEST_F(KeyPress, AKeyWithNothingToDoIsToldSo) {
  start();
  const auto out = receive(kPhone, message_press("k=9", "press-1", "server").text());
  ASSERT_EQ(out.size(), 1u);
  EXPECT_EQ(out[0].start_line(), "SIP/2.0 404 This key has nothing to do");
}

TEST_F(KeyPress, AToggleKeyFlipsItsOwnLight) {
  start();
  set("5", {.light = lamp::Light::kOff,
            .color = lamp::Color::kRed,
            .label = "Fan",
            .number = {},
            .press = lamp::Press::kToggle});
  EXPECT_THAT(receive(kPhone, message_press("k=5", "t1", "key-5").text()).at(1).body(),
              testing::AllOf(HasSubstr("c=on"), HasSubstr("o=red"), HasSubstr("l=Fan"), HasSubstr("n=key-5"),
                             HasSubstr("a=message")));
  EXPECT_EQ(light("5"), lamp::Light::kOn);
  receive(kPhone, message_press("", "t2", "key-5").text());
  EXPECT_EQ(light("5"), lamp::Light::kOff) << "the target names the key as well";
}

TEST_F(KeyPress, AToggleKeyMayBeDialled) {
  start();
  set("5", {.light = lamp::Light::kOff, .color = {}, .label = {}, .number = "77", .press = lamp::Press::kToggle});
  const auto out = receive(kPhone, dialled("77", "d1").text());
  ASSERT_EQ(out.size(), 2u);
  EXPECT_EQ(out[0].start_line(), "SIP/2.0 404 Not a call");
  EXPECT_EQ(light("5"), lamp::Light::kOn);
  // For anybody else 77 is a number like any other.
  auto stranger = dialled("77", "d2");
  stranger.from_header = "<sip:103@127.0.0.1>;tag=x";
  EXPECT_EQ(receive(kPhone, stranger.text()).at(0).start_line(), "SIP/2.0 404 Not Found");
}

TEST_F(KeyPress, ADiallingPlanEntryMayFlipTheLight) {
  start();
  EXPECT_THAT(receive(kPhone, dialled("441", "d1").text()).at(1).body(), HasSubstr("c=on"));
  EXPECT_THAT(light("2"), lamp::Light::kOn);
  receive(kPhone, dialled("441", "d2").text());
  EXPECT_EQ(light("2"), lamp::Light::kOff);
}

//  phone            server
//    | INVITE 441     |
//    |--------------->|   on
//    | INVITE 441     |   the same, in the same transaction: absorbed
//    | INVITE 441     |   the same, in another transaction: known
//    |--------------->|   answered, not flipped
TEST_F(KeyPress, NoToggleFlipsTwiceForOnePress) {
  start();
  auto press = dialled("441", "once");
  receive(kPhone, press.text());
  receive(kPhone, press.text());
  press.branch = "z9hG4bK-other";
  EXPECT_EQ(receive(kPhone, press.text()).at(0).status(), 404);
  EXPECT_EQ(light("2"), lamp::Light::kOn);
  EXPECT_EQ(core().counters().presses_again.value(), 1u);

  auto again = message_press("k=2", "message-once", "441");
  receive(kPhone, again.text());
  EXPECT_EQ(light("2"), lamp::Light::kOff);
  again.branch = "z9hG4bK-yet-another";
  EXPECT_EQ(receive(kPhone, again.text()).at(0).status(), 200);
  EXPECT_EQ(light("2"), lamp::Light::kOff);
}

TEST_F(KeyPress, APressIsKnownAlsoAfterARestart) {
  start();
  receive(kPhone, dialled("441", "before").text());
  std::vector<store::Press> kept;
  ASSERT_TRUE(store.load({.binding = {},
                          .key = {},
                          .confirmation = {},
                          .press = [&](store::Press press) { kept.push_back(press); },
                          .skipped = {}}));
  ASSERT_EQ(kept.size(), 1u);
  service::RecentPresses after;
  after.restore(kept[0].id, clock.wall() + seconds{1200});
  EXPECT_FALSE(after.first({kept[0].id, clock.wall() + seconds{1201}}));
}

}  // namespace
}  // namespace lamplighter::server
