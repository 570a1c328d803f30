#include "phone/terminal_input.h"

#include <algorithm>
#include <array>
#include <utility>

namespace lamplighter::phone {

namespace {

constexpr std::size_t kMaxLine = 200;
constexpr std::size_t kMaxHistory = 100;

struct Sequence {
  std::string_view bytes;
  int key;
};
// What xterm, the Linux console and their relatives send for F1 to F12.
constexpr std::array<Sequence, 21> kFunctionKeys{
    {{"OP", 1},   {"OQ", 2},   {"OR", 3},   {"OS", 4},   {"[11~", 1},  {"[12~", 2},  {"[13~", 3},
     {"[14~", 4}, {"[[A", 1},  {"[[B", 2},  {"[[C", 3},  {"[[D", 4},   {"[[E", 5},   {"[15~", 5},
     {"[17~", 6}, {"[18~", 7}, {"[19~", 8}, {"[20~", 9}, {"[21~", 10}, {"[23~", 11}, {"[24~", 12}}};

bool continues_character(char c) { return (static_cast<unsigned char>(c) & 0xc0u) == 0x80; }

/// Whether an escape sequence (without its ESC) is complete: ESC O x, ESC [ … final byte, ESC [ [ x.
bool is_complete(std::string_view sequence) {
  if (sequence.empty()) return false;
  if (sequence[0] == 'O') return sequence.size() == 2;
  if (sequence[0] != '[') return true;
  if (sequence.size() > 1 && sequence[1] == '[') return sequence.size() == 3;
  return sequence.size() > 1 && sequence.back() >= 0x40 && sequence.back() <= 0x7e;
}

}  // namespace

std::vector<TerminalInput::Input> TerminalInput::feed(std::string_view bytes) {
  std::vector<Input> out;
  for (const char c : bytes) {
    if (!escape_.empty()) {
      escape_ += c;
      if (is_complete(std::string_view{escape_}.substr(1)) || escape_.size() > 16) {
        escape(std::string_view{escape_}.substr(1), out);
        escape_.clear();
      }
    } else if (c == '\x1b') {
      escape_ = c;
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      control(c, out);
    } else if (line_.size() < kMaxLine) {
      line_.insert(cursor_++, 1, c);
    }
  }
  return out;
}

void TerminalInput::control(char c, std::vector<Input>& out) {
  switch (c) {
    case '\r':
    case '\n':
      if (!line_.empty() && (history_.empty() || history_.back() != line_)) history_.push_back(line_);
      if (history_.size() > kMaxHistory) history_.erase(history_.begin());
      recalled_ = history_.size();
      cursor_ = 0;
      out.push_back(Line{std::exchange(line_, {})});
      return;
    case 0x03: out.push_back(Leave{}); return;  // Ctrl-C
    case 0x04:                                  // Ctrl-D
      if (line_.empty()) out.push_back(Leave{});
      return;
    case 0x08:
    case 0x7f: erase_before(); return;
    case 0x01: cursor_ = 0; return;             // Ctrl-A
    case 0x05: cursor_ = line_.size(); return;  // Ctrl-E
    case 0x15:                                  // Ctrl-U
      line_.erase(0, cursor_);
      cursor_ = 0;
      return;
    default: return;
  }
}

void TerminalInput::escape(std::string_view sequence, std::vector<Input>& out) {
  const auto key = std::ranges::find(kFunctionKeys, sequence, &Sequence::bytes);
  if (key != kFunctionKeys.end()) {
    out.push_back(FunctionKey{key->key});
  } else if (sequence == "[A" || sequence == "OA") {
    recall(-1);
  } else if (sequence == "[B" || sequence == "OB") {
    recall(+1);
  } else if (sequence == "[C" || sequence == "OC") {
    move(+1);
  } else if (sequence == "[D" || sequence == "OD") {
    move(-1);
  } else if (sequence == "[H" || sequence == "OH" || sequence == "[1~") {
    cursor_ = 0;
  } else if (sequence == "[F" || sequence == "OF" || sequence == "[4~") {
    cursor_ = line_.size();
  }
}

void TerminalInput::recall(int step) {
  const auto wanted = static_cast<std::ptrdiff_t>(recalled_) + step;
  if (wanted < 0 || wanted > static_cast<std::ptrdiff_t>(history_.size())) return;
  recalled_ = static_cast<std::size_t>(wanted);
  line_ = recalled_ < history_.size() ? history_[recalled_] : std::string{};
  cursor_ = line_.size();
}

void TerminalInput::move(int step) {
  if (step > 0 ? cursor_ == line_.size() : cursor_ == 0) return;
  do {
    cursor_ = step > 0 ? cursor_ + 1 : cursor_ - 1;
  } while (cursor_ > 0 && cursor_ < line_.size() && continues_character(line_[cursor_]));
}

void TerminalInput::erase_before() {
  const auto end = cursor_;
  move(-1);
  line_.erase(cursor_, end - cursor_);
}

}  // namespace lamplighter::phone
