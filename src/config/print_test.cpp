#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <fstream>
#include <sstream>

#include "config/settings.h"
#include "config/test_errors.h"

namespace lamplighter::config {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

std::string contents_of(const std::string& path) {
  std::ifstream file(path);
  EXPECT_TRUE(file) << path;
  std::ostringstream out;
  out << file.rdbuf();
  return out.str();
}

const std::string kSource = LAMPLIGHTER_SOURCE_DIR;

void expect_same(const Settings& a, const Settings& b) {
  for (const auto& setting : settings_table()) {
    struct Same {
      const Settings &a, &b;
      std::string_view name;
      bool operator()(bool) const { return a.flag(name) == b.flag(name); }
      bool operator()(std::int64_t) const { return a.integer(name) == b.integer(name); }
      bool operator()(double) const { return a.number(name) == b.number(name); }
      bool operator()(const std::string&) const { return a.text(name) == b.text(name); }
      bool operator()(const Strings&) const { return a.strings(name) == b.strings(name); }
      bool operator()(std::chrono::milliseconds) const { return a.duration(name) == b.duration(name); }
      bool operator()(const Table&) const { return a.table(name) == b.table(name); }
    };
    EXPECT_TRUE(std::visit(Same{a, b, setting.name}, setting.default_value)) << setting.name;
  }
}

TEST(SettingsPrint, WhatIsPrintedIsLoadedBack) {
  Settings changed;
  for (const auto assignment :
       {"sip.listen=[\"udp:[::1]:5070\", \"udp:127.0.0.1:0\"]", "sip.t1=1234ms", "sip.domains=[]", "sip.workers=7",
        "dial.label=\"a \\\"b\\\" \\\\ ü\"", "dial.lights={\"*1\"=\"on\", 2=\"x y\"}", "proxy.relay_foreign=true",
        "sip.receive_buffer=100001", "auth.trusted=[]", "http.listen="}) {
    ASSERT_THAT(text_of(changed.set(assignment)), IsEmpty()) << assignment;
  }
  for (const auto& settings : {Settings(), changed}) {
    Settings read;
    EXPECT_THAT(text_of(read.load_text(settings.print(), "printed.toml")), IsEmpty()) << settings.print();
    expect_same(settings, read);
  }
  EXPECT_THAT(changed.print(), HasSubstr("# Default: \"500ms\"\nt1 = \"1234ms\"\n"));
  EXPECT_THAT(changed.print(), testing::Not(HasSubstr("faults"))) << "hidden";
}

TEST(SettingsPrint, AnEmptyTableIsPrintedAndLoadedBack) {
  Settings settings, read;
  ASSERT_THAT(settings.set("dial.lights={}"), IsEmpty());
  EXPECT_THAT(read.load_text(settings.print(), "printed.toml"), IsEmpty());
  EXPECT_TRUE(read.table("dial.lights").empty());
}

RC_GTEST_PROP(SettingsPrintProperty, AnyTextIsPrintedAndLoadedBackOrRefused, ()) {
  const auto text = *rc::gen::container<std::string>(rc::gen::oneOf(rc::gen::inRange<char>(0x20, 0x7f),
                                                                    rc::gen::element('"', '\\', '\'', '#', '\n', '\0'),
                                                                    rc::gen::arbitrary<char>()));
  Settings settings;
  if (!settings.set("dial.label=" + text).empty()) return;
  Settings read;
  RC_ASSERT(read.load_text(settings.print(), "printed.toml").empty());
  RC_ASSERT(read.text("dial.label") == settings.text("dial.label"));
}

TEST(SettingsFiles, TheShippedExamplesLoad) {
  for (const auto file : {"/config/snom-led-remote-control.toml", "/config/lamplighter.toml"}) {
    Settings settings;
    EXPECT_THAT(text_of(settings.load_file(kSource + file)), IsEmpty());
    EXPECT_GE(settings.set_count(), 10u);
  }
}

TEST(SettingsFiles, TheTutorialsFileSaysWhatTheTutorialSays) {
  Settings settings;
  ASSERT_THAT(text_of(settings.load_file(kSource + "/config/snom-led-remote-control.toml")), IsEmpty());
  EXPECT_TRUE(settings.flag("dial.enabled"));
  EXPECT_EQ(settings.text("dial.user_agent"), "snom");
  EXPECT_EQ(settings.text("dial.key"), "2");
  EXPECT_EQ(settings.text("dial.number"), "432");
  EXPECT_EQ(settings.text("dial.press"), "invite");
  EXPECT_EQ(settings.text("dial.label"), "Light is {light}");
  EXPECT_EQ(settings.text("dial.from"), "sip:server@{ip}");
  EXPECT_EQ(settings.integer("dial.reply_code"), 404);
  EXPECT_EQ(settings.text("dial.reply_reason"), "Not a call");
  EXPECT_EQ(settings.table("dial.lights"), (Table{{"431", "on"},
                                                  {"432", "off"},
                                                  {"433", "hold"},
                                                  {"434", "park"},
                                                  {"435", "pickup"},
                                                  {"436", "message"},
                                                  {"437", "offline"},
                                                  {"438", "seized"},
                                                  {"439", "record"},
                                                  {"440", "error"}}));
}

TEST(SettingsFiles, TheDocIsWhatTheTableSays) {
  EXPECT_TRUE(contents_of(kSource + "/docs/settings.md") == settings_markdown())
      << "docs/settings.md is stale; refresh it with: lamplighter check --settings-markdown > docs/settings.md";
}

TEST(SettingsFiles, TheDocHasEverySettingButHiddenOnes) {
  const auto doc = settings_markdown();
  for (const auto& setting : settings_table()) {
    EXPECT_EQ(doc.find("### `" + std::string(setting.name) + "`") != std::string::npos, !setting.hidden)
        << setting.name;
  }
}

}  // namespace
}  // namespace lamplighter::config
