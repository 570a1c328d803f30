#include "phone/script.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "phone/script_runner.h"
#include "phone/terminal_input.h"
#include "phone/test_rig.h"

namespace lamplighter::phone {
namespace {

using namespace std::chrono_literals;
using test::buttons;
using test::grant;
using test::Rig;
using testing::HasSubstr;
using Kind = Command::Kind;

TEST(Script, ReadsOneCommandALineWithComments) {
  const auto script = parse_script(
      "# lights a lamp\n"
      "register\r\n"
      "\n"
      "wait registered 2s   # soon\n"
      "dial #31#\n"
      "wait key 2 on\n"
      "expect key 2 off\n"
      "reject 603\n"
      "sleep 500ms");
  ASSERT_TRUE(script) << script.error().what;
  ASSERT_EQ(script->size(), 7u);
  const auto& commands = *script;
  EXPECT_EQ(commands[0].kind, Kind::kRegister);
  EXPECT_EQ(commands[0].line, 2u);
  EXPECT_EQ(commands[1].condition.to_string(), "registered");
  EXPECT_EQ(commands[1].time, Duration{2s});
  EXPECT_EQ(commands[2].argument, "#31#");
  EXPECT_EQ(commands[3].condition.to_string(), "key 2 on");
  EXPECT_EQ(commands[3].time, kDefaultWait);
  EXPECT_EQ(commands[4].kind, Kind::kExpect);
  EXPECT_EQ(commands[5].status, 603);
  EXPECT_EQ(commands[6].time, Duration{500ms});
}

TEST(Script, ErrorsSayTheLineAndWhatWasExpected) {
  const auto error = [](std::string_view text) {
    const auto script = parse_script(text);
    return script ? std::string{"none"} : fmt::format("{}: {}", script.error().line, script.error().what);
  };
  EXPECT_THAT(error("register\nwiat registered"), HasSubstr("2: unknown command 'wiat', expected one of register"));
  EXPECT_THAT(error("wait"), HasSubstr("1: nothing to wait for, expected registered"));
  EXPECT_THAT(error("wait happy"), HasSubstr("unknown state 'happy'"));
  EXPECT_THAT(error("expect key 2 blink"), HasSubstr("unknown light 'blink', expected one of on off"));
  EXPECT_THAT(error("expect key 2"), HasSubstr("such as 'key 2 on'"));
  EXPECT_THAT(error("sleep soon"), HasSubstr("'soon' is no time"));
  EXPECT_THAT(error("sleep -1s"), HasSubstr("'-1s' is no time"));
  EXPECT_THAT(error("reject 200"), HasSubstr("expected 300 to 699"));
  EXPECT_THAT(error("dial"), HasSubstr("expected a number"));
  EXPECT_THAT(error("answer now"), HasSubstr("'now' is too much"));
}

TEST(Typed, NumbersDialAndLettersAreShort) {
  EXPECT_EQ(parse_typed("431")->value().kind, Kind::kDial);
  EXPECT_EQ(parse_typed("  *21# ")->value().argument, "*21#");
  EXPECT_EQ(parse_typed("d 431")->value().argument, "431");
  EXPECT_EQ(parse_typed("p 2")->value().kind, Kind::kPress);
  EXPECT_EQ(parse_typed("hangup")->value().kind, Kind::kHangUp);
  EXPECT_EQ(parse_typed("?")->value().kind, Kind::kHelp);
  EXPECT_FALSE(parse_typed("")->has_value());
  EXPECT_THAT(parse_typed("frobnicate").error(), HasSubstr("type ? for help"));
}

struct Scripted : testing::Test {
  Rig rig;
  std::unique_ptr<Rig::Phone> phone = rig.phone(101);
  std::unique_ptr<ScriptRunner> runner;

  void start(std::string_view text) {
    runner = std::make_unique<ScriptRunner>(phone->agent, rig.clock, "test.phone", parse_script(text).value());
    phone->node.attach(*runner);
    phone->node.post([this] { runner->start(); });
  }
  /// "done", or what went wrong.
  std::string outcome(Duration limit = 60s) {
    if (!rig.until([&] { return runner->outcome().has_value(); }, limit)) return "still running";
    return runner->outcome()->has_value() ? "done" : runner->outcome()->error();
  }
};

TEST_F(Scripted, DialsAndSeesTheLampLight) {
  rig.server.handle = [&](const sip::Message& request, const Flow& flow) {
    grant(rig.server, request, flow);
    if (request.method() != sip::Method::kInvite) return;
    rig.server.reply(request, flow, 404);
    rig.server.send(flow.remote, buttons(request.request_uri().starts_with("sip:431") ? "k=2\r\nc=on\r\nn=432"
                                                                                      : "k=2\r\nc=off\r\nn=432",
                                         static_cast<int>(rig.server.heard.size())));
  };
  start(
      "register\nwait registered\nexpect key 2 off\ndial 431\nwait key 2 on\nwait idle\npress 2\nwait key 2 off\n"
      "reboot\nwait registered\nexpect key 2 off");
  EXPECT_EQ(outcome(), "done");
}

TEST_F(Scripted, FailedWaitSaysWhatWasExpectedAndWhatIs) {
  start("wait key 2 on 1500ms");
  EXPECT_EQ(outcome(1s), "still running");
  EXPECT_EQ(outcome(), "test.phone:1: expected key 2 on within 1.5 s, but key 2 is off");
  start("register\nwait registered 5s");
  EXPECT_EQ(outcome(), "test.phone:2: expected registered within 5 s, but no answer from 10.0.0.1:5060 (attempt 1)");
}

TEST_F(Scripted, FailedExpectAndImpossibleCommandsEndTheScript) {
  start("expect talking\nquit");
  EXPECT_EQ(outcome(), "test.phone:1: expected talking, but the phone is idle");
  start("\nanswer");
  EXPECT_EQ(outcome(), "test.phone:2: no call is ringing here");
  start("expect key 13 on");
  EXPECT_EQ(outcome(), "test.phone:1: expected key 13 on, but this phone has no key 13");
}

TEST_F(Scripted, QuitEndsIt) {
  start("quit\nexpect talking");
  EXPECT_EQ(outcome(), "done");
}

using Input = TerminalInput::Input;

TEST(TerminalInput, FunctionKeysOfAllKindsOfTerminals) {
  TerminalInput input;
  EXPECT_EQ(input.feed("\x1bOP\x1b[12~\x1b[[C\x1b[24~"),
            (std::vector<Input>{TerminalInput::FunctionKey{1}, TerminalInput::FunctionKey{2},
                                TerminalInput::FunctionKey{3}, TerminalInput::FunctionKey{12}}));
  EXPECT_TRUE(input.feed("\x1b[1").empty());  // in pieces
  EXPECT_EQ(input.feed("5~"), (std::vector<Input>{TerminalInput::FunctionKey{5}}));
  EXPECT_EQ(input.line(), "");
}

TEST(TerminalInput, LinesAreEditedAndRecalled) {
  TerminalInput input;
  EXPECT_TRUE(input.feed("4ü1").empty());
  input.feed("\x1b[D\x7f");  // left, backspace: the whole ü goes
  EXPECT_EQ(input.line(), "41");
  EXPECT_EQ(input.feed("3\r"), (std::vector<Input>{TerminalInput::Line{"431"}}));
  EXPECT_EQ(input.line(), "");
  input.feed("\x1b[A");
  EXPECT_EQ(input.line(), "431");
  input.feed("\x1b[B");
  EXPECT_EQ(input.line(), "");
  EXPECT_EQ(input.feed("\x03"), (std::vector<Input>{TerminalInput::Leave{}}));
  EXPECT_EQ(input.feed("x\x04").size(), 0u);  // Ctrl-D leaves only from an empty line
}

TEST(Identity, TakesAnAddressOfRecordApart) {
  const auto identity = Identity::parse("101@example.com:5070").value();
  EXPECT_EQ(identity.uri, "sip:101@example.com:5070");
  EXPECT_EQ(identity.user, "101");
  EXPECT_EQ(identity.host, "example.com");
  EXPECT_EQ(identity.port, 5070);
  for (const auto* bad : {"", "sip:127.0.0.1", "sip:@x", "sips:101@x", "101@", "tel:101", "1 01@x"}) {
    EXPECT_FALSE(Identity::parse(bad)) << bad;
  }
}

TEST(Model, UnknownOneIsAnsweredWithTheNearest) {
  EXPECT_TRUE(find_model("SNOM370"));
  EXPECT_THAT(find_model("snom371").error(), HasSubstr("unknown model 'snom371', did you mean snom370?; known are "));
  EXPECT_THAT(find_model("yealink").error(), testing::Not(HasSubstr("did you mean")));
}

}  // namespace
}  // namespace lamplighter::phone
