#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "config/settings.h"
#include "config/test_errors.h"

namespace lamplighter::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<std::string> load_errors(std::string_view toml) {
  Settings settings;
  return text_of(settings.load_text(toml, "t.toml"));
}

std::vector<std::string> set_errors(std::string_view assignment) {
  Settings settings;
  return text_of(settings.set(assignment));
}

TEST(SettingsErrors, AMisspeltSettingIsNamedWithItsPositionAndTheRightOne) {
  EXPECT_THAT(load_errors("[sip]\n  lisen = []\n"),
              ElementsAre("t.toml:2:3: unknown setting sip.lisen, did you mean sip.listen?"));
  EXPECT_THAT(load_errors("[sipp]\nlisten = []\n"),
              ElementsAre("t.toml:1:2: unknown section [sipp], did you mean [sip]?"));
  EXPECT_THAT(load_errors("workers = 2\n"),
              ElementsAre("t.toml:1:1: unknown setting workers, did you mean sip.workers?"));
  EXPECT_THAT(load_errors("[http]\nworkers = 2\n"),
              ElementsAre("t.toml:2:1: unknown setting http.workers, did you mean sip.workers?"));
  EXPECT_THAT(load_errors("[store]\ncompression = 2\n"),
              ElementsAre("t.toml:2:1: unknown setting store.compression, expected one of path, durability, queue"));
  EXPECT_THAT(load_errors("[nothing_like_it]\n"), ElementsAre(HasSubstr("expected one of sip, registrar, auth")));
}

TEST(SettingsErrors, AWrongTypeSaysWhatWasFoundAndWhatWasExpected) {
  EXPECT_THAT(load_errors("[sip]\nworkers = \"two\"\n"),
              ElementsAre("t.toml:2:11: sip.workers: found the text \"two\", expected a whole number"));
  EXPECT_THAT(load_errors("[proxy]\nrecord_route = 1\n"),
              ElementsAre("t.toml:2:16: proxy.record_route: found the number 1, expected true or false"));
  EXPECT_THAT(load_errors("[dial]\nkey = 2\n"),
              ElementsAre("t.toml:2:7: dial.key: found the number 2, expected text in quotes"));
  EXPECT_THAT(load_errors("[sip]\nt1 = \"soon\"\n"),
              ElementsAre("t.toml:2:6: sip.t1: found the text \"soon\", expected a duration such as \"5s\", \"500ms\", "
                          "\"2m\" or \"1h\""));
  EXPECT_THAT(load_errors("[sip]\nreceive_buffer = \"4MB\"\n"),
              ElementsAre(HasSubstr("expected a size such as \"4MiB\" or a number of bytes")));
  EXPECT_THAT(load_errors("[sip]\nt1 = 1e99\n"), ElementsAre(HasSubstr("expected a duration")));
  EXPECT_THAT(load_errors("[sip]\nt1 = nan\n"), ElementsAre(HasSubstr("expected a duration")));
  EXPECT_THAT(load_errors("[sip]\nt1 = 07:32:00\n"), ElementsAre(HasSubstr("found a date or time")));
  EXPECT_THAT(load_errors("sip = 5\n"), ElementsAre("t.toml:1:7: sip: found the number 5, expected a section [sip]"));
  EXPECT_THAT(load_errors("[[sip]]\nworkers = 2\n"), ElementsAre(HasSubstr("sip: found a list, expected a section")));
  EXPECT_THAT(load_errors("[sip]\nlisten = [\"udp:0.0.0.0:5060\", 5070]\n"),
              ElementsAre("t.toml:2:31: sip.listen: found the number 5070, expected texts in quotes as items"));
  EXPECT_THAT(load_errors("[dial.lights]\n431 = \"on\"\n432 = 0\n"),
              ElementsAre("t.toml:3:7: dial.lights.432: found the number 0, expected text in quotes"));
}

TEST(SettingsErrors, AWrongValueIsPointedAtInItsListOrTable) {
  EXPECT_THAT(load_errors("[sip]\nworkers = -1\n"),
              ElementsAre("t.toml:2:11: sip.workers: found -1, expected a number from 0 to 128"));
  EXPECT_THAT(
      load_errors("[auth]\ntrusted = [\"127.0.0.0/8\",\n  \"10.0.0.1/8\"]\n"),
      ElementsAre("t.toml:3:3: auth.trusted: \"10.0.0.1/8\" has bits set beyond its prefix, expected 10.0.0.0/8 or "
                  "10.0.0.1"));
  EXPECT_THAT(load_errors("[auth]\nalgorithms = [\"MD5\", \"SHA-1\"]\n"),
              ElementsAre("t.toml:2:22: auth.algorithms: found \"SHA-1\", expected \"SHA-256\" or \"MD5\""));
  EXPECT_THAT(load_errors("[auth]\nalgorithms = []\n"),
              ElementsAre("t.toml:2:14: auth.algorithms: found [], expected at least one of \"SHA-256\" and \"MD5\""));
  EXPECT_THAT(load_errors("[http]\nlisten = \"8080\"\n"), ElementsAre(HasSubstr("t.toml:2:10: http.listen: \"8080\"")));
  EXPECT_THAT(load_errors("[log]\nlevel = \"loud\"\n"),
              ElementsAre("t.toml:2:9: log.level: found \"loud\", expected \"trace\", \"debug\", \"info\", \"warn\", "
                          "\"error\" or \"off\""));
  EXPECT_THAT(load_errors("[dial.lights]\n431 = \"on\"\n\"4 3\" = \"on\"\n"),
              ElementsAre(HasSubstr("t.toml:3:9: dial.lights.\"4 3\": found \"on\", expected a number to dial")));
  EXPECT_THAT(load_errors("[sip]\nserver_name = \"a\\r\\nb\"\n"), ElementsAre(HasSubstr("without control characters")));
}

TEST(SettingsErrors, SettingsThatContradictEachOtherAreAnErrorWhereOneWasWritten) {
  EXPECT_THAT(
      load_errors("[registrar]\nmin_expires = \"2h\"\n"),
      ElementsAre("t.toml:2:15: registrar.min_expires: found 2h, expected at most registrar.default_expires (1h)"));
  EXPECT_THAT(
      load_errors("[registrar]\nmax_expires = 30\n"),
      ElementsAre("t.toml:2:15: registrar.max_expires: found 30s, expected at least registrar.min_expires (1m)"));
  Settings settings;
  EXPECT_THAT(settings.set("registrar.max_expires=30"), IsEmpty()) << "the next --set may put it right";
  EXPECT_THAT(text_of(settings.check_together()),
              ElementsAre("--set: registrar.max_expires: found 30s, expected at least registrar.min_expires (1m)"));
  EXPECT_THAT(settings.set("registrar.min_expires=10"), IsEmpty());
  EXPECT_THAT(settings.check_together(), IsEmpty());
}

TEST(SettingsErrors, SyntaxErrorsHaveAPosition) {
  const auto errors = load_errors("[sip]\nworkers = \n");
  ASSERT_EQ(errors.size(), 1u);
  EXPECT_THAT(errors[0], testing::StartsWith("t.toml:2:11: not TOML: "));
  EXPECT_THAT(load_errors("[sip]\nt1 = 1\nt1 = 2\n"), ElementsAre(HasSubstr("t.toml:3:")));
  EXPECT_THAT(load_errors("[sip]\nserver_name = \"\xff\"\n"), ElementsAre(HasSubstr("t.toml:2:")));
}

TEST(SettingsErrors, EveryErrorIsReportedInTheFilesOrderAndNothingIsApplied) {
  Settings settings;
  const auto errors = settings.load_text("[store]\nqueue = 7\npth = 1\n[sip]\nworkers = 2\nt1 = true\n[a]\n", "t.toml");
  ASSERT_EQ(errors.size(), 3u);
  EXPECT_EQ(errors[0].line, 3u);
  EXPECT_EQ(errors[1].line, 6u);
  EXPECT_EQ(errors[2].line, 7u);
  EXPECT_EQ(settings.integer("store.queue"), 100'000);
  EXPECT_EQ(settings.integer("sip.workers"), 0);
  EXPECT_EQ(settings.set_count(), 0u);
}

TEST(SettingsErrors, AFileThatCannotBeReadSaysSo) {
  Settings settings;
  EXPECT_THAT(text_of(settings.load_file("/nowhere/lamplighter.toml")),
              ElementsAre("/nowhere/lamplighter.toml: cannot read it (No such file or directory), expected a settings "
                          "file"));
  EXPECT_THAT(text_of(settings.load_file("/tmp")), ElementsAre(HasSubstr("Is a directory")));
  EXPECT_THAT(text_of(settings.load_file("/dev/zero")), ElementsAre(HasSubstr("larger than 4MiB")));
}

TEST(SettingsErrors, MistakesOnTheCommandLineAreExplained) {
  EXPECT_THAT(set_errors("sip.lisen=x"), ElementsAre("--set: unknown setting sip.lisen, did you mean sip.listen?"));
  EXPECT_THAT(set_errors("workers=2"), ElementsAre("--set: unknown setting workers, did you mean sip.workers?"));
  EXPECT_THAT(set_errors("sip.workers"), ElementsAre("--set: found \"sip.workers\", expected SECTION.KEY=VALUE"));
  EXPECT_THAT(set_errors("sip.workers=two"),
              ElementsAre("--set: sip.workers: found the text \"two\", expected a whole number"));
  EXPECT_THAT(set_errors("sip.workers=1\nsip.t1=2"), ElementsAre(HasSubstr("expected a whole number")));
  EXPECT_THAT(set_errors("sip.listen=[\"udp:"), ElementsAre(HasSubstr("expected a list of texts in quotes")));
  EXPECT_THAT(set_errors("sip.workers=900"),
              ElementsAre("--set: sip.workers: found 900, expected a number from 0 to 128"));
  EXPECT_THAT(set_errors("dial.label=\xff"), ElementsAre(HasSubstr("--set: dial.label: ")));
  EXPECT_THAT(set_errors(""), ElementsAre(HasSubstr("expected SECTION.KEY=VALUE")));
}

TEST(SettingsErrors, ErrorsOfLaterChecksStandWhereTheValueCameFrom) {
  Settings settings;
  EXPECT_THAT(settings.load_text("[sip]\nlisten = [\"udp:0.0.0.0:5060\",\n  \"carrier pigeon\"]\n"
                                 "[dial]\nkey = \"2\"\n[dial.lights]\n431 = \"on\"\n432 = \"blink\"\n",
                                 "t.toml"),
              IsEmpty());
  EXPECT_EQ(settings.error_at("sip.listen", "no", "1").to_string(), "t.toml:3:3: sip.listen: no");
  EXPECT_EQ(settings.error_at("sip.listen", "no").to_string(), "t.toml:2:10: sip.listen: no");
  EXPECT_EQ(settings.error_at("dial.lights", "unknown light", "432").to_string(),
            "t.toml:8:7: dial.lights.432: unknown light");
  EXPECT_EQ(settings.error_at("log.level", "no").to_string(), "defaults: log.level: no");

  EXPECT_THAT(settings.set("dial.lights.433=blink"), IsEmpty());
  EXPECT_EQ(settings.error_at("dial.lights", "unknown light", "433").to_string(),
            "--set: dial.lights.433: unknown light");
  EXPECT_EQ(settings.error_at("dial.lights", "unknown light", "432").line, 8u);
  EXPECT_THAT(settings.load_text("[sip]\nlisten = \"x\"\n", "second.toml"), IsEmpty());
  EXPECT_EQ(settings.error_at("sip.listen", "no", "1").to_string(), "second.toml:2:10: sip.listen: no")
      << "places of the replaced list are forgotten";
}

RC_GTEST_PROP(SettingsErrorsProperty, RandomFilesNeverCrash, ()) {
  const auto pieces = *rc::gen::container<std::vector<std::string>>(rc::gen::oneOf(
      rc::gen::element<std::string>("[sip]\n", "[dial.lights]\n", "t1 = ", "listen = ", "[", "]", "\"", "{", "}", "1",
                                    "true", "\n", " = ", "431", "\"5s\"\n", "[[sip]]\n", ".", "1e9", "2026-01-01"),
      rc::gen::container<std::string>(rc::gen::arbitrary<char>())));
  std::string toml;
  for (const auto& piece : pieces) toml += piece;
  Settings settings;
  for (const auto& error : settings.load_text(toml, "t.toml")) RC_ASSERT(!error.what.empty());
  RC_ASSERT(settings.set(toml).size() < 1000u);
}

}  // namespace
}  // namespace lamplighter::config
