#include "config/settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "config/test_errors.h"

namespace lamplighter::config {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

TEST(SettingsTable, EveryDefaultPassesItsOwnCheckAndHasADoc) {
  std::set<std::string_view> names;
  for (const auto& setting : settings_table()) {
    EXPECT_TRUE(names.insert(setting.name).second) << setting.name;
    EXPECT_EQ(std::ranges::count(setting.name, '.'), 1) << setting.name;
    EXPECT_TRUE(setting.doc.ends_with('.')) << setting.name;
    const auto wrong = setting.check == nullptr ? "" : setting.check(setting.default_value);
    EXPECT_EQ(wrong, "") << setting.name;
  }
}

TEST(SettingsTable, EveryExampleCanBeLoaded) {
  for (const auto& setting : settings_table()) {
    if (setting.example.empty()) continue;
    Settings settings;
    const auto dot = setting.name.find('.');
    const auto toml = "[" + std::string(setting.name.substr(0, dot)) + "]\n" +
                      std::string(setting.name.substr(dot + 1)) + " = " + std::string(setting.example);
    EXPECT_THAT(text_of(settings.load_text(toml, std::string(setting.name))), IsEmpty());
    EXPECT_TRUE(settings.is_set(setting.name));
  }
}

TEST(Settings, AreTheTutorialsWithoutAnyFile) {
  const Settings settings;
  EXPECT_EQ(settings.strings("sip.listen"), Strings{"udp:0.0.0.0:5060"});
  EXPECT_EQ(settings.duration("sip.t1"), 500ms);
  EXPECT_EQ(settings.integer("sip.receive_buffer"), 4 * 1024 * 1024);
  EXPECT_TRUE(settings.flag("dial.enabled"));
  EXPECT_EQ(settings.text("dial.label"), "Light is {light}");
  EXPECT_EQ(settings.table("dial.lights").at("431"), "on");
  EXPECT_EQ(settings.table("dial.lights").size(), 10u);
  EXPECT_EQ(settings.set_count(), 0u);
}

TEST(Settings, LoadsEveryType) {
  Settings settings;
  EXPECT_THAT(text_of(settings.load_text(R"(
sip.t1 = "250ms"
sip.t2 = 2
sip.t4 = 2.5
sip.workers = 3
sip.receive_buffer = "16MiB"
sip.send_buffer = 131072
sip.listen = ["udp:127.0.0.1:5070", "udp:[::1]:5070"]
sip.domains = "example.com"
[proxy]
record_route = false
[dial]
lights = { 431 = "on", "*99" = "off" }
)",
                                         "t.toml")),
              IsEmpty());
  EXPECT_EQ(settings.duration("sip.t1"), 250ms);
  EXPECT_EQ(settings.duration("sip.t2"), 2s);
  EXPECT_EQ(settings.duration("sip.t4"), 2500ms);
  EXPECT_EQ(settings.integer("sip.workers"), 3);
  EXPECT_EQ(settings.integer("sip.receive_buffer"), 16 * 1024 * 1024);
  EXPECT_EQ(settings.integer("sip.send_buffer"), 131072);
  EXPECT_THAT(settings.strings("sip.listen"), ElementsAre("udp:127.0.0.1:5070", "udp:[::1]:5070"));
  EXPECT_THAT(settings.strings("sip.domains"), ElementsAre("example.com"));
  EXPECT_FALSE(settings.flag("proxy.record_route"));
  EXPECT_EQ(settings.table("dial.lights"), (Table{{"431", "on"}, {"*99", "off"}}))
      << "a table replaces the default one";
  EXPECT_EQ(settings.set_count(), 10u);
}

TEST(Settings, TheCommandLineTakesBareWords) {
  Settings settings;
  for (const auto assignment :
       {"http.listen=127.0.0.1:8081", "sip.listen=udp:127.0.0.1:5070", "sip.workers=2", "sip.t1=250ms", "sip.t4=5",
        "sip.receive_buffer=8MiB", "proxy.record_route=false", "dial.key=5", "dial.label=a = b",
        "sip.server_name=", "dial.reply_reason=\"quoted\"", "auth.trusted=[\"10.0.0.0/8\", \"::1/128\"]"}) {
    EXPECT_THAT(text_of(settings.set(assignment)), IsEmpty()) << assignment;
  }
  EXPECT_EQ(settings.text("http.listen"), "127.0.0.1:8081");
  EXPECT_THAT(settings.strings("sip.listen"), ElementsAre("udp:127.0.0.1:5070"));
  EXPECT_EQ(settings.integer("sip.workers"), 2);
  EXPECT_EQ(settings.duration("sip.t1"), 250ms);
  EXPECT_EQ(settings.duration("sip.t4"), 5s);
  EXPECT_EQ(settings.integer("sip.receive_buffer"), 8 * 1024 * 1024);
  EXPECT_FALSE(settings.flag("proxy.record_route"));
  EXPECT_EQ(settings.text("dial.key"), "5") << "text, though it looks like a number";
  EXPECT_EQ(settings.text("dial.label"), "a = b");
  EXPECT_EQ(settings.text("sip.server_name"), "");
  EXPECT_EQ(settings.text("dial.reply_reason"), "quoted");
  EXPECT_THAT(settings.strings("auth.trusted"), ElementsAre("10.0.0.0/8", "::1/128"));
}

TEST(Settings, TheCommandLineSetsOneEntryOrTheWholeTable) {
  Settings settings;
  EXPECT_THAT(settings.set("dial.lights.431=hold"), IsEmpty());
  EXPECT_EQ(settings.table("dial.lights").at("431"), "hold");
  EXPECT_EQ(settings.table("dial.lights").size(), 10u) << "the others stay";
  EXPECT_THAT(settings.set("dial.lights.*8=on"), IsEmpty());
  EXPECT_EQ(settings.table("dial.lights").size(), 11u);
  EXPECT_THAT(settings.set("dial.lights={1=\"on\"}"), IsEmpty());
  EXPECT_EQ(settings.table("dial.lights"), (Table{{"1", "on"}}));
}

TEST(Settings, LaterSourcesWinAndTheRestStays) {
  Settings settings;
  EXPECT_THAT(settings.load_text("[sip]\nworkers = 2\nserver_name = \"a\"\n", "first.toml"), IsEmpty());
  EXPECT_THAT(settings.load_text("[sip]\nworkers = 3\n", "second.toml"), IsEmpty());
  EXPECT_THAT(settings.set("sip.t1=1s"), IsEmpty());
  EXPECT_EQ(settings.integer("sip.workers"), 3);
  EXPECT_EQ(settings.text("sip.server_name"), "a");
}

}  // namespace
}  // namespace lamplighter::config
