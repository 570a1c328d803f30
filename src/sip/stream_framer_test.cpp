#include "sip/stream_framer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <string>
#include <vector>

namespace lamplighter::sip {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string message(std::string_view body = {}, std::string_view length = {}) {
  std::string out = "MESSAGE sip:101@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1\r\n";
  out.append("Content-Length: ").append(length.empty() ? std::to_string(body.size()) : std::string(length));
  return out.append("\r\n\r\n").append(body);
}

/// What a framer made of pieces: messages, "<ping>", and at the end the error in angle brackets.
struct Framed {
  explicit Framed(const StreamLimits& limits = {}) : framer(limits) {}
  void take(std::string_view piece) {
    if (over) return;
    // A copy of exactly this size, so that ASan sees who reads beyond it.
    const std::vector<char> exact(piece.begin(), piece.end());
    framer.feed({exact.data(), exact.size()});
    for (;;) {
      const auto frame = framer.next();
      if (!frame) {
        frames.push_back("<" + std::string(frame.error()) + ">");
        over = true;
        EXPECT_FALSE(framer.next());
        return;
      }
      if (!*frame) return;
      frames.push_back((*frame)->kind == Frame::Kind::kPing ? "<ping>" : std::string((*frame)->bytes));
    }
  }
  StreamFramer framer;
  std::vector<std::string> frames;
  bool over = false;
};

std::vector<std::string> frames(std::string_view bytes, const StreamLimits& limits = {}) {
  Framed whole(limits);
  whole.take(bytes);
  // However the network cuts them, here at its worst.
  Framed single(limits);
  for (const char& c : bytes) single.take({&c, 1});
  EXPECT_EQ(single.frames, whole.frames);
  return whole.frames;
}

TEST(StreamFramer, MessagesEndWhereTheirContentLengthSays) {
  const auto one = message();
  const auto two = message("k=2\r\n\r\nc=on");
  EXPECT_THAT(frames(one + two + one), ElementsAre(one, two, one));
  EXPECT_THAT(frames(two.substr(0, two.size() - 1)), IsEmpty());
}

// Found by fuzzing: cut between its CR and its LF, a start line of exactly the limit was taken for one too long.
TEST(StreamFramer, TheLimitOfTheStartLineCountsTheLineAlone) {
  const auto of_size = [](std::size_t size) {
    std::string line = "MESSAGE sip:@a SIP/2.0";
    line.insert(12, size - line.size(), '1');
    return line + "\r\nContent-Length: 0\r\n\r\n";
  };
  const StreamLimits limits{.start_line = 64, .head = 512, .body = 256};
  EXPECT_THAT(frames(of_size(64), limits), ElementsAre(of_size(64)));
  EXPECT_THAT(frames(of_size(65), limits), ElementsAre("<start line too long>"));
}

TEST(StreamFramer, ContentLengthIsFoundAsTheParserFindsIt) {
  for (const auto* header : {"Content-Length: 3", "l:3", "CONTENT-LENGTH \t: 3 ", "L  :  3", "Content-Length:\r\n 3",
                             "X: y\r\n folded\r\nl: 3\r\nX:", "l: 3\r\nContent-Length: 3"}) {
    const auto text = std::string("SIP/2.0 200 OK\r\n") + header + "\r\n\r\nabc";
    EXPECT_THAT(frames(text + text), ElementsAre(text, text)) << header;
  }
}

TEST(StreamFramer, TwoEmptyLinesArePingsAndOneIsNothing) {
  const auto one = message();
  EXPECT_THAT(frames("\r\n\r\n"), ElementsAre("<ping>"));
  EXPECT_THAT(frames("\r\n\r\n\r\n\r\n" + one + "\r\n\r\n"), ElementsAre("<ping>", "<ping>", one, "<ping>"));
  EXPECT_THAT(frames("\r\n" + one + "\r\n" + one), ElementsAre(one, one));  // RFC 3261 §7.5
  EXPECT_THAT(frames("\n\r\n\n\r\n\r\n"), ElementsAre("<ping>"));
}

TEST(StreamFramer, AMessageWithoutAKnownLengthComesWithItsHeadOnly) {
  const std::string head = "OPTIONS sip:a SIP/2.0\r\nVia: SIP/2.0/TCP b\r\n\r\n";
  EXPECT_THAT(frames(head + "whatever"), ElementsAre(head, "<message without Content-Length>"));
  for (const auto* bad : {"-1", "x", "1 2", "0x3"}) {
    EXPECT_THAT(frames(message("abc", bad)), ElementsAre(message("", bad), "<bad Content-Length>")) << bad;
  }
  for (const auto* large : {"65537", "99999999999999999999"}) {
    EXPECT_THAT(frames(message("abc", large)), ElementsAre(message("", large), "<body too large>"));
  }
  const auto largest = message(std::string(65536, 'x'));
  Framed framed;
  framed.take(largest);
  EXPECT_THAT(framed.frames, ElementsAre(largest));
}

TEST(StreamFramer, TwoLengthsAreOneTooMany) {
  EXPECT_THAT(frames("BYE sip:a SIP/2.0\r\nl: 0\r\nContent-Length: 5\r\n\r\nabcde"),
              ElementsAre("<two Content-Length headers that differ>"));
}

TEST(StreamFramer, SaysWhatElseItWasGiven) {
  EXPECT_THAT(frames("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), ElementsAre("<HTTP where SIP is spoken>"));
  EXPECT_THAT(frames(std::string("\x16\x03\x01\x02", 4)), ElementsAre("<TLS where SIP in clear text is spoken>"));
  EXPECT_THAT(frames(std::string("\x80\x00", 2)), ElementsAre("<binary data instead of a start line>"));
  EXPECT_THAT(frames("OPTIONS sip:a SIP/2.0\nVia: x\n\n"), ElementsAre("<binary data instead of a start line>"));
  EXPECT_THAT(frames("hello\r\n"), ElementsAre("<no SIP start line>"));
  EXPECT_THAT(frames("SIP/2.0\r\n\r\n"), ElementsAre("SIP/2.0\r\n\r\n", "<message without Content-Length>"));
}

TEST(StreamFramer, LimitsHoldBeforeTheRestArrives) {
  const StreamLimits small{.start_line = 40, .head = 120, .body = 10};
  EXPECT_THAT(frames(std::string(41, 'A'), small), ElementsAre("<start line too long>"));
  EXPECT_THAT(frames(std::string(40, 'A'), small), IsEmpty());
  EXPECT_THAT(frames("BYE sip:a SIP/2.0\r\n" + std::string(102, 'A'), small), ElementsAre("<headers too large>"));
  EXPECT_THAT(frames(message("0123456789"), small), ElementsAre(message("0123456789")));
  EXPECT_THAT(frames(message("0123456789a"), small), ElementsAre(HasSubstr(": 11\r\n\r\n"), "<body too large>"));
  Framed endless;
  for (int i = 0; i < 100'000 && !endless.over; ++i) endless.take(i == 0 ? "BYE sip:a SIP/2.0\r\n" : "X: y\r\n");
  EXPECT_THAT(endless.frames, ElementsAre("<headers too large>"));
}

TEST(StreamFramer, KnowsWhetherAMessageIsUnfinished) {
  Framed framed;
  EXPECT_FALSE(framed.framer.unfinished());
  framed.take("\r\n\r");
  EXPECT_FALSE(framed.framer.unfinished());
  framed.take(message() + "B");
  EXPECT_TRUE(framed.framer.unfinished());
  framed.take("YE sip:a SIP/2.0\r\nl: 0\r\n\r\n");
  EXPECT_FALSE(framed.framer.unfinished());
}

rc::Gen<std::string> anything() {
  const auto good = rc::gen::map(rc::gen::string<std::string>(), [](const auto& body) { return message(body); });
  const auto odd = rc::gen::element<std::string>(
      "\r\n", "\r\n\r\n", "\r", "\n", message("abc", "x"), message("abc", "2"), "GET / HTTP/1.1\r\n\r\n", "l: 0\r\n",
      "SIP/2.0 200 OK\r\n", "BYE sip:a SIP/2.0\r\nl : 4\r\n\r\n", std::string(60, 'x'));
  return rc::gen::weightedOneOf<std::string>({{3, good}, {2, odd}});
}

RC_GTEST_PROP(StreamFramerProperty, AnySplitOfTheBytesYieldsTheSame, ()) {
  const auto parts = *rc::gen::container<std::vector<std::string>>(anything());
  std::string all;
  for (const auto& part : parts) all += part;
  const StreamLimits limits{.start_line = 50, .head = 120, .body = 60};
  Framed whole(limits);
  whole.take(all);
  Framed cut(limits);
  for (std::string_view rest = all; !rest.empty();) {
    const auto size = std::min<std::size_t>(rest.size(), *rc::gen::inRange<std::size_t>(1, 40));
    cut.take(rest.substr(0, size));
    rest.remove_prefix(size);
  }
  RC_ASSERT(cut.frames == whole.frames);
  RC_ASSERT(cut.framer.unfinished() == whole.framer.unfinished() || whole.over);
}

}  // namespace
}  // namespace lamplighter::sip
